-- Suspension: an attempt that waits gives up its lease and its worker's slot. Its task goes on later
-- as a new attempt that replays what was kept. An attempt that was suspended does not count.

-- Takes the lease of an attempt that is being suspended. Its holder has locked it.
-- Raises WF010 when the task is to be cancelled: the attempt shall end, not wait.
create or replace function absurd.give_up_lease(p_lease absurd.lease)
  returns void
  language plpgsql
as $$
declare
  v_reason text;
begin
  select s.reason into v_reason
    from absurd.signal s
   where s.task_id = p_lease.task_id and s.claim_no = p_lease.claim_no and s.kind = 'cancel';
  if found then
    raise exception using errcode = 'WF010', message = v_reason;
  end if;
  delete from absurd.lease l where l.task_id = p_lease.task_id;
  if absurd.has_gates() then
    perform absurd.free_gates(array[p_lease.task_id], array[p_lease.claimed_at], true);
    perform absurd.note_gates();
  end if;
  insert into absurd.credit (task_id, claim_no, attempts)
  values (p_lease.task_id, p_lease.claim_no, 1)
  on conflict do nothing;
end;
$$;

-- Suspends an attempt until p_need requirements are met or the time p_wake_at has come.
-- The caller holds the lease. Locks a waiting row by making it. Raises WF010.
create or replace function absurd.suspend_waiting(
  p_lease absurd.lease, p_need integer, p_wake_at timestamptz
)
  returns void
  language plpgsql
as $$
begin
  perform absurd.give_up_lease(p_lease);
  insert into absurd.waiting (child, need, claim_no, lane_id, run_at, wake_at)
  values (p_lease.task_id, p_need, p_lease.claim_no, p_lease.lane_id, absurd.clock(), p_wake_at);
end;
$$;

-- Lets waiting tasks go on, whatever they waited for. Returns how many became ready.
-- Locks waiting rows in the order of child, then deferred, ready.
create or replace function absurd.wake_waiting(p_children bigint[])
  returns integer
  language plpgsql
as $$
begin
  if coalesce(cardinality(p_children), 0) = 0 then
    return 0;
  end if;
  perform from absurd.waiting w where w.child = any(p_children) order by w.child for update;
  update absurd.waiting w set need = 0 where w.child = any(p_children);
  return absurd.leave_waiting(p_children);
end;
$$;

-- Puts attempts to sleep, and returns those it did not: 'stale' ones, and ones to be 'cancelled'
-- with the reason. Each sleeps for p_seconds, or until p_untils; the time it wakes is its checkpoint
-- "$sleep", so that it does not sleep twice.
-- Locks lease rows in the order of task, deferred rows.
create or replace function absurd.sleep_attempts(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[], p_ordinals integer[],
  p_seconds double precision[], p_untils timestamptz[]
)
  returns table (task_id bigint, claim_no integer, what text, reason text)
  language plpgsql
as $$
declare
  v_asleep bigint[];
  v_claimed_ats timestamptz[];
begin
  perform from absurd.lease l
    where l.task_id = any(p_ids) and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
    order by l.task_id for update;
  with given as materialized (
    select * from unnest(p_ids, p_claims, p_ordinals, p_seconds, p_untils)
      as g(task_id, claim_no, ordinal, seconds, until)
  ),
  gone as (
    delete from absurd.lease l using given g
     where l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
       and not exists (
             select from absurd.signal s
              where s.task_id = g.task_id and s.claim_no = g.claim_no and s.kind = 'cancel'
           )
    returning l.task_id, l.claim_no, l.lane_id, l.claimed_at, g.ordinal,
              coalesce(g.until, absurd.clock() + make_interval(secs => g.seconds)) as wake_at
  ),
  kept as (
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    select o.task_id, '$sleep', o.ordinal, o.claim_no,
           to_jsonb(date_part('epoch', o.wake_at) * 1000), absurd.clock()
      from gone o
    on conflict do nothing
  ),
  credited as (
    insert into absurd.credit (task_id, claim_no, attempts)
    select o.task_id, o.claim_no, 1 from gone o
    on conflict do nothing
  ),
  later as (
    insert into absurd.deferred (run_at, task_id, claim_no, lane_id)
    select o.wake_at, o.task_id, o.claim_no, o.lane_id from gone o
  )
  select array_agg(o.task_id), array_agg(o.claimed_at) into v_asleep, v_claimed_ats from gone o;
  if v_asleep is not null and absurd.has_gates() then
    perform absurd.free_gates(v_asleep, v_claimed_ats, true);
    perform absurd.note_gates();
  end if;
  if cardinality(v_asleep) = cardinality(p_ids) then
    return;
  end if;
  return query
    select g.task_id, g.claim_no, case when s.reason is null then 'stale' else 'cancelled' end,
           s.reason
      from unnest(p_ids, p_claims) as g(task_id, claim_no)
      left join absurd.lease l
        on l.task_id = g.task_id and l.claim_no = g.claim_no
       and l.worker_id + 0 = p_worker_id and l.epoch = p_epoch
      left join absurd.signal s
        on s.task_id = l.task_id and s.claim_no = l.claim_no and s.kind = 'cancel'
     where g.task_id <> all (coalesce(v_asleep, '{}'));
end;
$$;

-- Suspends one attempt for p_seconds; for shells and other languages, which claim the task again
-- when it is due. Locks lease, deferred rows. Raises WF001, WF010.
create or replace function absurd.sleep_task(
  p_fence text, p_seconds double precision, p_ordinal integer default 1
)
  returns void
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
  v_wake_at timestamptz := absurd.clock() + make_interval(secs => p_seconds);
begin
  perform absurd.give_up_lease(v_lease);
  insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
  values (v_lease.task_id, '$sleep', p_ordinal, v_lease.claim_no,
          to_jsonb(date_part('epoch', v_wake_at) * 1000), absurd.clock())
  on conflict do nothing;
  insert into absurd.deferred (run_at, task_id, claim_no, lane_id)
  values (v_wake_at, v_lease.task_id, v_lease.claim_no, v_lease.lane_id);
end;
$$;

-- How tasks ended: [{ status, result, error }] in the order given; null when one has not.
create or replace function absurd.ends_of(p_ids bigint[])
  returns jsonb
  language sql stable
as $$
  select case when count(*) = count(o.task_id) then jsonb_agg(
           jsonb_build_object(
             'status', case o.kind when 'c' then 'completed' when 'd' then 'failed'
                                   else 'cancelled' end,
             'result', o.result, 'error', o.error
           ) order by g.place)
         end
    from unnest(p_ids) with ordinality as g(id, place)
    left join absurd.outcome o on o.task_id = g.id;
$$;

-- What an attempt gets for tasks it waits for: 'ended' with their ends (see absurd.ends_of), as JSON
-- text and as a checkpoint "$tasks"; else 'suspended': the attempt gave up its lease, and its task
-- goes on when all have ended.
--
-- The wait is an edge of any end from each of them to this task. A task that ends while the edge is
-- not committed may not see it; absurd.audit_edges finds such a wait.
-- Locks lease, waiting rows. Raises WF001, WF006 no such task, WF010, WF011 when one of them waits,
-- directly or not, for this task.
create or replace function absurd.await_tasks(
  p_fence text, p_task_ids uuid[], p_ordinal integer default 1
)
  returns table (what text, ends text)
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
  v_ids bigint[] := array(
    select coalesce(absurd.task_number(u.id), 0)
      from unnest(p_task_ids) with ordinality as u(id, place) order by u.place
  );
  v_ends jsonb;
begin
  perform absurd.assert_awaitable(v_lease.task_id, v_ids);
  v_ends := case when cardinality(v_ids) = 0 then '[]' else absurd.ends_of(v_ids) end;
  if v_ends is not null then
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    values (v_lease.task_id, '$tasks', p_ordinal, v_lease.claim_no, v_ends, absurd.clock())
    on conflict do nothing;
    return query select 'ended', v_ends::text;
    return;
  end if;
  insert into absurd.dep (parent, child, cond)
  select distinct i, v_lease.task_id, 'a'::"char" from unnest(v_ids) i order by i
  on conflict do nothing;
  perform absurd.suspend_waiting(v_lease, 1, null);
  insert into absurd.late_edge (child) values (v_lease.task_id)
  on conflict on constraint late_edge_pkey do update set horizon = null;
  -- Those that ended since the first look are seen here.
  perform absurd.recount_waiting(array[v_lease.task_id]);
  return query select 'suspended', null::text;
end;
$$;

-- Raises WF006 for a task that does not exist, WF011 for one that waits for p_task itself: as for a
-- task, or for a gate, see absurd.endless_wait. A circle needs somebody who waits for p_task, or for
-- a gate that it holds.
create or replace function absurd.assert_awaitable(p_task bigint, p_ids bigint[])
  returns void
  language plpgsql
as $$
declare
  v_bad bigint;
  v_circle text;
begin
  select i into v_bad from unnest(p_ids) i
   where not exists (select from absurd.task t where t.id = i) limit 1;
  if found then
    raise exception using
      errcode = 'WF006', message = format('no task %s', absurd.task_uuid(v_bad));
  end if;
  with recursive above(id) as (
    select unnest(p_ids)
    union
    select d.parent
      from above a
      join absurd.waiting w on w.child = a.id
      join absurd.dep d on d.child = w.child
     where not exists (select from absurd.outcome o where o.task_id = d.parent)
  )
  select a.id into v_bad from above a where a.id = p_task limit 1;
  if found then
    v_circle := 'what it awaits waits for it';
  elsif absurd.has_gates() and (
    exists (select from absurd.gate_grant h where h.task_id = p_task)
    or exists (select from absurd.dep d join absurd.waiting w on w.child = d.child
                where d.parent = p_task)
  ) then
    v_circle := absurd.endless_wait(p_task, p_ids);
  end if;
  if v_circle is not null then
    raise exception using
      errcode = 'WF011',
      message = format('task %s would wait for itself: %s', absurd.task_uuid(p_task), v_circle);
  end if;
end;
$$;

-- The leader's part: ends waits that are over and sweeps. Returns how many tasks became ready.
create or replace function absurd.tend_suspended(p_limit integer)
  returns integer
  language plpgsql
as $$
begin
  perform absurd.forget_events(p_limit);
  return absurd.time_out_waits(p_limit);
end;
$$;
