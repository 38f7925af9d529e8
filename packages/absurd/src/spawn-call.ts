/** The two statements that spawn: for tasks that differ in their params only, and for all else. */
import { type Db, run } from "./db.ts";
import { CHANNEL } from "./notifier.ts";
import { commonPlain, spawnTasksJson, type WireSpawn } from "./spawn.ts";
import type { Spawned } from "./task.ts";
import { taskUuid } from "./task-id.ts";

export interface SpawnCall {
  /** Of the attempt that spawns. */
  readonly fence: string | undefined;
  /** The payload of a wake-up that the same commit sends. */
  readonly notify: string | undefined;
  /** The connection keeps named statements. */
  readonly isPrepared: boolean;
}

const LINES = "select absurd.spawn_lines($1, $2, $3, $4)::text as numbers";
const LINES_NOTIFY = `${LINES}, pg_notify('${CHANNEL}', $5)`;
const TASKS = "select task_id, created from absurd.spawn_tasks($1, $2) order by task_index";
const TASKS_NOTIFY = `select s.*, pg_notify('${CHANNEL}', $3) from (${TASKS}) s`;

/** All or none, in the order given. */
export async function sendSpawns(
  db: Db,
  spawns: readonly WireSpawn[],
  { fence, notify, isPrepared }: SpawnCall,
): Promise<Spawned[]> {
  const carried = notify === undefined ? [] : [notify];
  const common = fence === undefined ? commonPlain(spawns) : undefined;
  if (common) {
    const [row] = await run<{ numbers: string }>(
      db,
      notify === undefined ? LINES : LINES_NOTIFY,
      [
        common.taskName,
        // JSON as JSON.stringify writes it has no line breaks.
        spawns.map((each) => each.plain!.paramsJson).join("\n"),
        common.queue,
        common.priority,
        ...carried,
      ],
      isPrepared ? `absurd-spawn-lines${notify === undefined ? "" : "-notify"}` : undefined,
    );
    const numbers = row!.numbers.slice(1, -1).split(",");
    return numbers.map((number) => ({ taskId: taskUuid(number), created: true }));
  }
  const rows = await run<{ task_id: string; created: boolean }>(
    db,
    notify === undefined ? TASKS : TASKS_NOTIFY,
    [spawnTasksJson(spawns), fence ?? null, ...carried],
  );
  return rows.map((row) => ({ taskId: row.task_id, created: row.created }));
}
