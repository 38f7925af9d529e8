/** A server that is killed between doing and noting: who asks again finds it done. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

import { AbsurdClient, defineTask } from "@contimg/absurd";
import { Client } from "@contimg/contract";
import { freshDatabase, until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { z } from "zod";

import { startServer } from "../server.ts";

const SERVER = `
  const { startServer } = await import("${new URL("../server.ts", import.meta.url).href}");
  const server = await startServer({ connectionString: process.argv[1], port: 0 });
  console.log(server.url);
`;
const database = freshDatabase();
const job = defineTask({
  name: "job",
  params: z.strictObject({ number: z.number() }),
  handler: () => Promise.resolve(),
});
const children: ChildProcess[] = [];
let client: AbsurdClient;
let workflowId: string;

beforeAll(async () => {
  client = new AbsurdClient(database.pool(), { tasks: [job] });
  await client.registerTasks();
  ({ workflowId } = await client.workflows.spawn({
    name: "growing",
    tasks: { one: { task: "job", params: { number: 1 } } },
  }));
  await client.schedules.create({
    name: "nightly",
    spec: { everySeconds: 1e6, anchor: new Date("2026-03-01T00:00Z") },
    spawn: { task: "job", params: { number: 1 } },
  });
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

async function startChild(): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", SERVER, database.url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { url: line.toString().trim(), child };
}

type Ask = (client: Client, key: string) => Promise<unknown>;

/** The first server did it, and is killed before it can note that; another is asked the same. */
async function askTwice(table: string, ask: Ask): Promise<unknown> {
  const { url, child } = await startChild();
  const key = randomUUID();
  const [work, note] = [await database.connect(), await database.connect()];
  await work.query(`begin; lock table ${table} in share row exclusive mode`);
  const first = ask(new Client({ baseUrl: url }), key).then(
    () => assert.fail("it was noted"),
    () => undefined,
  );
  await until(() => keyRows(note, key, ""), { what: "the key is held" });
  await note.query("begin");
  await keyRows(note, key, "for update");
  await work.query("rollback");
  await until(() => isWaiting(work), { what: "it is done, and waits to be noted" });
  child.kill("SIGKILL");
  await first;
  await note.query("rollback");
  await until(async () => !(await isWaiting(work)), { what: "its session is gone" });
  await work.query(
    "update absurd_api.idempotency set held_until = absurd.clock(), status = null where key = $1",
    [key],
  );
  const server = await startServer({ connectionString: database.url, port: 0 });
  try {
    return await ask(new Client({ baseUrl: server.url }), key);
  } finally {
    await server.close();
  }
}

async function keyRows(db: pg.Client, key: string, lock: "" | "for update"): Promise<boolean> {
  const { rowCount } = await db.query(`select from absurd_api.idempotency where key = $1 ${lock}`, [
    key,
  ]);
  return rowCount === 1;
}

async function isWaiting(db: pg.Client): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
        and query like 'update absurd_api.idempotency%'`,
  );
  return rowCount === 1;
}

async function countOf(table: string): Promise<number> {
  const { rows } = await database
    .pool()
    .query<{ count: number }>(`select count(*)::int as count from ${table}`);
  return rows[0]!.count;
}

const CASES: readonly { name: string; table: string; made: number; ask: Ask }[] = [
  {
    name: "spawnTask",
    table: "absurd.task",
    made: 1,
    ask: (api, idempotencyKey) =>
      api.call(
        "spawnTask",
        { body: { task_name: "job", params: { number: 1 } } },
        { idempotencyKey },
      ),
  },
  {
    name: "spawnTasks",
    table: "absurd.task",
    made: 3,
    ask: (api, idempotencyKey) => {
      const tasks = [1, 1, 2].map((number) => ({ task_name: "job", params: { number } }));
      return api.call("spawnTasks", { body: { tasks } }, { idempotencyKey });
    },
  },
  {
    name: "createWorkflow",
    table: "absurd.workflow",
    made: 1,
    ask: (api, idempotencyKey) => {
      const nodes = [{ node: "one", task_name: "job", params: { number: 1 } }];
      return api.call("createWorkflow", { body: { name: "night", nodes } }, { idempotencyKey });
    },
  },
  {
    name: "triggerSchedule",
    table: "absurd.fire",
    made: 1,
    ask: (api, idempotencyKey) =>
      api.call(
        "triggerSchedule",
        { params: { name: "nightly" }, body: { overlap: "allow" } },
        { idempotencyKey },
      ),
  },
  {
    name: "addWorkflowTasks",
    table: "absurd.workflow_node",
    made: 2,
    ask: (api, idempotencyKey) => {
      const nodes = ["two", "three"].map((node) => ({
        ...{ node, task_name: "job", params: { number: 2 } },
      }));
      return api.call(
        "addWorkflowTasks",
        { params: { workflow_id: workflowId }, body: { nodes } },
        { idempotencyKey },
      );
    },
  },
  {
    name: "startBulk",
    table: "absurd_api.bulk_action",
    made: 1,
    ask: (api, idempotencyKey) => {
      const selection = { q: "name:none" };
      const body = { action: "cancel" as const, selection, reason: "a test" };
      return api.call("startBulk", { body }, { idempotencyKey });
    },
  },
];

for (const { name, table, made, ask } of CASES) {
  test(`${name} is done once, also when the server is killed before it notes it`, async () => {
    const before = await countOf(table);
    const answer = JSON.stringify(await askTwice(table, ask));
    assert.equal(await countOf(table), before + made);
    assert.doesNotMatch(answer, /"created":false/);
  });
}
