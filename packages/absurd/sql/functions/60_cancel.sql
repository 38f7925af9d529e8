-- What people do to tasks: cancel and retry.

-- Cancels tasks, given by number, wherever they are. Says of each what happened: 'cancelled' (it
-- did not run), 'requested' (it runs; its worker is told), 'ended' (it had ended), 'unknown'.
--
-- A lease is locked while its request is written, so an attempt that ends meanwhile either sees the
-- request or is gone when this goes on. A task may move between two planes while this looks for it,
-- so it looks again, with a new snapshot, until each is found. Removing ready rows reads their
-- lanes: the cost grows with the backlog of those lanes, not with the number of tasks.
-- Locks lease, waiting, deferred, ready rows, in this order.
create or replace function absurd.cancel_tasks(p_ids bigint[], p_reason text)
  returns table (task_id bigint, what text)
  language plpgsql
as $$
declare
  v_left bigint[] := p_ids;
  v_cancelled bigint[] := '{}';
  v_now bigint[];
begin
  for v_try in 1..5 loop
    perform absurd.request_cancel(v_left, p_reason);
    v_now := absurd.cancel_unclaimed(v_left, p_reason);
    v_cancelled := v_cancelled || v_now;
    perform absurd.after_end(v_now);
    v_left := array(
      select i from unnest(v_left) i
       where i <> all (v_now)
         and exists (select from absurd.task t where t.id = i)
         and not exists (select from absurd.outcome o where o.task_id = i)
         and not exists (
               select from absurd.lease l
                 join absurd.signal s on s.task_id = l.task_id and s.claim_no = l.claim_no
                where l.task_id = i
             )
    );
    exit when cardinality(v_left) = 0;
  end loop;
  perform absurd.note_gates();
  return query
    select i, case
             when i = any(v_cancelled) then 'cancelled'
             when exists (select from absurd.lease l where l.task_id = i) then 'requested'
             when exists (select from absurd.task t where t.id = i) then 'ended'
             else 'unknown'
           end
      from unnest(p_ids) i;
end;
$$;

-- Writes a request to cancel for each of the tasks that a worker holds.
create or replace function absurd.request_cancel(p_ids bigint[], p_reason text)
  returns void
  language sql
as $$
  with held as materialized (
    select l.task_id, l.claim_no, l.worker_id
      from absurd.lease l where l.task_id = any(p_ids) order by l.task_id
       for update
  )
  insert into absurd.signal (task_id, claim_no, kind, worker_id, reason)
  select h.task_id, h.claim_no, 'cancel', h.worker_id, p_reason from held h
  on conflict do nothing;
$$;

-- Cancels those of the tasks that no worker holds, or of these those whose claim number is at most
-- p_claim_no_max; returns them.
create or replace function absurd.cancel_unclaimed(
  p_ids bigint[], p_reason text, p_claim_no_max integer default 2147483647
)
  returns bigint[]
  language sql
as $$
  with from_waiting as (
    delete from absurd.waiting w where w.child = any(p_ids) and w.claim_no <= p_claim_no_max
    returning w.child as id, w.claim_no
  ),
  from_deferred as (
    delete from absurd.deferred d where d.task_id = any(p_ids) and d.claim_no <= p_claim_no_max
    returning d.task_id as id, d.claim_no
  ),
  lanes as materialized (
    select distinct t.lane_id from absurd.task t where t.id = any(p_ids)
  ),
  from_ready as (
    delete from absurd.ready r using lanes l
     where r.lane_id = l.lane_id and r.task_id = any(p_ids) and r.claim_no <= p_claim_no_max
    returning r.task_id as id, r.claim_no
  ),
  from_parked as (
    delete from absurd.parked p where p.task_id = any(p_ids) returning p.task_id as id, p.claim_no
  ),
  ended as (
    insert into absurd.outcome (task_id, claim_no, kind, finished_at, error)
    select e.id, e.claim_no, 'x', absurd.clock(),
           jsonb_build_object('tag', 'TaskCancelled', 'class', 'cancelled', 'message', p_reason,
                              'fields', '{}'::jsonb)
      from (
        select * from from_waiting
        union all select * from from_deferred
        union all select * from from_ready
        union all select * from from_parked
      ) e
    returning task_id
  )
  select coalesce(array_agg(e.task_id), '{}') from ended e;
$$;

-- Cancels one task. True when it was cancelled or its worker was told, false when it had ended.
-- Raises WF006 when there is no such task.
create or replace function absurd.cancel_task(
  p_task_id uuid, p_reason text default 'cancelled by request'
)
  returns boolean
  language plpgsql
as $$
declare
  v_what text;
begin
  select c.what into v_what
    from absurd.cancel_tasks(array[absurd.task_number(p_task_id)], p_reason) c;
  if v_what = 'unknown' then
    raise exception using errcode = 'WF006', message = format('no task %s', p_task_id);
  end if;
  return v_what in ('cancelled', 'requested');
end;
$$;

-- Gives a failed or cancelled task, and the tasks that were cancelled because of it, a new start
-- with all attempts. Finished attempts stay in the log, claim numbers go on counting.
-- Returns false when the task is neither failed nor cancelled. Raises WF006 when there is none, WF034
-- when the history of its day is being removed.
create or replace function absurd.retry_task(p_task_id uuid)
  returns boolean
  language plpgsql
as $$
declare
  v_id bigint := absurd.task_number(p_task_id);
begin
  if v_id is null or not exists (select from absurd.task t where t.id = v_id) then
    raise exception using errcode = 'WF006', message = format('no task %s', p_task_id);
  end if;
  if not exists (select from absurd.outcome o where o.task_id = v_id and o.kind in ('d', 'x')) then
    return false;
  end if;
  return cardinality(absurd.revive(array[v_id])) > 0;
end;
$$;
