/** Workflows driven by SQL calls alone: each node ends when the test says. */
import type pg from "pg";

import {
  AbsurdClient,
  type Dependency,
  type WorkflowNode,
  type WorkflowNodes,
} from "@contimg/absurd";

import type { FreshDatabase } from "./database.ts";
import { type ClaimRow, type SqlWorker, claim, cycle, emptyEngine } from "./sql-worker.ts";

export interface WorkflowEngine {
  readonly db: pg.Client;
  readonly worker: SqlWorker;
  readonly client: AbsurdClient;
}

/** An empty engine with a client on its worker's connection, whose clock stands still. */
export async function engine(database: FreshDatabase): Promise<WorkflowEngine> {
  const { db, worker } = await emptyEngine(database, {});
  return { db, worker, client: new AbsurdClient(db) };
}

export function noop(...dependsOn: Dependency<string>[]): WorkflowNode {
  return { task: "noop", maxRetries: 0, dependsOn };
}

export async function nameOf(db: pg.Client, row: ClaimRow): Promise<string> {
  const { rows } = await db.query<{ name: string }>(
    "select name from absurd.workflow_node where task_id = $1",
    [row.task_id],
  );
  return rows[0]!.name;
}

/** Claims all that is ready; by node name. */
export async function claimAll({ db, worker }: WorkflowEngine): Promise<Map<string, ClaimRow>> {
  const rows = await claim(db, worker, 5000);
  const { rows: names } = await db.query<{ task_id: string; name: string }>(
    "select task_id, name from absurd.workflow_node where task_id = any($1)",
    [rows.map((row) => row.task_id)],
  );
  const byTask = new Map(names.map((each) => [each.task_id, each.name]));
  return new Map(rows.map((row) => [byTask.get(row.task_id)!, row]));
}

/** Claims what is ready and ends it: a result completes it, null fails it. */
export async function work(
  on: WorkflowEngine,
  ends: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  const claimed = await claimAll(on);
  const done = [...claimed].filter(([name]) => ends[name] !== null);
  await cycle(on.db, on.worker, {
    done: done.map(([, row]) => row),
    results: done.map(([name]) => JSON.stringify(ends[name] ?? { from: name })),
    failed: [...claimed].filter(([name]) => ends[name] === null).map(([, row]) => [row, "fatal"]),
  });
  return [...claimed.keys()].sort();
}

export async function statuses(on: WorkflowEngine, id: string): Promise<Record<string, string>> {
  const { nodes } = await on.client.workflows.show(id);
  return Object.fromEntries(
    nodes.map((each) => [each.node, each.isSkipped ? "skipped" : each.status]),
  );
}

export async function spawned(on: WorkflowEngine, tasks: WorkflowNodes): Promise<string> {
  return (await on.client.workflows.spawn({ name: "w", tasks })).workflowId;
}
