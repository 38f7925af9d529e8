/** What a test engine looks at to know whether anything is left to do at its time. */
import { type Db, run } from "./db.ts";
import type { TaskPlace, TaskView } from "./task-view.ts";

export interface Activity {
  /** In a lane that is not paused, of a name that has a handler here. */
  readonly ready: number;
  readonly running: number;
  /** Deferred tasks, schedules or late edges that maintenance must move now. */
  readonly due: number;
  readonly deferred: number;
  readonly waiting: number;
  readonly completed: number;
  readonly queues: readonly string[];
}

// One statement, so one snapshot: a task that moves between two planes is seen in one of them.
const ACTIVITY = `
  with lane as materialized (
    select l.lane_id, l.queue
      from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id
     where k.name = any($1) and not l.paused and l.queue <> all ($2)
  )
  select (select count(*) from absurd.ready r
           where r.lane_id in (select lane_id from lane)) as ready,
         (select count(*) from absurd.lease) as running,
         (select count(*) from absurd.deferred d
           where d.run_at <= absurd.clock() and d.lane_id in (select lane_id from lane))
         + (select count(*) from absurd.late_edge)
         + coalesce((absurd.next_schedule_seconds() <= 0)::integer, 0) as due,
         (select count(*) from absurd.deferred) as deferred,
         (select count(*) from absurd.waiting) as waiting,
         (select count(*) from absurd.outcome o where o.kind = 'c') as completed,
         array(select distinct queue from lane order by queue) as queues`;

/** @param privateQueues those that the engine's drain leaves alone */
export async function readActivity(
  db: Db,
  taskNames: readonly string[],
  privateQueues: readonly string[],
): Promise<Activity> {
  const [row] = await run<Record<string, string> & { queues: string[] }>(db, ACTIVITY, [
    taskNames,
    privateQueues,
  ]);
  return {
    ready: Number(row!["ready"]),
    running: Number(row!["running"]),
    due: Number(row!["due"]),
    deferred: Number(row!["deferred"]),
    waiting: Number(row!["waiting"]),
    completed: Number(row!["completed"]),
    queues: row!.queues,
  };
}

export function isQuiet({ ready, running, due }: Activity): boolean {
  return ready + running + due === 0;
}

/**
 * Lets the next worker lead. The last one's leadership may outlive it for a moment, or have been
 * taken
 * at a later time: on a clock that stands still it would never be over.
 */
export async function freeLeadership(db: Db): Promise<void> {
  await run(db, "update absurd.control set expires_at = '-infinity' where name = 'leader'");
}

/** What the leader does within a second, at once. */
export async function maintainNow(db: Db): Promise<void> {
  await run(db, "select absurd.promote_deferred(1000), absurd.audit_edges(1000)");
}

/** Tasks that failed for good. */
export async function readFailedIds(db: Db): Promise<string[]> {
  const rows = await run<{ id: string }>(
    db,
    "select absurd.task_uuid(o.task_id) as id from absurd.outcome o where o.kind = 'd' order by 1",
  );
  return rows.map((row) => row.id);
}

export async function readClock(db: Db): Promise<Date> {
  const [row] = await run<{ now: Date }>(db, "select absurd.clock() as now");
  return row!.now;
}

/** Where a task is and why, for the message of a test that waited in vain. */
export function describeTask(task: TaskView & { place: TaskPlace }, now: Date): string {
  const error = task.error ? `, last error: ${task.error.message}` : "";
  return (
    `task ${task.taskName} ${task.taskId} is ${task.status} after ${task.attempt} attempts` +
    `${error}; place: ${JSON.stringify(task.place)}; the engine's time is ${now.toISOString()}`
  );
}
