/** What docs/operations/the-command-line.md grants is what an operator needs, and no less. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import type pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

import { runAbsurd } from "./testing/run-absurd.ts";

const read = (page: string): string =>
  /```sql\n(.*?)```/s.exec(readFileSync(new URL(`../../../${page}`, import.meta.url), "utf8"))![1]!;

const database = freshDatabase();
// Roles belong to the whole server: these get a name of their own.
const suffix = randomUUID().slice(0, 8);
const renamed = (text: string): string =>
  text.replaceAll(/absurd_(owner|worker|reader|operator)/g, `absurd_$1_${suffix}`);
let db: pg.Client;

beforeAll(async () => {
  db = await database.connect();
  const roles = read("packages/absurd/docs/operations.md").replaceAll(
    "on database app",
    `on database ${new URL(database.url).pathname.slice(1)}`,
  );
  await db.query(renamed(roles));
  await db.query(`select absurd.register_kinds('[{"task_name": "noop"}]')`);
});

afterAll(async () => {
  for (const role of ["operator", "worker", "reader", "owner"].map((name) => `absurd_${name}`)) {
    await db.query(renamed(`drop owned by ${role}; drop role ${role}`));
  }
});

function runAs(role: string, ...args: readonly string[]) {
  const url = new URL(database.url);
  url.searchParams.set("options", `-c role=${renamed(role)}`);
  return runAbsurd(args, url.toString());
}

async function count(what: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::integer as count from ${what}`,
  );
  return rows[0]!.count;
}

describe("a role", () => {
  test("that may not note what it does is refused with the grant that it lacks", async () => {
    const withoutTables = await runAs("absurd_worker", "spawn", "noop");
    const migrated = await runAbsurd(["migrate"], database.url);
    const withoutRight = await runAs("absurd_worker", "spawn", "noop");

    assert.equal(migrated.exitCode, 0, migrated.errors);
    for (const { exitCode, errors } of [withoutTables, withoutRight]) {
      assert.equal(exitCode, 4, errors);
      assert.match(errors, renamedPattern('grant insert on absurd_api.audit to "absurd_worker"'));
    }
    assert.equal(await count("absurd.tasks"), 0);
  });

  test("as the page makes it spawns, cancels many and takes that back, noted", async () => {
    await runAbsurd(["migrate"], database.url);
    await db.query(renamed(read("docs/operations/the-command-line.md")));

    const spawned = await runAs("absurd_operator", "spawn", "noop", "--tag", "mine");
    const filter = ["--filter", "tag:mine", "--reason", "not mine"];
    const cancelled = await runAs("absurd_operator", "cancel", ...filter, "--json");
    assert.equal(spawned.exitCode, 0, spawned.errors);
    assert.equal(cancelled.exitCode, 0, cancelled.errors);
    const { action } = JSON.parse(cancelled.output) as { action: { bulk_id: string } };
    const undone = await runAs("absurd_operator", "undo", action.bulk_id, "--reason", "was right");

    assert.equal(undone.exitCode, 0, undone.errors);
    assert.equal(await count("absurd.tasks where status = 'pending'"), 1);
    assert.equal(await count("absurd_api.audit"), 3);
    const stolen = await runAs("absurd_operator", "token", "list");
    assert.equal(stolen.exitCode, 4, stolen.errors);
    assert.match(stolen.errors, /permission denied for table token/);
  });
});

function renamedPattern(text: string): RegExp {
  return new RegExp(renamed(text).replaceAll(".", "\\."));
}
