/** What a worker does when it hears that a queue of its is paused. */
import { type Db, run } from "./db.ts";
import type { TaskRunner } from "./task-runner.ts";
import type { Wake } from "./wake.ts";
import type { WorkerSessions } from "./worker-sessions.ts";

/** Gives back the claims that wait for a place and whose lane is paused; others stay. */
export async function returnPaused(
  runner: TaskRunner,
  sessions: WorkerSessions,
  db: Db,
  wake: Wake,
): Promise<void> {
  // A claim that went before the pause may still be on its way.
  await sessions.settled();
  const lanes = [...runner.prefetchedLanes()];
  if (lanes.length === 0) return;
  const paused = await run<{ lane_id: number }>(
    db,
    "select l as lane_id from absurd.paused_lanes($1) l",
    [lanes],
  );
  runner.releaseLanes(new Set(paused.map((each) => each.lane_id)));
  wake.ring();
}
