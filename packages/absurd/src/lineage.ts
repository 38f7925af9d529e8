/** The relatives of a task, one step away; and the task names that are registered. */
import { type Db, run } from "./db.ts";
import { TaskNotFound } from "./errors.ts";
import type { Json } from "./task.ts";
import { taskNumber } from "./task-id.ts";
import { type TaskSummary, readSummaries } from "./task-view.ts";

export interface Lineage {
  /** The task whose handler spawned it. */
  readonly parent: TaskSummary | null;
  /** Spawned by its handler; newest first, the first 200. */
  readonly children: readonly TaskSummary[];
  /** What it waits for, or waited; the first 200. */
  readonly dependsOn: readonly TaskSummary[];
  /** What waits for it, or waited; the first 200. */
  readonly dependents: readonly TaskSummary[];
}

const RELATIVES_MAX = 200;

interface LineageRow {
  parent: string | null;
  children: string[];
  depends_on: string[];
  dependents: string[];
}

/** @throws {TaskNotFound} */
export async function readLineage(db: Db, taskId: string): Promise<Lineage> {
  const [row] = await run<LineageRow>(
    db,
    `select t.parent_id as parent,
            array(select c.id from absurd.task c where c.parent_id = t.id
                   order by c.id desc limit $2) as children,
            array(select d.parent from absurd.dep d where d.child = t.id
                   order by d.parent limit $2) as depends_on,
            array(select d.child from absurd.dep d where d.parent = t.id
                   order by d.child limit $2) as dependents
       from absurd.task t where t.id = $1`,
    [String(taskNumber(taskId) ?? 0n), RELATIVES_MAX],
  );
  if (!row) throw new TaskNotFound(`no task ${taskId}`);
  const [parents, children, dependsOn, dependents] = await Promise.all([
    readSummaries(db, row.parent === null ? [] : [row.parent]),
    readSummaries(db, row.children),
    readSummaries(db, row.depends_on),
    readSummaries(db, row.dependents),
  ]);
  return { parent: parents[0] ?? null, children, dependsOn, dependents };
}

export interface TaskNameView {
  readonly taskName: string;
  readonly version: string;
  /** The version that spawns take. */
  readonly isCurrent: boolean;
  readonly queue: string;
  /** JSON Schema of the params; null when it was registered without, or not asked for. */
  readonly paramsSchema: Readonly<Record<string, Json>> | null;
  /** Workers that are alive and can run it. */
  readonly workerCount: number;
}

/** By name; versions in the order in which they were registered. */
export function readTaskNames(db: Db, withSchema: boolean): Promise<TaskNameView[]> {
  return run<TaskNameView & Record<string, unknown>>(
    db,
    `select k.name as "taskName", k.version, k.current as "isCurrent", k.queue,
            case when $1 then k.params_schema end as "paramsSchema",
            (select count(*)::integer from absurd.worker w
              where w.gone_at is null and not w.buried
                and (w.kinds is null or k.kind_id = any(w.kinds))) as "workerCount"
       from absurd.kind k order by k.name, k.kind_id`,
    [withSchema],
  );
}
