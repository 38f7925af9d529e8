/** What is in the database when a history is over. */
import type pg from "pg";

import type { Effect, FinalState, FinalTask } from "./record.ts";

const TASKS = `
  select absurd.task_uuid(t.id) as "taskId", 
         concat_ws('@', t.params ->> 'token', t.params ->> 'fireAt') as token,
         t.params ->> 'fireAt' is not null as "isScheduled",
         t.idempotency_key as key, (t.params ->> 'isAtomic')::boolean as "isAtomic",
         t.attempts_max as "attemptsMax",
         coalesce((select sum(k.attempts)::integer from absurd.credit k where k.task_id = t.id), 0)
           as credits,
         coalesce((
           select jsonb_agg(jsonb_build_object(
                    'kind', o.kind, 'claim', o.claim_no, 'tag', o.error ->> 'tag',
                    'lastClass', (select a.class from absurd.attempt a
                                   where a.task_id = t.id and a.claim_no = o.claim_no)))
             from absurd.outcome o where o.task_id = t.id), '[]') as outcomes,
         array(
           select 'ready' from absurd.ready r where r.task_id = t.id
           union all select 'lease' from absurd.lease l where l.task_id = t.id
           union all select 'deferred' from absurd.deferred d where d.task_id = t.id
           union all select 'waiting' from absurd.waiting w where w.child = t.id
           union all select 'parked' from absurd.parked p where p.task_id = t.id) as places,
         array(select absurd.task_uuid(d.parent)::text from absurd.dep d where d.child = t.id)
           as parents
    from absurd.task t`;

/** Instants that were fired, and those that some task carries though they were not. */
const FIRES = `
  select coalesce(f.fire_at, t.fire_at)::text as "fireAt",
         case when f.fire_at is null then -1 else count(t.fire_at)::integer end as "taskCount"
    from (select fire_at from absurd.fire where state = 'spawned') f
    full join (
      select (params ->> 'fireAt')::timestamptz as fire_at
        from absurd.task where params ->> 'fireAt' is not null
    ) t on t.fire_at = f.fire_at
   group by f.fire_at, t.fire_at`;

const COUNTS = `
  select count(*)::integer as total,
         (count(*) filter (where status = 'completed'))::integer as completed,
         (count(*) filter (where status = 'failed'))::integer as failed,
         (count(*) filter (where status = 'cancelled'))::integer as cancelled`;

/** How many tasks have not ended, and rows that maintenance has yet to clear up. */
export async function unfinished(db: pg.Pool): Promise<Record<string, number>> {
  const { rows } = await db.query<Record<string, number>>(
    `select (select count(*)::integer from absurd.task t
              where not exists (select from absurd.outcome o where o.task_id = t.id)) as tasks,
            (select count(*)::integer from absurd.lease) as lease,
            (select count(*)::integer from absurd.signal) as signal,
            (select count(*)::integer from absurd.late_edge) as late_edge`,
  );
  return rows[0]!;
}

export async function readFinalState(db: pg.Pool): Promise<FinalState> {
  const [tasks, effects, fires] = await Promise.all([
    db.query<FinalTask>(TASKS),
    db.query<Effect>(
      `select seq::integer, task_id as "taskId", claim, what, nonce from history_effect
        order by seq`,
    ),
    db.query<FinalState["fires"][number]>(FIRES),
  ]);
  const counted = await db.query<Record<string, number>>(`${COUNTS} from absurd.tasks`);
  const stated = await db.query<Record<string, number>>(
    `select sum(total)::integer as total, sum(completed)::integer as completed,
            sum(failed)::integer as failed, sum(cancelled)::integer as cancelled
       from absurd.get_queue_stats()`,
  );
  return {
    tasks: tasks.rows,
    effects: effects.rows,
    fires: fires.rows,
    remains: await unfinished(db),
    counted: counted.rows[0]!,
    stated: stated.rows[0]!,
  };
}
