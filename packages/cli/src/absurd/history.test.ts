/** `absurd history` and `absurd stats --since` as a person meets them. */
import assert from "node:assert/strict";

import { beforeAll, describe, test } from "vitest";

import { freshDatabase, until } from "@contimg/testkit";

import { type Ran, runAbsurd } from "../testing/run-absurd.ts";

const database = freshDatabase();

beforeAll(async () => {
  const db = await database.connect();
  await db.query(`select absurd.register_kinds('[{"task_name": "probe"}]')`);
  await db.query("select absurd.spawn_task('default', 'probe')");
  const { rows } = await db.query<{ fence: string }>(
    "select fence from absurd.claim_task('default', 'shell')",
  );
  await db.query("select absurd.complete_task($1)", [rows[0]!.fence]);
  // Transactions of other tests on this server hold it up.
  await until(
    async () => {
      const { rows: rolled } = await db.query<{ n: string | null }>("select absurd.roll_up() as n");
      return rolled[0]!.n === "1";
    },
    { what: "the task was rolled up" },
  );
});

describe("absurd history", () => {
  test("shows, keeps and prunes history, and reports what ended", async () => {
    const shown = await run(["history", "show"]);
    assert.match(shown.output, /kept for 30 days[^]* 1 +0 /, shown.errors);
    const kept = await run(["history", "keep", "--tasks", "2w", "--json"]);
    assert.deepEqual(JSON.parse(kept.output), { retentionDays: 14, rollupDays: 400 });
    const pruned = await run(["history", "prune", "--older-than", "30d", "--dry-run"]);
    assert.match(pruned.output, /would remove 0 days/);
    assert.match((await run(["stats", "--since", "24h"])).output, /probe +1 +0 +0/);
    assert.match((await run(["stats"])).output, /default/);
  }, 120_000);

  test("says what is wrong in one line and in its exit code", async () => {
    const cases: readonly [string[], RegExp][] = [
      [["history", "prune", "--older-than", "soon"], /'soon' .*a span such as/],
      [["history", "prune", "--older-than", "90m"], /--older-than is 0.0625 days, expected whole/],
      [["stats", "--since", "24h", "--step", "90m"], /--step .*whole hours/],
    ];
    for (const [args, message] of cases) {
      const ended = await run(args);
      assert.equal(ended.exitCode, 2, args.join(" "));
      assert.match(ended.errors, message);
    }
  }, 120_000);
});

function run(args: readonly string[]): Promise<Ran> {
  return runAbsurd(args, database.url);
}
