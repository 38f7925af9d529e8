/** The two statements that spawn: for tasks that differ in their params only, and for all else. */
import { type Db, run } from "./db.ts";
import { commonPlain, spawnTasksJson, type WireSpawn } from "./spawn.ts";
import type { Spawned } from "./task.ts";
import { taskUuid } from "./task-id.ts";
import { pooledStatementName } from "./transaction-pooling.ts";

/**
 * All or none, in the order given.
 *
 * @param fence of the attempt that spawns
 */
export async function sendSpawns(
  db: Db,
  spawns: readonly WireSpawn[],
  fence: string | undefined,
): Promise<Spawned[]> {
  const common = fence === undefined ? commonPlain(spawns) : undefined;
  if (common) {
    const [row] = await run<{ numbers: string }>(
      db,
      "select absurd.spawn_lines($1, $2, $3, $4)::text as numbers",
      [
        common.taskName,
        // JSON as JSON.stringify writes it has no line breaks.
        spawns.map((each) => each.plain!.paramsJson).join("\n"),
        common.queue,
        common.priority,
      ],
      pooledStatementName(db, "absurd-spawn-lines"),
    );
    const numbers = row!.numbers.slice(1, -1).split(",");
    return numbers.map((number) => ({ taskId: taskUuid(number), created: true }));
  }
  const rows = await run<{ task_id: string; created: boolean }>(
    db,
    "select task_id, created from absurd.spawn_tasks($1, $2) order by task_index",
    [spawnTasksJson(spawns), fence ?? null],
  );
  return rows.map((row) => ({ taskId: row.task_id, created: row.created }));
}
