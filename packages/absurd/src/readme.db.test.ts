/** The SQL that the README shows to callers in other languages does what it says there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

const database = freshDatabase();
const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

describe("the README's SQL", () => {
  test("takes one task through failure and retry to its end, and cancels another", async () => {
    const db = await database.connect();

    const answers = await runExamples(db);

    const ofFunction = (name: string): unknown[] =>
      answers.filter(([sql]) => sql.includes(`absurd.${name}`)).map(([, row]) => row);
    const [first, second] = ofFunction("claim_task") as { task_id: string; attempt: number }[];
    assert.equal(second!.task_id, first!.task_id);
    assert.equal(second!.attempt, 2);
    assert.deepEqual(ofFunction("retry_task"), [{ retry_task: true }]);
    assert.deepEqual(ofFunction("tasks where"), [
      { status: "completed", attempt: 2, result: { flux_jy: 16 } },
    ]);
    assert.deepEqual(ofFunction("cancel_task"), [{ cancel_task: true }]);
    assert.deepEqual(ofFunction("get_queue_stats"), [
      { completed: "1", cancelled: "1", total: "2" },
    ]);
    // All calls of one shell are one worker's.
    assert.equal((await db.query("select from absurd.worker")).rowCount, 1);
  });

  test("claims nothing from an empty queue and refuses a class that does not exist", async () => {
    const db = await database.connect();
    const nothing = await db.query("select from absurd.claim_task('nowhere', 'my-shell')");
    assert.equal(nothing.rowCount, 0);

    await db.query("select absurd.register_kinds($1)", ['[{"task_name": "reduce"}]']);
    await db.query("select absurd.spawn_task('default', 'reduce')");
    const { rows } = await db.query<{ fence: string }>(
      "select fence from absurd.claim_task('default', 'my-shell')",
    );
    await assert.rejects(
      db.query("select absurd.fail_task($1, 'no', 'hopeless')", [rows[0]!.fence]),
      { code: "22023", message: /"hopeless", expected retryable/ },
    );
  });
});

type Answer = readonly [sql: string, row: Record<string, unknown>];

/** Runs the README's statements in order; `<name>` stands for the last value of that column. */
async function runExamples(db: pg.Client): Promise<Answer[]> {
  const block = /```sql\n(.*?)```/s.exec(README)?.[1];
  assert.ok(block, "the README has no SQL");
  const known = new Map<string, string>();
  const answers: Answer[] = [];
  for (const line of block.trim().split("\n")) {
    const sql = line.replaceAll(/<(\w+)>/g, (_, name: string) => known.get(name)!);
    const { rows } = await db.query<Record<string, unknown>>(sql);
    for (const [name, value] of Object.entries(rows[0]!)) {
      if (typeof value === "string") known.set(name, value);
    }
    answers.push([sql, rows[0]!]);
  }
  return answers;
}
