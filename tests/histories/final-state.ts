/** What is in the database when a history is over. */
import type pg from "pg";

import type { Effect, FinalState, FinalTask, Fire, LeaseSpan } from "./record.ts";

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
         array(select absurd.task_uuid(d.parent)::text from absurd.dep d
                where d.child = t.id and d.cond = 's' and d.otherwise = 'x' and d.any_of is null)
           as parents
    from absurd.task t`;

/** Instants that were decided, and those that some task carries though they were not. */
const FIRES = `
  select coalesce(f.schedule, t.schedule) as schedule, f.every as "everySeconds",
         f.overlap <> 'allow' as "isSerial",
         coalesce(f.fire_at, t.fire_at)::text as "fireAt", coalesce(f.state, 'none') as state,
         count(t.fire_at)::integer as "taskCount"
    from (
      select s.name as schedule, (s.spec ->> 'every_seconds')::integer as every, s.overlap,
             i.fire_at,
             i.state
        from absurd.fire i join absurd.schedule s using (schedule_id)
    ) f
    full join (
      select params ->> 'token' as schedule, (params ->> 'fireAt')::timestamptz as fire_at
        from absurd.task where params ->> 'fireAt' is not null
    ) t on t.schedule = f.schedule and t.fire_at = f.fire_at
   group by 1, 2, 3, 4, 5 order by 1, 4`;

/** The milliseconds of the handlers' clock, cut off as theirs are. */
const LEASES = `
  select absurd.task_uuid(task_id) as "taskId", claim_no as claim,
         floor(extract(epoch from claimed_at) * 1000)::float8 as "claimedAt",
         floor(extract(epoch from max(ended_at)) * 1000)::float8 as "endedAt"
    from history_lease group by task_id, claim_no, claimed_at`;

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
            (select count(*)::integer from absurd.fire where state = 'buffered') as buffered,
            (select count(*)::integer from absurd.late_edge) as late_edge`,
  );
  return rows[0]!;
}

/** @param remains what else should be none by now */
export async function readFinalState(
  db: pg.Pool,
  remains: Readonly<Record<string, number>> = {},
): Promise<FinalState> {
  const [tasks, effects, fires, leases, terms] = await Promise.all([
    db.query<FinalTask>(TASKS),
    db.query<Effect>(
      `select seq::integer, task_id as "taskId", claim, what, nonce from history_effect
        order by seq`,
    ),
    db.query<Fire>(FIRES),
    db.query<LeaseSpan>(LEASES),
    db.query<{ n: number }>("select coalesce(sum(term), 0)::integer as n from absurd.control"),
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
    leases: leases.rows,
    terms: terms.rows[0]!.n,
    remains: { ...(await unfinished(db)), ...remains },
    counted: counted.rows[0]!,
    stated: stated.rows[0]!,
  };
}
