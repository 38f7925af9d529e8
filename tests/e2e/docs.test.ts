/**
 * The API's own page in a real browser, under the server's policy: it reads, and tries, the
 * API.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { AbsurdClient, defineTask } from "@contimg/absurd";
import { type Server, startServer } from "@contimg/api";
import { PROBLEM_CODES } from "@contimg/contract";
import { freshDatabase } from "@contimg/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { z } from "zod";

import { assertAccessible, CHROMIUM, launch, NARROW, openPage, WIDE } from "./dashboard-browser.ts";

const database = freshDatabase();
const grid = defineTask({
  name: "grid",
  params: z.strictObject({ cell: z.number() }),
  handler: () => Promise.resolve(),
});

describe.skipIf(!existsSync(CHROMIUM))("the API's page (needs chromium)", () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    server = await startServer({ connectionString: database.url, port: 0, basePath: "/ops" });
    const client = new AbsurdClient(database.pool(), { tasks: [grid] });
    await client.spawn(grid, { cell: 2.4 });
    await client.close();
    browser = await launch();
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  for (const scheme of ["light", "dark"] as const) {
    for (const size of [WIDE, NARROW]) {
      test(`reads well at ${size.width} in ${scheme}, without a word of the console`, async () => {
        const { page, complaints } = await openPage(browser, { size, scheme });
        await page.goto(`${server.url}/absurd/docs#listTasks`);
        const block = page.locator("#listTasks");
        await block.getByRole("heading", { name: "Try it" }).waitFor();
        await assertAccessible(page);
        const overflow = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert.equal(overflow, 0);
        assert.deepEqual(complaints, []);
        await page.context().close();
      });
    }
  }

  test("asks the server what a reader wants to try", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${server.url}/absurd/docs#listTasks`);
    const block = page.locator("#listTasks");
    await block.locator("input[name=q]").fill("name:grid");
    await block.getByRole("button", { name: "Send" }).click();
    const answer = block.getByRole("status");
    await answer.getByText("200 /ops/absurd/tasks?q=name%3Agrid").waitFor();
    assert.match((await answer.locator("pre").textContent()) ?? "", /"task_name": "grid"/);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  test("finds an operation by a word of it", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${server.url}/absurd/docs`);
    await page.locator("#listTasks").waitFor();
    await page.getByLabel("Search").fill("undo");
    await page.locator("#listTasks").waitFor({ state: "hidden" });
    assert.ok(await page.locator("details:visible").count());
    await page.context().close();
  });

  test("has a place for every problem's address", async () => {
    const { page, complaints } = await openPage(browser, { size: NARROW });
    for (const code of PROBLEM_CODES) {
      await page.goto(`${server.url}/absurd/docs/problems#${code}`);
      assert.equal(await page.locator(":target code").textContent(), code);
    }
    await assertAccessible(page);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
});
