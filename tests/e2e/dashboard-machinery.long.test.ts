/** An operator at queues, workers, schedules and templates of a live system. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { freshDatabase, until } from "@contimg/testkit";
import { describe, test } from "vitest";

import { convert, hold, letGo } from "./dashboard-bed.ts";
import { CHROMIUM, NARROW, picture, WIDE } from "./dashboard-browser.ts";
import { openDesk } from "./dashboard-desk.ts";

const database = freshDatabase();

const GROUP = { group_id: "2026-01-25T08:08:54", priority_band: "low", antenna_count: 96 } as const;

describe.skipIf(!existsSync(CHROMIUM))("an operator at the machinery", () => {
  const desk = openDesk(database, {
    async prepare(bed) {
      await bed.client.spawnMany([
        { task: hold, params: { word: "solve" } },
        { task: convert, params: GROUP },
      ]);
      await bed.client.schedules.create({
        name: "nightly-conversion",
        spec: { cron: "0 3 * * *", timeZone: "UTC" },
        spawn: { task: convert, params: GROUP },
      });
    },
    async end() {
      letGo("solve");
    },
  });
  const { at } = desk;

  const queue = async () =>
    (await desk.bed.client.queues.list()).find((q) => q.name === "default")!;

  test("pauses a queue with a reason, and resumes it", async () => {
    const { page, isClean } = await at("/queues");
    await page.getByRole("link", { name: "default" }).click();
    await page.waitForURL(/\/queues\/default/);
    await page.getByRole("button", { name: "Pause" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/Reason/).fill("the disk is full");
    await isClean();
    await dialog.getByRole("button", { name: "Pause" }).click();
    await page.locator("h1").getByText("Paused").waitFor();
    assert.equal((await queue()).paused, true);
    const audit = await fetch(`${desk.bed.server.url}/absurd/audit?action=pauseQueue`);
    assert.match(await audit.text(), /the disk is full/);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    assert.equal((await queue()).paused, false);
  });

  test("changes a queue's limit; what cannot be is said and not sent", async () => {
    const { page, isClean } = await at("/queues/default?range=6h&step=5m");
    await page.getByRole("button", { name: "6 h", pressed: true }).waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    const field = page.getByLabel("Running at once");
    await field.fill("many");
    await page.getByText("expected a whole number from 1").waitFor();
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
    await field.fill("12");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Settings of default saved").waitFor();
    assert.equal((await queue()).runningMax, 12);
    await isClean();
  });

  test("sees what a worker runs, drains it and takes it back", async () => {
    const { page, isClean } = await at("/workers");
    const card = page.getByRole("listitem").filter({ hasText: "lxd110h03" });
    await card.getByRole("link", { name: "calibration-solve" }).waitFor();
    await card.getByText("1 of 3 slots used").waitFor();
    await isClean();
    for (const [action, state] of [
      ["Drain", "Draining"],
      ["Resume", "Active"],
    ] as const) {
      await card.getByRole("button", { name: /Actions of worker/ }).click();
      await page.getByRole("menuitem", { name: action }).click();
      await page.getByRole("dialog").getByRole("button", { name: action }).click();
      await card.getByText(state, { exact: true }).waitFor();
    }
  });

  test("makes a schedule with a preview, triggers it, backfills after a dry run", async () => {
    const { page, isClean } = await at("/new-schedule");
    await page.getByLabel("Name", { exact: true }).fill("hourly-conversion");
    await page.getByLabel("Cron expression").fill("0 * * * *");
    await page
      .getByRole("region", { name: "Preview" })
      .getByText(/every hour/)
      .waitFor();
    await page.getByLabel("Task name").fill(convert.name);
    await page.getByLabel("Params (JSON)").fill(JSON.stringify(GROUP));
    await isClean();
    await page.getByRole("button", { name: "Make schedule" }).click();
    await page.waitForURL(/\/schedules\/hourly-conversion/);
    await page.getByRole("button", { name: "Trigger now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Trigger now" }).click();
    await page.getByText("by hand").waitFor();
    await page.getByRole("button", { name: "Backfill" }).click();
    await page.getByRole("button", { name: "Show what it would fire" }).click();
    const fire = page.getByRole("button", { name: /^Fire \d+ instants?$/ });
    await fire.waitFor();
    await isClean();
    await fire.click();
    await page.getByText("backfill", { exact: true }).first().waitFor();
    const fires = await desk.bed.client.schedules.fires("hourly-conversion", 100);
    assert.ok(fires.filter((each) => each.origin === "backfill").length >= 23);
    assert.equal(fires.filter((each) => each.origin === "trigger").length, 1);
  });

  test("writes a template, is told where it is wrong, and runs it after its plan", async () => {
    const { page, isClean } = await at("/new-template");
    await page.getByLabel("Name", { exact: true }).fill("convert-group");
    const editor = page.getByLabel("Params and nodes (JSON)");
    const written = {
      params: [{ name: "group", type: "string" }],
      nodes: [
        { node: "convert", task_name: convert.name, params: { group_id: { $param: "group" } } },
        { node: "again", task_name: convert.name, params: GROUP, depends_on: ["convrt"] },
      ],
    };
    await editor.fill(JSON.stringify(written, null, 2));
    await page.getByText('no node "convrt"').waitFor();
    await page.getByRole("button", { name: /^line \d+, column \d+$/ }).click();
    const chosen = await page.evaluate<string>("document.getSelection().toString()");
    assert.equal(chosen, '"convrt"');
    await isClean();
    await editor.fill(JSON.stringify(written, null, 2).replace("convrt", "convert"));
    await page.getByRole("button", { name: "Store template" }).click();
    await page.waitForURL(/\/templates\/convert-group/);
    await page.getByRole("tab", { name: "Run" }).click();
    await page.getByLabel(/^group/).fill("2026-01-25T08:14:03");
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("2 tasks, nothing is spawned yet").waitFor();
    await page.getByRole("button", { name: "Spawn 2 tasks" }).click();
    await page.waitForURL(/\/workflows\//);
    const [made] = await desk.bed.client.workflows.list({ name: "convert-group" });
    await until(
      async () => (await desk.bed.client.workflows.show(made!.workflowId)).status === "completed",
      { what: "the template's workflow is completed" },
    );
    await page.locator("h1").getByText("Completed").waitFor();
  });

  test("has every page clean in light and dark, wide and narrow", async () => {
    for (const [name, path] of [
      ["queues", "/queues"],
      ["queue", "/queues/default"],
      ["workers", "/workers"],
      ["schedules", "/schedules"],
      ["schedule", "/schedules/hourly-conversion"],
      ["new-schedule", "/new-schedule"],
      ["template", "/templates/convert-group"],
      ["template-edit", "/templates/convert-group?tab=edit"],
    ] as const) {
      for (const [looks, options] of [
        ["light-wide", { size: WIDE, scheme: "light" }],
        ["dark-narrow", { size: NARROW, scheme: "dark" }],
      ] as const) {
        const { page, isClean } = await at(path, options);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await until(async () => (await page.locator(".skeleton").count()) === 0, {
          what: `${name} has its data`,
        });
        await isClean();
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(width <= options.size.width, `${name} is ${width} pixels wide`);
        await picture(page, `${name}-${looks}`);
        await page.context().close();
      }
    }
  }, 180_000);
});
