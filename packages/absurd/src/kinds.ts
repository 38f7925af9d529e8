/** Making task names known to the database, and finding what a person meant by an unknown one. */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { InvalidPolicy, UnknownTaskName } from "./errors.ts";
import { wireDemand } from "./demand.ts";
import { nearNames } from "./near-names.ts";
import { type RetryPolicy, retryPolicySchema, wireRetry } from "./retry-policy.ts";
import type { AnyTask, Json } from "./task.ts";

/** Registers definitions; returns the kind number of each. The last of a name is its newest. */
export async function registerKinds(
  db: Db,
  tasks: readonly AnyTask[],
): Promise<Map<AnyTask, number>> {
  const kinds = tasks.map((task) => ({
    demand: demandOf(task),
    task_name: task.name,
    version: task.version,
    queue_name: task.queue,
    max_retries: task.maxRetries ?? task.retry?.default?.maxRetries,
    timeout_seconds: task.timeoutSeconds,
    params_schema: z.toJSONSchema(task.params, { unrepresentable: "any", io: "input" }),
  }));
  const rows = await run<{ task_name: string; kind_id: number; version: string }>(
    db,
    "select task_name, kind_id, version from absurd.register_kinds($1)",
    [JSON.stringify(kinds)],
  );
  const policies = tasks.map((task) => ({
    task_name: task.name,
    policy: task.retry && { retry: wireRetry(checkedRetry(task)) },
  }));
  await run(db, "select absurd.set_kind_policies($1)", [JSON.stringify(policies)]);
  const ids = new Map(
    rows.map((row) => [kindText({ name: row.task_name, version: row.version }), row.kind_id]),
  );
  return new Map(tasks.map((task) => [task, ids.get(kindText(task))!]));
}

/** Says which kinds a worker can run: for people who look for the reason why a task waits. */
export async function announceKinds(
  db: Db,
  worker: { readonly workerId: number; readonly epoch: bigint },
  kindIds: readonly number[],
): Promise<void> {
  await run(db, "select absurd.announce_kinds($1, $2, $3)", [
    worker.workerId,
    worker.epoch.toString(),
    kindIds,
  ]);
}

/** name@version; the name alone without version. */
function kindText(kind: { readonly name: string; readonly version?: string }): string {
  return kind.version ? `${kind.name}@${kind.version}` : kind.name;
}

/** @throws {InvalidPolicy} */
function checkedRetry(task: AnyTask): RetryPolicy {
  const parsed = retryPolicySchema.safeParse(task.retry);
  if (parsed.success) return task.retry!;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new InvalidPolicy(`retry rules of ${task.name} are invalid: ${issues.join("; ")}`);
}

function demandOf(task: AnyTask): Readonly<Record<string, unknown>> | undefined {
  const demand = wireDemand(task);
  return Object.keys(demand).length > 0 ? demand : undefined;
}

/** The same error with the names that look like the unknown one. */
export async function withNearNames(db: Db, error: UnknownTaskName): Promise<UnknownTaskName> {
  const rows = await run<{ name: string }>(db, "select name from absurd.kind");
  const near = nearNames(
    error.taskName,
    rows.map((row) => row.name),
  );
  return new UnknownTaskName(error.taskName, near, { cause: error.cause });
}

export interface TaskNameView {
  readonly taskName: string;
  /** Empty: registered without one. */
  readonly version: string;
  /** The version that spawns take. */
  readonly isCurrent: boolean;
  readonly queue: string;
  /** JSON Schema. */
  readonly paramsSchema: Json;
  /** Workers that are alive and can run it. */
  readonly workerCount: number;
}

/** By name and version. The engine's own are left out. */
export async function readTaskNames(db: Db): Promise<TaskNameView[]> {
  return run<TaskNameView & Record<string, unknown>>(
    db,
    `select k.name as "taskName", k.version, k.current as "isCurrent", k.queue,
            k.params_schema as "paramsSchema",
            (select count(*)::integer from absurd.worker w
              where w.gone_at is null and not w.buried
                and (w.kinds = '{}' or k.kind_id = any(w.kinds))) as "workerCount"
       from absurd.kind k where k.name not like 'absurd.%' order by k.name, k.version`,
  );
}
