/** Signing in, roles, a session that ends: at a path of its own, as behind a proxy. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { AccessStore } from "@contimg/api";
import { ensureBuilt } from "@contimg/dashboard";
import { freshDatabase } from "@contimg/testkit";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";

import { type Bed, hold, startBed } from "./dashboard-bed.ts";
import { assertAccessible, CHROMIUM, launch, openPage } from "./dashboard-browser.ts";

const database = freshDatabase();

/** What the browser itself says of a refused call; the page says it in words. */
const REFUSED = /status of 401/;

describe.skipIf(!existsSync(CHROMIUM))("at /ops, where tokens are asked for", () => {
  let bed: Bed;
  let browser: Browser;
  let store: AccessStore;
  let taskId: string;
  const open: Page[] = [];

  beforeAll(async () => {
    await ensureBuilt();
    bed = await startBed(database.url, database.pool(), { basePath: "/ops", auth: "tokens" });
    store = new AccessStore(database.pool());
    taskId = (await bed.client.spawn(hold, { word: "a" }, { delaySeconds: 3600 })).taskId;
    browser = await launch();
  }, 120_000);

  afterEach(async () => {
    await Promise.all(open.splice(0).map((page) => page.context().close()));
  });

  afterAll(async () => {
    await browser.close();
    await bed.close();
  });

  async function signedIn(role: "viewer" | "operator" | "admin", path: string) {
    const token = await store.createToken({
      name: `${role} of ${path}`,
      role,
      createdBy: "a test",
    });
    const { page, complaints } = await openPage(browser);
    open.push(page);
    await page.goto(`${bed.server.url}${path}`);
    await page.getByLabel("Token").fill(token.secret);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation").waitFor();
    return { page, token, complaints };
  }

  function button(page: Page, name: string | RegExp) {
    return page.getByRole("main").getByRole("button", { name });
  }

  test("a sent address is opened after signing in, and pages stay below /ops", async () => {
    assert.match(bed.server.url, /\/ops$/);
    const { page, complaints } = await signedIn("operator", "/tasks?q=status:pending");
    await page.getByText("1 task, all").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("q"), "status:pending");
    await page.locator(".live-mark.is-live").waitFor();
    await page
      .getByRole("link", { name: /calibration-solve/ })
      .first()
      .click();
    await page.waitForURL((url) => url.pathname === `/ops/tasks/${taskId}`);
    await page.reload();
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    await page.getByRole("link", { name: "Absurd" }).click();
    await page.getByText("What needs you now").waitFor();
    assert.deepEqual(complaints, []);
  });

  test("a wrong token is refused in words, and nothing is shown", async () => {
    const { page, complaints } = await openPage(browser);
    open.push(page);
    await page.goto(`${bed.server.url}/tasks`);
    await page.getByLabel("Token").waitFor();
    await assertAccessible(page);
    await page.getByLabel("Token").fill("not a token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
    assert.deepEqual(
      complaints.filter((each) => !REFUSED.test(each)),
      [],
    );
  });

  test("a viewer reads all, and is offered nothing that changes it", async () => {
    const { page } = await signedIn("viewer", `/tasks/${taskId}`);
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    for (const name of ["Cancel", "Move", "Retry", "Edit and spawn again"]) {
      assert.equal(await button(page, name).count(), 0, name);
    }
    await page.keyboard.press("c");
    assert.equal(await page.getByRole("dialog").count(), 0, "nor by a key");
    await page.goto(`${bed.server.url}/tasks/${taskId}?dialog=cancel`);
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0, "nor by an address");

    await page.goto(`${bed.server.url}/tasks`);
    await page.getByText("1 task, all").waitFor();
    assert.equal(await button(page, "All that fit").count(), 0);
    assert.equal(await page.getByRole("main").getByRole("link", { name: "Spawn" }).count(), 0);
    await button(page, "Actions of row 1").click();
    await page.getByRole("menuitem", { name: "Copy the id" }).waitFor();
    assert.equal(await page.getByRole("menuitem", { name: /Cancel|Move|Spawn/ }).count(), 0);

    await page.goto(`${bed.server.url}/spawn`);
    await page.getByText("Your role may look, not spawn.").waitFor();
    assert.equal(await button(page, "Spawn").count(), 0);
    await page.goto(`${bed.server.url}/settings`);
    await page.getByText(/, viewer$/).waitFor();
    assert.equal(await button(page, "Make a token").count(), 0);
  });

  test("an operator acts, and an admin makes tokens", async () => {
    const { page } = await signedIn("operator", `/tasks/${taskId}`);
    await button(page, "Move").click();
    await page.getByRole("dialog").waitFor();
    await page.goto(`${bed.server.url}/settings`);
    await page.getByText(/, operator$/).waitFor();
    assert.equal(await button(page, "Make a token").count(), 0);

    const admin = (await signedIn("admin", "/settings")).page;
    await admin.getByLabel("Whose, or for what").fill("the night shift");
    await button(admin, "Make a token").click();
    await admin.getByText("Shown once:").waitFor();
    const secret = await admin.getByText("Shown once:").locator("code").textContent();
    assert.equal((await store.findHolder(secret ?? ""))?.role, "viewer");
  });

  test("views of failures and dead letters that are shared open for others", async () => {
    const maria = (await signedIn("operator", "/failures?state=all&mine=yes&find=no%20space")).page;
    await saveShared(maria, "Disks of the night");
    await maria.goto(`${bed.server.url}/dead-letters?q=name:imaging&cols=task,error,tags`);
    await saveShared(maria, "Dead images");

    const other = (await signedIn("viewer", "/failures")).page;
    await openView(other, "Disks of the night");
    await other.waitForURL(/state=all/);
    const { searchParams } = new URL(other.url());
    assert.deepEqual([searchParams.get("find"), searchParams.get("mine")], ["no space", "yes"]);
    await assertAccessible(other);
    await button(other, "Disks of the night").click();
    await other.getByRole("menuitem", { name: "Save this view…" }).waitFor();
    assert.equal(await other.getByRole("menuitem", { name: /^Remove/ }).count(), 0);

    await other.goto(`${bed.server.url}/dead-letters`);
    await openView(other, "Dead images");
    await other.waitForURL(/q=name%3Aimaging/);
    assert.equal(new URL(other.url()).searchParams.get("cols"), "task,error,tags");
  });

  async function saveShared(page: Page, name: string): Promise<void> {
    await button(page, "Views").click();
    await page.getByRole("menuitem", { name: "Save this view…" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill(name);
    await page.getByLabel("Everybody sees it").check();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await button(page, name).waitFor();
  }

  async function openView(page: Page, name: string): Promise<void> {
    await button(page, "Views").click();
    await page.getByRole("menuitem", { name: new RegExp(`^${name} \\(shared by`) }).click();
  }

  test("a session that ends asks to sign in again, at the same address", async () => {
    const { page, token } = await signedIn("operator", `/tasks/${taskId}?tab=data`);
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    const admin = await store.createToken({ name: "revokes", role: "admin", createdBy: "a test" });
    const { status } = await fetch(`${bed.server.url}/absurd/tokens/${token.tokenId}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${admin.secret}` },
    });
    assert.equal(status, 204);
    await page.getByRole("tab", { name: "Steps" }).click();
    await page.getByLabel("Token").waitFor();
    assert.equal(new URL(page.url()).pathname, `/ops/tasks/${taskId}`);

    const next = await store.createToken({ name: "next", role: "viewer", createdBy: "a test" });
    await page.getByLabel("Token").fill(next.secret);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    await page.getByRole("banner").getByRole("button", { name: /next/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
  });
});
