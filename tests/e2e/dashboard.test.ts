/** An operator at the dashboard of a live system, in a real browser. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { ensureBuilt } from "@contimg/dashboard";
import { deadline, freshDatabase, until } from "@contimg/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";

import { type Bed, convert, hold, imaging, letGo, startBed } from "./dashboard-bed.ts";
import {
  assertAccessible,
  CHROMIUM,
  launch,
  NARROW,
  openPage,
  picture,
  type Watched,
} from "./dashboard-browser.ts";

const database = freshDatabase();
const GROUPS = ["2026-01-25T08:08:54", "2026-01-25T08:14:03", "2026-01-25T08:19:12"];

void deadline;
void until;
void NARROW;
void picture;

describe.skipIf(!existsSync(CHROMIUM))("the dashboard", () => {
  let bed: Bed;
  let browser: Browser;
  let base: string;

  beforeAll(async () => {
    await ensureBuilt();
    bed = await startBed(database.url, database.pool());
    browser = await launch();
    base = bed.server.url;
    for (const group of GROUPS) {
      await bed.client.spawn(convert, { group_id: group }, { tags: ["night"] });
      await bed.client.spawn(imaging, { group_id: group });
    }
    await bed.client.spawn(hold, { word: "solve" });
  }, 120_000);

  afterAll(async () => {
    letGo("solve");
    await browser?.close();
    await bed?.close();
  });

  test("looks", async () => {
    const { page, complaints }: Watched = await openPage(browser);
    for (const [name, path] of [
      ["overview", "/"],
      ["tasks", "/tasks"],
      ["spawn", "/spawn"],
      ["settings", "/settings"],
    ] as const) {
      await page.goto(`${base}${path}`);
      await page.locator("h1").waitFor();
      await new Promise((r) => setTimeout(r, 1500));
      await page.screenshot({ path: `/tmp/dash-${name}.png` });
    }
    await page.goto(`${base}/tasks?q=status:failed`);
    await page
      .getByRole("link", { name: /imaging/ })
      .first()
      .click();
    await new Promise((r) => setTimeout(r, 1500));
    await page.screenshot({ path: `/tmp/dash-task.png` });
    console.log(complaints);
    await assertAccessible(page);
    assert.deepEqual(complaints, []);
  });
});
