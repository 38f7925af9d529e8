/** The relatives of a task, one step away. */
import { type Db, run } from "./db.ts";
import { TaskNotFound } from "./errors.ts";
import { taskNumber, taskUuid } from "./task-id.ts";
import { type TaskSummary, readSummaries } from "./task-view.ts";

export interface Lineage {
  /** The task whose handler spawned it. */
  readonly parent: TaskSummary | null;
  /** Those that its handler spawned: newest first, the first 200. */
  readonly children: readonly TaskSummary[];
  readonly dependsOn: readonly TaskSummary[];
  /** What waits for it, or waited: newest first, the first 200. */
  readonly dependents: readonly TaskSummary[];
}

const RELATIVES_MAX = 200;

/** @throws {TaskNotFound} */
export async function readLineage(db: Db, taskId: string): Promise<Lineage> {
  const [row] = await run<{
    parent: string | null;
    children: string[];
    depends_on: string[];
    dependents: string[];
  }>(
    db,
    `select t.parent_id::text as parent,
            array(select c.id::text from absurd.task c where c.parent_id = t.id
                   order by c.id desc limit $2) as children,
            array(select d.parent::text from absurd.dep d where d.child = t.id
                   order by d.parent desc limit $2) as depends_on,
            array(select d.child::text from absurd.dep d where d.parent = t.id
                   order by d.child desc limit $2) as dependents
       from absurd.task t where t.id = $1`,
    [String(taskNumber(taskId) ?? 0n), RELATIVES_MAX],
  );
  if (!row) throw new TaskNotFound(`no task ${taskId}`);
  const { parent, children, depends_on: dependsOn, dependents } = row;
  const numbers = new Set([...(parent ? [parent] : []), ...children, ...dependsOn, ...dependents]);
  const tasks = await readSummaries(db, [...numbers]);
  const byId = new Map(tasks.map((task) => [task.taskId, task]));
  // Parents whose history was removed are left out.
  const of = (some: readonly string[]): TaskSummary[] =>
    some.flatMap((number) => byId.get(taskUuid(number)) ?? []);
  return {
    parent: of(parent ? [parent] : [])[0] ?? null,
    children: of(children),
    dependsOn: of(dependsOn),
    dependents: of(dependents),
  };
}
