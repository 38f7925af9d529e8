/** Follows the demo's tasks in the database until all have ended. */
import type { AbsurdClient, TaskView } from "@contimg/absurd";
import type pg from "pg";
import { z } from "zod";

import type { Cell, TileRow } from "./live-view.ts";

export interface WatchedTile {
  readonly label: string;
  readonly groupId: string;
  readonly tasks: readonly { readonly stage: string; readonly taskId: string }[];
}

interface Progress {
  readonly task_id: string;
  readonly fraction: number;
  readonly note: string;
}

const usageSchema = z.object({ seconds: z.number() });

/** Calls `onState` with each look; resolves with the tasks by id when all have ended. */
export async function watchTiles(
  client: AbsurdClient,
  pool: pg.Pool,
  tiles: readonly WatchedTile[],
  onState: (tiles: readonly TileRow[]) => void,
  signal: AbortSignal,
): Promise<Map<string, TaskView>> {
  const ids = tiles.flatMap((tile) => tile.tasks.map((task) => task.taskId));
  let progress: readonly Progress[] = [];
  const ended = await client.awaitTasks(ids, {
    signal,
    onPoll: (tasks) => {
      onState(toRows(tiles, byId(tasks), progress));
      // Seen at the next look; a picture half a second old is no worth waiting for.
      readProgress(pool, ids).then(
        (rows) => (progress = rows),
        () => undefined,
      );
    },
  });
  return byId(ended);
}

export function toRows(
  tiles: readonly WatchedTile[],
  tasks: ReadonlyMap<string, TaskView>,
  progress: readonly Progress[],
): TileRow[] {
  const running = new Map(progress.map((row) => [row.task_id, row]));
  return tiles.map(({ label, groupId, tasks: wanted }) => ({
    label,
    groupId,
    cells: wanted.map(({ stage, taskId }): Cell => {
      const task = tasks.get(taskId);
      const state = running.get(taskId);
      return {
        stage,
        status: task?.status ?? "pending",
        fraction: state?.fraction ?? 0,
        note: task?.status === "claimed" ? (state?.note ?? "") : (task?.error?.message ?? ""),
        seconds: stageSeconds(task),
      };
    }),
  }));
}

/** Wall time of the stage's own process [s]; null while there is none. */
export function stageSeconds(task: TaskView | undefined): number | null {
  if (task?.status !== "completed") return null;
  return usageSchema.safeParse(task.result).data?.seconds ?? null;
}

async function readProgress(pool: pg.Pool, taskIds: readonly string[]): Promise<Progress[]> {
  const { rows } = await pool.query<Progress>(
    `select absurd.task_uuid(p.task_id)::text as task_id, p.fraction, p.note
       from absurd.progress p
      where p.task_id in (select absurd.task_number(id) from unnest($1::uuid[]) as id)`,
    [taskIds],
  );
  return rows;
}

function byId(tasks: readonly TaskView[]): Map<string, TaskView> {
  return new Map(tasks.map((task) => [task.taskId, task]));
}
