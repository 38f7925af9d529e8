/** An operator at the dashboard of a live system, in a real browser. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { freshDatabase, until } from "@contimg/testkit";
import { describe, test } from "vitest";

import { convert, hold, imaging, letGo } from "./dashboard-bed.ts";
import { assertAccessible, CHROMIUM, isFull, looksOf, picture } from "./dashboard-browser.ts";
import { openDesk } from "./dashboard-desk.ts";

const database = freshDatabase();
const GROUPS = ["2026-01-25T08:08:54", "2026-01-25T08:14:03", "2026-01-25T08:19:12"];

describe.skipIf(!existsSync(CHROMIUM))("an operator", () => {
  let solving: string;
  const desk = openDesk(database, {
    async prepare(bed) {
      for (const group of GROUPS) {
        await bed.client.spawn(convert, {
          group_id: group,
          priority_band: "low",
          antenna_count: 96,
        });
        await bed.client.spawn(imaging, { group_id: group, cell_arcsec: 2.4 });
      }
      solving = (await bed.client.spawn(hold, { word: "solve" })).taskId;
      await until(async () => (await bed.client.stats())[0]?.failed === GROUPS.length, {
        what: "every image has failed",
      });
    },
    async end() {
      letGo("solve");
    },
  });
  const { at } = desk;

  test("sees on the overview what needs her, and follows it", async () => {
    const { page, isClean } = await at("/");
    await page.getByText("3 failed tasks in 1 group that nobody looked at").waitFor();
    await page.locator(".live-mark.is-live").waitFor();
    await isClean();
    await page.getByRole("link", { name: "Failures" }).last().click();
    await page.waitForURL(/\/failures$/);
  });

  test("filters tasks by typing, with completion, and sends the address to a friend", async () => {
    const { page, isClean } = await at("/tasks");
    const filter = page.getByRole("combobox", { name: "Filter tasks" });
    await filter.fill("sta");
    await page
      .getByRole("option", { name: /^status:/ })
      .first()
      .waitFor();
    await filter.press("Tab");
    await filter.pressSequentially("fai");
    await filter.press("Tab");
    assert.equal((await filter.inputValue()).trim(), "status:failed");
    await filter.press("Enter");
    await page.waitForURL(/q=status%3Afailed/);
    await page.getByText("3 tasks, all").waitFor();
    await isClean();

    const friend = await at(new URL(page.url()).pathname + new URL(page.url()).search);
    await friend.page.getByText("3 tasks, all").waitFor();
  });

  test("is told where a filter is wrong, and cannot apply it", async () => {
    const { page } = await at("/tasks");
    const filter = page.getByRole("combobox", { name: "Filter tasks" });
    await filter.fill("status:faild");
    await filter.press("Escape");
    await page.getByText(/faild.*expected/).waitFor();
    assert.equal(await page.locator(".filter-marks mark").textContent(), "faild");
    assert.ok(await page.getByRole("button", { name: "Apply" }).isDisabled());
  });

  test("walks the table by keys, selects a range, and opens a task", async () => {
    const { page } = await at("/tasks?q=name:imaging");
    await page.getByText("3 tasks, all").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Space");
    await page.keyboard.press("J");
    await page.getByText("2 tasks selected").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /imaging/ }).waitFor();
  });

  test("jumps through a long list, and each row is what it says", async () => {
    const later = Array.from({ length: 400 }, (_, index) => ({
      task: hold,
      params: { word: `tile ${index}` },
      delaySeconds: 86_400,
      tags: ["long-list"],
    }));
    const ids = (await desk.bed.client.spawnMany(later)).map((each) => each.taskId).reverse();
    const { page } = await at("/tasks?q=tag:long-list");
    const rows = page.locator(".data-table tbody tr[data-key]");
    await rows.first().waitFor();
    const scroller = page.locator(".data-table-scroll");
    await rows.nth(2).getByRole("checkbox").focus();
    for (const top of [1e6, 5_000, 0, 1e6, 8_000]) {
      await page.evaluate(`document.querySelector(".data-table-scroll").scrollTop = ${top}`);
      const isThere = async () => {
        const bounds = await scroller.boundingBox();
        const first = await rows.first().boundingBox();
        return bounds !== null && first !== null && first.y <= bounds.y + 40;
      };
      await until(isThere, { what: `rows are drawn at ${top} pixels` });
    }
    const seen = await page.evaluate<{ row: number; id: string }[]>(
      `[...document.querySelectorAll(".data-table tbody tr[data-key]")].map((row) => ({
        row: Number(row.ariaRowIndex) - 2,
        id: row.querySelector("a").title,
      }))`,
    );
    const from = seen[0]!.row;
    assert.ok(from > 100);
    assert.deepEqual(
      seen,
      seen.map((_, place) => ({ row: from + place, id: ids[from + place] })),
    );
    // The focus was on a row that is out of sight: no other has it now.
    assert.equal(await page.evaluate("document.activeElement.tagName"), "BODY");
  });

  test("learns why a task failed, and spawns it again with other params", async () => {
    const { page, isClean } = await at("/tasks?q=status:failed");
    await page
      .getByRole("link", { name: /imaging/ })
      .first()
      .click();
    await page.getByText("CalibrationMissing").first().waitFor();
    await page.getByText("fatal: does not pass by trying again").waitFor();
    await page.getByText("the tile's calibration is missing").waitFor();
    await isClean();
    const failed = page.url();

    await page.getByRole("button", { name: "Edit and spawn again" }).click();
    const params = page.getByRole("textbox", { name: "Params" });
    await params.fill((await params.inputValue()).replace("2.4", "4"));
    await assertAccessible(page);
    await page.getByRole("button", { name: "Spawn", exact: true }).click();

    await page.waitForURL((url) => url.href !== failed && !url.search.includes("respawn"));
    await page.getByText("Completed", { exact: true }).first().waitFor();
    await page.getByRole("tab", { name: "Params and result" }).click();
    await page.getByText(/images\/2026/).waitFor();
    await isClean();
  });

  test("retries a task from a step, and sees its second attempt", async () => {
    const { page } = await at("/tasks?q=status:failed");
    await page
      .getByRole("link", { name: /imaging/ })
      .last()
      .click();
    await page.getByRole("tab", { name: "Steps" }).click();
    await page.getByRole("button", { name: "Rerun from here" }).click();
    await page.getByRole("textbox", { name: /Reason/ }).fill("the table was made");
    await page.getByRole("dialog").getByRole("button", { name: "Rerun from here" }).click();
    await page.getByText("A new start was given").waitFor();
    await page.getByRole("tab", { name: "Attempts" }).click();
    await page.getByText("Attempt 2").waitFor();
  });

  test("sees a running task move, and ends it", async () => {
    const { taskId } = await desk.bed.client.spawn(hold, { word: "to be cancelled" });
    const { page, isClean } = await at(`/tasks/${taskId}`);
    await page.getByText("channel 307 of 768").waitFor();
    await isClean();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("textbox", { name: /Reason/ }).fill("bad calibrator");
    await page.getByRole("button", { name: "Cancel the task" }).click();
    await page.getByRole("heading", { name: /Cancelled/ }).waitFor();
  });

  test("cancels all that fit a filter after a look at how many, and takes it back", async () => {
    const later = { delaySeconds: 3600, tags: ["bad-calibrator"] };
    for (let index = 0; index < 5; index += 1) {
      await desk.bed.client.spawn(hold, { word: `later ${index}` }, later);
    }
    const { page, isClean } = await at("/tasks?q=tag:bad-calibrator");
    await page.getByText("5 tasks, all").waitFor();
    await page.getByRole("button", { name: "All that fit" }).click();
    await page.getByRole("menuitem", { name: "Cancel…" }).click();
    await page.getByText("5 tasks would be cancelled.").waitFor();
    await assertAccessible(page);
    await page.getByRole("textbox", { name: "Reason" }).fill("3C286 was flagged");
    await page.getByRole("button", { name: "Cancel 5" }).click();

    await page.getByText("Cancel of 5 began").waitFor();
    await page.getByText(/5 of 5 tasks cancelled/).waitFor();
    await isClean();
    await page.getByRole("main").getByRole("button", { name: "Undo" }).click();
    await page.getByText("5 tasks would be taken back.").waitFor();
    for await (const look of looksOf(page)) {
      await assertAccessible(page);
      await picture(page, `undo-${look}`);
    }
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Undo \d/ })
      .click();
    await page
      .getByText(/5 taken back/)
      .first()
      .waitFor();
    await until(async () => (await notCancelled("bad-calibrator")) === 5, {
      what: "all five are back",
    });
  });

  async function notCancelled(tag: string): Promise<number> {
    const { rows } = await database
      .pool({ max: 1 })
      .query<{ count: number }>(
        "select count(*)::integer as count from absurd.tasks" +
          " where status <> 'cancelled' and $1 = any (tags)",
        [tag],
      );
    return rows[0]!.count;
  }

  test("spawns a task from the form of its schema", async () => {
    const { page, isClean } = await at("/spawn?name=convert-uvh5-to-ms");
    const spawn = page.getByRole("button", { name: "Spawn", exact: true });
    await page.getByLabel("group_id").fill("2026-01-25T09:00:00");
    await page.getByLabel("antenna_count").fill("many");
    await page.getByText('"many" is not a whole number').waitFor();
    assert.ok(await spawn.isDisabled());
    await page.getByLabel("antenna_count").fill("64");
    await isClean();
    await spawn.click();
    await page.getByRole("heading", { name: /convert-uvh5-to-ms/ }).waitFor();
    await page.getByRole("tab", { name: "Params and result" }).click();
    await page.getByText("antenna_count:").waitFor();
  });

  test("sees a task that others spawned appear, without asking", async () => {
    const { page } = await at("/tasks?q=tag:appears");
    await page.getByText("No task fits this filter.").waitFor();
    await desk.bed.client.spawn(hold, { word: "x" }, { delaySeconds: 3600, tags: ["appears"] });
    await page.getByText("1 task, all").waitFor();
  });

  test("goes anywhere by the palette, and reads the keys", async () => {
    const { page, isClean } = await at("/");
    await page.getByText("What needs you now").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(solving);
    await isClean();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /calibration-solve/ }).waitFor();
    await page.keyboard.press("?");
    await page.getByText("Go to overview").waitFor();
    await assertAccessible(page);
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.waitForURL(/\/tasks$/);
  });

  test("reads times as she likes, and keeps that over a reload", async () => {
    const { page, isClean } = await at("/settings");
    await page.getByRole("radio", { name: /LST/ }).check();
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.reload();
    await page.getByRole("button", { name: /LST$/ }).waitFor();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await isClean();
  });

  test("keeps a view with a name", async () => {
    const { page } = await at("/tasks?q=status:failed");
    await page.getByRole("button", { name: "Views" }).click();
    await page.getByRole("menuitem", { name: "Save this view…" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Last night");
    for await (const look of looksOf(page)) {
      await assertAccessible(page);
      await picture(page, `save-view-${look}`);
    }
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Last night" }).waitFor();
  });

  describe("can read, in light and dark, wide and narrow,", () => {
    test.each(["/", "/tasks", "/spawn?name=convert-uvh5-to-ms", "/bulk-actions", "/settings"])(
      "the page %s",
      (path) => isReadable(path),
    );

    test("a task that failed", async () => {
      const { rows } = await database
        .pool({ max: 1 })
        .query<{ task_id: string }>("select task_id from absurd.tasks where status = 'failed'");
      await isReadable(`/tasks/${rows[0]!.task_id}`);
    });
  });

  /** Loaded once: colors and width change under it, as they do at dusk and on a phone. */
  async function isReadable(path: string): Promise<void> {
    const { page, isClean } = await at(path);
    await isFull(page);
    for await (const look of looksOf(page)) {
      await isClean();
      const overflow = await page.evaluate("document.body.scrollWidth - innerWidth");
      assert.ok(Number(overflow) <= 0, `${path} is wider than the ${look} window`);
    }
  }
});
