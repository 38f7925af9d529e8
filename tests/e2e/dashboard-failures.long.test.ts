/** An operator at night: failures of several kinds, dead letters, limits, the audit log. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

import { AbsurdClient, startWorker, type WorkerHandle } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";
import { describe, test } from "vitest";
import { z } from "zod";

import { imaging } from "./dashboard-bed.ts";
import {
  assertAccessible,
  CHROMIUM,
  NARROW,
  picture,
  WIDE,
  WANTS_ALL,
} from "./dashboard-browser.ts";
import { openDesk } from "./dashboard-desk.ts";
import {
  approved,
  archive,
  broken,
  doors,
  flag,
  NIGHT_TASKS,
  photometry,
  validate,
} from "./dashboard-night.ts";

const database = freshDatabase();

const GROUPS = Array.from(
  { length: 6 },
  (_, n) => `2026-01-25T08:${String(n * 9).padStart(2, "0")}:54`,
);

describe.skipIf(!existsSync(CHROMIUM))("an operator", () => {
  let worker: WorkerHandle;
  let client: AbsurdClient;
  const desk = openDesk(database, {
    async prepare(bed) {
      worker = await startWorker({
        connectionString: database.url,
        tasks: NIGHT_TASKS,
        concurrency: 6,
        name: "lxd110h07",
      });
      client = new AbsurdClient(database.pool(), { tasks: NIGHT_TASKS });
      for (const group of GROUPS) {
        await client.spawn(flag, { group_id: group, channel_width_khz: 244 }, { tags: ["night"] });
        await client.spawn(validate, { group_id: group });
      }
      for (const group of GROUPS.slice(0, 2)) {
        await bed.client.spawn(imaging, { group_id: group, cell_arcsec: 2.4 });
      }
      await client.spawn(photometry, { group_id: GROUPS[0]! });
      for (const part of ["a", "b", "c"]) await client.spawn(archive, { part });
      await client.spawn(approved, { event: "calibration-approved" });
      await until(async () => (await deadCount()) === 15, { what: "fifteen tasks are dead" });
      await until(async () => doors.size === 1, { what: "one upload is in" });
    },
    async end() {
      await worker.stop({ graceSeconds: 0 });
      await client.close();
    },
  });
  const { at } = desk;

  async function deadCount(): Promise<number> {
    return client.deadLetters.count();
  }

  /** A group with a note stays when its tasks are gone. */
  async function deadOf(tag: string): Promise<number> {
    const groups = await client.deadLetters.groups();
    return groups.find((group) => group.tag === tag)?.count ?? 0;
  }

  const LOOKS = [
    ["failures", "/failures?state=all"],
    ["dead-letters", "/dead-letters"],
    ["limits", "/limits?limit=key/archive-uplink"],
    ["limits-event", "/limits?tab=events&event=calibration-approved"],
    ["bulk-action", "/bulk-actions"],
    ["audit", "/audit"],
  ] as const;

  test("walks the failures by keys, says whose they are, and is told what to do", async () => {
    const { page, isClean } = await at("/failures");
    await page.getByRole("tab", { name: "Open 4" }).waitFor();
    await isClean();
    await page.keyboard.press("j");
    await page.waitForURL(/group=/);
    await page.keyboard.press("m");
    await page.getByText("1 group assigned").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("2 groups selected").waitFor();
    await page.keyboard.press("a");
    await page.getByRole("tab", { name: "Open 2" }).waitFor();
    await page.getByRole("tab", { name: "Acknowledged 2" }).click();
    await page.waitForURL(/state=acknowledged/);

    await page.goto(`${desk.bed.server.url}/failures?mine=yes&state=all`);
    await page.getByRole("tab", { name: "All 1" }).waitFor();
    await page.goto(`${desk.bed.server.url}/failures?find=photometry&state=all`);
    await page.getByRole("link", { name: /TimedOut/ }).click();
    await page.getByText("What to do:").waitFor();
    await page.getByText("1 death in the last 24 hours").waitFor();
    await isClean();
    await page.getByRole("link", { name: "Tasks with this error" }).click();
    await page.waitForURL(/tasks\?q=status%3Afailed\+name%3Aphotometry\+error%3ATimedOut/);
    await page.getByText("1 task, all").waitFor();
  });

  test("keeps a note, and sees it from another window", async () => {
    const { page } = await at("/failures?state=all&find=ChannelsTooWide");
    await page.getByRole("link", { name: /ChannelsTooWide/ }).click();
    await page
      .getByRole("textbox", { name: "Note" })
      .fill("the correlator was set to wide channels");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("1 group kept").waitFor();
    const other = await at("/failures?state=all&find=wide%20channels");
    await other.page.getByRole("tab", { name: "All 1" }).waitFor();
  });

  test("replays all of a cause once it is mended, and sees it resolved by itself", async () => {
    broken.disk = false;
    const { page, isClean } = await at("/failures?state=all&find=DiskFull");
    await page.getByRole("link", { name: /DiskFull/ }).click();
    await page.getByRole("button", { name: "Replay all…" }).click();
    await page.getByText("6 tasks would be given a new start.").waitFor();
    await assertAccessible(page);
    await page.getByRole("textbox", { name: "Reason" }).fill("the disk was cleared");
    await page.getByRole("button", { name: "Retry 6" }).click();
    await page.waitForURL(/bulk-actions\?id=/);
    await page.getByText("6 of 6 tasks given a new start").waitFor();
    await isClean();
    await until(async () => (await deadCount()) === 9, { what: "six were replayed" });

    await page.goto(`${desk.bed.server.url}/failures?state=resolved`);
    await page.getByRole("tab", { name: "Resolved 1" }).waitFor({ timeout: 60_000 });
    await page.keyboard.press("j");
    await page.getByText("No task that had this error is dead any more.").waitFor();
    await isClean();
  });

  test("filters dead letters by the grammar, and is told what they have no field for", async () => {
    const { page, isClean } = await at("/dead-letters?q=name:flag-thorough");
    await page.getByText("6 dead letters, all").waitFor();
    await isClean();
    const filter = page.getByRole("combobox", { name: "Filter dead letters" });
    await filter.fill("worker:lxd110h07");
    await filter.press("Escape");
    await page.getByText(/dead letters have queue, name/).waitFor();
    assert.ok(await page.getByRole("button", { name: "Apply" }).isDisabled());
  });

  test("replays chosen dead letters with other params, seen before and after", async () => {
    const { page } = await at("/dead-letters?q=error:ChannelsTooWide");
    await page.getByText("6 dead letters, all").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("J");
    await page.getByText("2 selected").waitFor();
    await page.getByRole("button", { name: "Actions ▾" }).click();
    await page.getByRole("menuitem", { name: "Replay with other params…" }).click();
    const patch = page.getByRole("textbox", { name: "Patch" });
    await patch.fill('{ "channel_width_khz": ');
    await page.getByText(/JSON/).last().waitFor();
    await patch.fill('{ "channel_width_khz": 30.5 }');
    await page.getByLabel("After the patch").getByText("channel_width_khz: 30.5").waitFor();
    await page.getByLabel("Params of the first, now").getByText("244").waitFor();
    await assertAccessible(page);
    await picture(page, "dead-letters-patch-light-wide");
    await page.getByRole("textbox", { name: "Reason" }).fill("averaged to narrow channels");
    await page.getByRole("button", { name: "Replay 2" }).click();
    await page.getByText("2 tasks of 2 begin again").waitFor();
    await page.getByText("4 dead letters, all").waitFor();
    const { rows } = await database.pool({ max: 1 }).query<{ n: number }>(
      `select count(*)::integer as n from absurd.tasks where task_name = 'flag-thorough'
            and params ->> 'channel_width_khz' = '30.5'`,
    );
    assert.equal(rows[0]!.n, 2);
  });

  test("discards all that fit, with a reason, and takes it back", async () => {
    const { page } = await at("/dead-letters?q=name:flag-thorough");
    await page.getByText("4 dead letters, all").waitFor();
    await page.getByRole("button", { name: "All that fit" }).click();
    await page.getByRole("menuitem", { name: "Discard…" }).click();
    await page.getByText("4 tasks would be discarded.").waitFor();
    await page.getByRole("textbox", { name: "Reason" }).fill("a test night");
    await page.getByRole("button", { name: "Discard 4" }).click();
    await page.getByText("4 of 4 tasks discarded").waitFor();
    await until(async () => (await deadOf("ChannelsTooWide")) === 0, {
      what: "the group has no dead task",
    });
    await page.getByRole("main").getByRole("button", { name: "Undo" }).first().click();
    await page
      .getByText("4 tasks would be taken back. They would be dead letters again.")
      .waitFor();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Undo \d/ })
      .click();
    await until(async () => (await deadOf("ChannelsTooWide")) === 4, {
      what: "they are dead letters again",
    });
  });

  test("sees who holds a full limit and who waits, and sets it so that they come in", async () => {
    const { page, isClean } = await at("/limits");
    await page.getByRole("link", { name: "archive-uplink" }).click();
    await page.getByText("1 of 1").first().waitFor();
    await page
      .getByRole("complementary")
      .getByRole("link", { name: /archive-upload/ })
      .nth(2)
      .waitFor();
    await isClean();
    await page.getByRole("complementary").getByRole("button", { name: "Set…" }).click();
    await page.getByLabel("Tasks at once").fill("3");
    await page.getByRole("textbox", { name: "Reason" }).fill("the uplink is free at night");
    await assertAccessible(page);
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await page.getByText("Key archive-uplink is set").waitFor();
    await until(async () => doors.size === 3, { what: "all three uploads are in" });
    await page.getByText("3 of 3").first().waitFor();
    await page.getByText("set by a person: spawns do not change it").waitFor();
  });

  test("emits the event that a task waits for", async () => {
    const { page, isClean } = await at("/limits?tab=events&event=calibration-approved");
    await page.getByText("Waiting for it: 1 task").waitFor();
    await isClean();
    await page.getByRole("button", { name: "Emit…" }).click();
    await page.getByRole("textbox", { name: "Payload" }).fill('{ "by": "the night astronomer" }');
    await page.getByRole("button", { name: "Emit", exact: true }).click();
    await page.getByText("It happened", { exact: false }).first().waitFor();
    await page.getByText("No task waits for it.").waitFor();
    await until(async () => (await completed("calibration-publish")) === 1, {
      what: "the task went on",
    });
  });

  async function completed(name: string): Promise<number> {
    const { rows } = await database
      .pool({ max: 1 })
      .query<{ n: number }>(
        "select count(*)::integer as n from absurd.tasks" +
          " where task_name = $1 and status = 'completed'",
        [name],
      );
    return rows[0]!.n;
  }

  test("finds in the audit log who did what and why, and takes it along", async () => {
    const dry = await at("/audit?action=replayDeadLetters");
    // The patched replay; looks at what would be done are no actions.
    await dry.page.getByText("1 action, all").waitFor();
    const { page, isClean } = await at("/audit?action=setLimit");
    await page.getByText("1 action, all").waitFor();
    await page.getByText("the uplink is free at night").waitFor();
    await page.getByRole("link", { name: "Set limit" }).click();
    await page.getByText("What was asked for").first().waitFor();
    await isClean();
    await page.getByRole("button", { name: "Export" }).click();
    const saved = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "As JSON lines" }).click();
    const lines = readFileSync(await (await saved).path(), "utf8")
      .trim()
      .split("\n");
    const entry = z
      .object({ action: z.string(), target: z.string(), reason: z.string() })
      .parse(JSON.parse(lines[0]!));
    assert.deepEqual(
      [lines.length, entry],
      [
        1,
        {
          action: "setLimit",
          target: "key/archive-uplink",
          reason: "the uplink is free at night",
        },
      ],
    );
    await page.getByRole("complementary").getByRole("link", { name: "key/archive-uplink" }).click();
    await page.waitForURL(/limits\?limit=key%2Farchive-uplink/);
  });

  test.each(["light", "dark"] as const)(
    "can read every page when it is %s",
    async (scheme) => {
      for (const part of ["d", "e"]) await client.spawn(archive, { part: `${scheme} ${part}` });
      for (const [width, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
        if (!WANTS_ALL && (width === "wide") !== (scheme === "light")) continue;
        for (const [name, path] of LOOKS) {
          const { page, isClean } = await at(path, { scheme, size });
          await page.getByRole("main").waitFor();
          await until(async () => (await page.locator(".skeleton").count()) === 0, {
            what: `${path} has its data`,
          });
          if (name === "failures" && width === "wide") await page.keyboard.press("j");
          if (name === "bulk-action") {
            await page.getByRole("link", { name: "Discard" }).click();
            await page.getByRole("link", { name: "In the audit log" }).waitFor();
          }
          if (name === "audit" && width === "wide") {
            await page.getByRole("link", { name: "Set limit" }).first().click();
          }
          await isClean();
          const overflow = await page.evaluate("document.body.scrollWidth - innerWidth");
          assert.ok(Number(overflow) <= 0, `${path} is wider than the ${width} window`);
          await picture(page, `${name}-${scheme}-${width}`);
          await page.context().close();
        }
      }
    },
    240_000,
  );
});
