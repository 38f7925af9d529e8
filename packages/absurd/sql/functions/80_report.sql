-- What people look at.

-- Every task with its whole story, one row each. A task without outcome and without lease is in
-- waiting, deferred or ready: it is retrying when an attempt of it failed since its last new start.
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
       coalesce(o.claim_no, s.claim_no, a.claim_no, c.claim_no, 0) as attempt,
       t.attempts_max - 1 as max_retries,
       o.result,
       coalesce(o.error, a.error) ->> 'message' as error,
       t.created_at,
       coalesce(o.claimed_at, s.claimed_at) as claimed_at,
       o.finished_at as completed_at,
       extract(epoch from coalesce(o.claimed_at, s.claimed_at) - t.created_at)::double precision
         as wait_time_sec,
       extract(epoch from o.finished_at - o.claimed_at)::double precision as execution_time_sec,
       t.workflow_id,
       (select array_agg(absurd.task_uuid(d.parent) order by d.parent)
          from absurd.dep d where d.child = t.id) as depends_on,
       coalesce(t.available_at, t.created_at) as available_at,
       t.correlation_id,
       t.idempotency_key,
       t.tags,
       absurd.task_uuid(t.parent_id) as parent_task_id,
       coalesce(o.error, a.error) as error_detail,
       t.id as task_number
  from absurd.task t
  join absurd.lane l on l.lane_id = t.lane_id
  join absurd.kind k on k.kind_id = l.kind_id
  left join absurd.outcome o on o.task_id = t.id
  left join absurd.lease s on s.task_id = t.id
  left join absurd.worker w on w.worker_id = coalesce(o.worker_id, s.worker_id)
  left join lateral (
    select max(x.claim_no) as claim_no from absurd.credit x where x.task_id = t.id
  ) c on true
  left join lateral (
    select x.claim_no, x.error
      from absurd.attempt x
     where x.task_id = t.id and x.claim_no > coalesce(c.claim_no, 0)
     order by x.claim_no desc limit 1
  ) a on true;

-- Tasks that failed for good. absurd.retry_task gives one a new start.
create or replace view absurd.dead_letter as
select t.task_id, t.queue_name, t.task_name, t.params, t.attempt, t.error, t.error_detail,
       t.created_at, t.completed_at as failed_at, t.correlation_id, t.workflow_id, t.tags
  from absurd.tasks t
 where t.status = 'failed'
   and t.task_number = any(array(select o.task_id from absurd.outcome o where o.kind = 'd'));

-- Counts of a queue's tasks by status, or of all queues when p_queue is null. The same as counting
-- the view, read from each plane once.
create or replace function absurd.get_queue_stats(p_queue text default null)
  returns table (
    queue_name text, pending bigint, claimed bigint, completed bigint, failed bigint,
    cancelled bigint, retrying bigint, total bigint
  )
  language sql stable
as $$
  with unclaimed as (
    select lane_id, task_id, claim_no from absurd.ready
    union all select lane_id, task_id, claim_no from absurd.deferred
    union all select lane_id, child, claim_no from absurd.waiting
  ),
  counted as (
    select u.lane_id,
           case when u.claim_no > 0 and exists (
             select from absurd.attempt a
              where a.task_id = u.task_id
                and a.claim_no > coalesce(
                      (select max(c.claim_no) from absurd.credit c where c.task_id = u.task_id), 0)
           ) then 'r' else 'p' end as place, count(*) as n
      from unclaimed u group by 1, 2
    union all
    select s.lane_id, 'l', count(*) from absurd.lease s group by 1
    union all
    select t.lane_id, o.kind::text, count(*)
      from absurd.outcome o join absurd.task t on t.id = o.task_id group by 1, 2
  )
  select l.queue,
         coalesce(sum(c.n) filter (where c.place = 'p'), 0)::bigint,
         coalesce(sum(c.n) filter (where c.place = 'l'), 0)::bigint,
         coalesce(sum(c.n) filter (where c.place = 'c'), 0)::bigint,
         coalesce(sum(c.n) filter (where c.place = 'd'), 0)::bigint,
         coalesce(sum(c.n) filter (where c.place = 'x'), 0)::bigint,
         coalesce(sum(c.n) filter (where c.place = 'r'), 0)::bigint,
         sum(c.n)::bigint
    from counted c join absurd.lane l on l.lane_id = c.lane_id
   where p_queue is null or l.queue = p_queue
   group by l.queue
   order by l.queue;
$$;

-- Where one task is and what it waits for, by keys alone (the view reads history).
-- place: ready, deferred, waiting, lease, completed, failed, cancelled.
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
    left join absurd.progress p on p.task_id = s.task_id and p.claim_no = s.claim_no
   where t.id = p_task_number;
$$;
