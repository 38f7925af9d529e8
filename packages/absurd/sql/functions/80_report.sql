-- What people look at.

-- A time as messages say it.
create or replace function absurd.time_text(p_at timestamptz)
  returns text
  language sql stable
as $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
$$;

-- A credit of a new start, and not of an attempt that was suspended or given back: these give one.
create or replace function absurd.is_new_start(p_credit absurd.credit)
  returns boolean
  language sql immutable
as $$
  select p_credit.is_reset or p_credit.attempts = 0;
$$;

-- Every task with its whole story, one row each. A task without outcome and without lease is in
-- waiting, deferred, parked or ready: it is retrying when an attempt of it failed since its last new
-- start, also while it is suspended.
create or replace view absurd.tasks as
select absurd.task_uuid(t.id) as task_id,
       l.queue as queue_name,
       k.name as task_name,
       t.params::jsonb as params,
       l.priority::integer as priority,
       t.timeout_ms / 1000.0::double precision as timeout_sec,
       case
         when o.kind = 'c' then 'completed'
         when o.kind = 'd' then 'failed'
         when o.kind = 'x' then 'cancelled'
         when s.task_id is not null then 'claimed'
         when a.claim_no is not null then 'retrying'
         else 'pending'
       end as status,
       w.name as worker_id,
       coalesce(o.claim_no, s.claim_no, greatest(a.claim_no, c.claim_no), 0) as attempt,
       t.attempts_max - 1 as max_retries,
       o.result,
       coalesce(o.error, a.error) ->> 'message' as error,
       coalesce(t.created_at, absurd.number_at(t.id)) as created_at,
       coalesce(o.claimed_at, s.claimed_at) as claimed_at,
       o.finished_at as completed_at,
       extract(
         epoch from coalesce(o.claimed_at, s.claimed_at) - coalesce(t.created_at, absurd.number_at(t.id))
       )::double precision
         as wait_time_sec,
       extract(epoch from o.finished_at - o.claimed_at)::double precision as execution_time_sec,
       t.workflow_id,
       (select array_agg(absurd.task_uuid(d.parent) order by d.parent)
          from absurd.dep d where d.child = t.id) as depends_on,
       coalesce(t.available_at, t.created_at, absurd.number_at(t.id)) as available_at,
       t.correlation_id,
       t.idempotency_key,
       t.tags,
       absurd.task_uuid(t.parent_id) as parent_task_id,
       coalesce(o.error, a.error) as error_detail,
       t.id as task_number,
       t.lane_id
  from absurd.task t
  join absurd.lane l on l.lane_id = t.lane_id
  join absurd.kind k on k.kind_id = l.kind_id
  left join absurd.outcome o on o.task_id = t.id
  left join absurd.lease s on s.task_id = t.id
  left join absurd.worker w on w.worker_id = coalesce(o.worker_id, s.worker_id)
  left join lateral (
    select max(x.claim_no) as claim_no,
           max(x.claim_no) filter (where absurd.is_new_start(x)) as start_no
      from absurd.credit x where x.task_id = t.id
  ) c on true
  left join lateral (
    select x.claim_no, x.error
      from absurd.attempt x
     where x.task_id = t.id and x.claim_no > coalesce(c.start_no, 0)
     order by x.claim_no desc limit 1
  ) a on true;

-- Tasks as the view has them, one by one: joined as a whole, the planner may read days of history
-- for a page. The plan is kept, as making it costs more than the page.
create or replace function absurd.tasks_by_number(p_numbers bigint[])
  returns setof absurd.tasks
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select v.*
    from unnest(p_numbers) wanted(id)
    cross join lateral (
      select t.* from absurd.tasks t where t.task_number = wanted.id offset 0
    ) v;
end;
$$;

-- The same for lists, newest first: without what may be large.
create or replace function absurd.task_summaries(p_numbers bigint[])
  returns table (
    task_id uuid, queue_name text, task_name text, priority integer, status text, attempt integer,
    max_retries integer, timeout_sec double precision, worker_id text, created_at timestamptz,
    available_at timestamptz, claimed_at timestamptz, completed_at timestamptz,
    wait_time_sec double precision, execution_time_sec double precision, workflow_id uuid,
    parent_task_id uuid, correlation_id text, idempotency_key text, tags text[], error_detail jsonb
  )
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select v.task_id, v.queue_name, v.task_name, v.priority, v.status, v.attempt, v.max_retries,
         v.timeout_sec, v.worker_id, v.created_at, v.available_at, v.claimed_at, v.completed_at,
         v.wait_time_sec, v.execution_time_sec, v.workflow_id, v.parent_task_id, v.correlation_id,
         v.idempotency_key, v.tags, v.error_detail - array['fields', 'stack']
    from unnest(p_numbers) wanted(id)
    cross join lateral (
      select t.task_id, t.queue_name, t.task_name, t.priority, t.status, t.attempt, t.max_retries,
             t.timeout_sec, t.worker_id, t.created_at, t.available_at, t.claimed_at,
             t.completed_at, t.wait_time_sec, t.execution_time_sec, t.workflow_id,
             t.parent_task_id, t.correlation_id, t.idempotency_key, t.tags, t.error_detail,
             t.task_number
        from absurd.tasks t where t.task_number = wanted.id offset 0
    ) v
   order by v.task_number desc;
end;
$$;

-- Tasks that failed for good. absurd.retry_task gives one a new start.
create or replace view absurd.dead_letter as
select t.task_id, t.queue_name, t.task_name, t.params, t.attempt, t.error, t.error_detail,
       t.created_at, t.completed_at as failed_at, t.correlation_id, t.workflow_id, t.tags
  from absurd.tasks t
 where t.status = 'failed'
   and t.task_number = any(array(select o.task_id from absurd.outcome o where o.kind = 'd'));

-- Where one task is and what it waits for, by keys alone (the view reads history).
-- place: ready, deferred, waiting, parked, lease, completed, failed, cancelled.
create or replace function absurd.locate_task(p_task_number bigint)
  returns table (
    place text, run_at timestamptz, unmet integer, fraction real, note text, cancel_requested boolean
  )
  language sql stable
as $$
  select case
           when o.kind = 'c' then 'completed'
           when o.kind = 'd' then 'failed'
           when o.kind = 'x' then 'cancelled'
           when s.task_id is not null then 'lease'
           when w.child is not null then 'waiting'
           when d.task_id is not null then 'deferred'
           when k.task_id is not null then 'parked'
           else 'ready'
         end,
         coalesce(d.run_at, w.run_at), w.need, p.fraction, p.note,
         exists (
           select from absurd.signal g where g.task_id = s.task_id and g.claim_no = s.claim_no
         )
    from absurd.task t
    left join absurd.outcome o on o.task_id = t.id
    left join absurd.lease s on s.task_id = t.id
    left join absurd.waiting w on w.child = t.id
    left join absurd.deferred d on d.task_id = t.id
    left join absurd.parked k on k.task_id = t.id
    left join absurd.progress p on p.task_id = s.task_id and p.claim_no = s.claim_no
   where t.id = p_task_number;
$$;
