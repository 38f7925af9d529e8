/** An operator at 100,000 dead letters: the table, its end, a discard of 10,000 begun. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { ensureBuilt } from "@contimg/dashboard";
import { freshDatabase, until } from "@contimg/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";

import { type Bed, imaging, startBed } from "./dashboard-bed.ts";
import { assertAccessible, CHROMIUM, launch, openPage } from "./dashboard-browser.ts";

const database = freshDatabase();
const COUNT = 100_000;

describe.skipIf(!existsSync(CHROMIUM))("an operator", () => {
  let bed: Bed;
  let browser: Browser;

  beforeAll(async () => {
    await ensureBuilt();
    bed = await startBed(database.url, database.pool());
    const { taskId } = await bed.client.spawn(imaging, { group_id: "first", cell_arcsec: 2.4 });
    await until(async () => (await bed.client.deadLetters.count()) === 1, {
      what: "one has died",
    });
    await addDeaths(taskId);
    browser = await launch();
  }, 240_000);

  afterAll(async () => {
    await browser.close();
    await bed.close();
  });

  /** As the first one died, with a millisecond between them; four kinds of errors. */
  async function addDeaths(taskId: string): Promise<void> {
    const db = await database.connect();
    await db.query(
      `insert into absurd.task (id, lane_id, attempts_max, params)
       select t.id + i, t.lane_id, 2,
              json_build_object('group_id', 'group-' || i, 'cell_arcsec', 2.4)
         from absurd.task t cross join generate_series(1, $2::integer) i
        where t.id = absurd.task_number($1)`,
      [taskId, COUNT - 1],
    );
    await db.query(
      `insert into absurd.outcome (task_id, claim_no, finished_at, kind, error, fingerprint)
       select t.id, 2, now() - interval '10 min' + (t.id - f.id) * interval '1 ms', 'd',
              jsonb_build_object('tag', 'OutOfMemory', 'class', 'retryable', 'fields', '{}'::jsonb,
                                 'message', 'needed ' || t.id % 1000 || ' MB'),
              'print-' || t.id % 4
         from absurd.task t, absurd.task f
        where f.id = absurd.task_number($1) and t.id > f.id`,
      [taskId],
    );
    await db.query("analyze absurd.task, absurd.outcome");
  }

  async function at(path: string) {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${bed.server.url}${path}`);
    return { page, complaints };
  }

  test("scrolls the table page after page, with few rows in the document", async () => {
    const { page, complaints } = await at("/dead-letters?q=error:OutOfMemory");
    const rows = page.getByRole("grid", { name: "Dead letters" });
    await rows.getByRole("link", { name: "imaging" }).first().waitFor();
    for (const least of [100, 600, 1100]) {
      await page.keyboard.press("End");
      await until(async () => Number(await rows.getAttribute("aria-rowcount")) > least + 1, {
        what: `more than ${least} rows are loaded`,
      });
    }
    assert.ok((await page.locator("tbody tr").count()) < 120);
    await page.getByRole("button", { name: "Read anew" }).click();
    await until(async () => Number(await rows.getAttribute("aria-rowcount")) <= 601, {
      what: "the list begins anew",
    });
    assert.deepEqual(complaints, []);
    await page.context().close();
  }, 120_000);

  test("sees the four causes, and is told what the picture would not hold", async () => {
    const { page, complaints } = await at("/failures");
    await page.getByRole("tab", { name: "Open 5" }).waitFor();
    await page.keyboard.press("j");
    await page.getByText("25,000").first().waitFor();
    // Of more deaths than a page holds no picture is drawn.
    assert.equal(await page.locator(".failure-bars").count(), 0);
    await assertAccessible(page);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }, 120_000);

  test("begins to discard the 10,000 that died first, knowing that there are more", async () => {
    const { page, complaints } = await at("/dead-letters?q=error:OutOfMemory");
    await page.getByRole("button", { name: "All that fit" }).click();
    await page.getByRole("menuitem", { name: "Discard…" }).click();
    await page.getByText("these are the 10,000 that died first").waitFor();
    await page.getByText("10,000 tasks would be discarded.").waitFor();
    await page.getByRole("textbox", { name: "Reason" }).fill("the night is lost");
    await page.getByRole("button", { name: "Discard 10,000" }).click();
    await page.getByText(/ of 10,000 tasks discarded/).waitFor();
    assert.deepEqual(complaints, []);
    await page.context().close();
  }, 180_000);
});
