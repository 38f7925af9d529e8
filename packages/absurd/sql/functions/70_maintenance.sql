-- Maintenance, done by one worker at a time: the one whose name is in the leader's row.

-- Takes or keeps the leadership and does one round of maintenance. Returns the leader's term, null
-- when another worker leads, and the seconds until the next deferred task, rate or schedule is due
-- (null: none). Schedules that are due are fired by the leader's process: see fire_schedule.
--
-- Recovery only puts tasks back in line, it never runs them. Each job is bounded, in the order of
-- task numbers. Locks control, worker, lease, waiting, deferred, ready rows, gates, in this order.
create or replace function absurd.maintain(
  p_worker_id integer, p_epoch bigint, p_leader_ms integer, p_cancel_grace_ms integer
)
  returns table (term bigint, promoted integer, recovered integer, next_due_seconds double precision)
  language plpgsql
as $$
declare
  v_term bigint;
  v_promoted integer := 0;
  v_recovered integer := 0;
begin
  perform absurd.assert_worker(p_worker_id, p_epoch);
  update absurd.control c
     set term = c.term + case when c.worker_id = p_worker_id and c.epoch = p_epoch
                              then 0 else 1 end,
         worker_id = p_worker_id, epoch = p_epoch,
         expires_at = absurd.clock() + p_leader_ms * interval '1 millisecond'
   where c.name = 'leader'
     and (c.expires_at < absurd.clock() or (c.worker_id = p_worker_id and c.epoch = p_epoch))
  returning c.term into v_term;
  if v_term is not null then
    -- Who leads is alive, also when its heartbeat has not come through yet.
    update absurd.worker w set beat_at = absurd.clock()
     where w.worker_id = p_worker_id
       and w.beat_at + w.lease_ms * interval '0.5 millisecond' < absurd.clock();
    v_recovered := absurd.recover_dead_workers(1000) + absurd.end_overdue(p_cancel_grace_ms, 1000);
    v_promoted := absurd.promote_deferred(1000) + absurd.release_buffered(100)
      + absurd.tend_suspended(1000);
    perform absurd.audit_edges(1000);
    perform absurd.run_fan_outs(null);
    perform absurd.end_expired(1000);
    perform absurd.tidy_failures(1000);
    perform absurd.forget_new_starts(1000);
    v_promoted := v_promoted + absurd.tend_gates(1000);
    delete from absurd.signal s
     where not exists (
             select from absurd.lease l where l.task_id = s.task_id and l.claim_no = s.claim_no
           );
    perform absurd.forget_worker_signals();
    perform absurd.ensure_partitions();
  end if;
  return query
    select v_term, v_promoted, v_recovered,
           least(
             extract(epoch from least(
               (select d.run_at from absurd.deferred d order by d.run_at limit 1),
               case when absurd.has_gates() then absurd.next_rate_due() end
             ) - absurd.clock())::double precision,
             absurd.next_schedule_seconds()
           );
end;
$$;

-- Moves deferred tasks that are due to their lanes, or to their gates. Returns how many.
create or replace function absurd.promote_deferred(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_count integer;
  v_gated absurd.ready[];
begin
  with due as materialized (
    select d.ctid as place from absurd.deferred d
     where d.run_at <= absurd.clock() order by d.run_at, d.task_id limit p_limit
       for update skip locked
  ),
  moved as (
    -- By place: joined by key, the planner may read the whole table for a few rows.
    delete from absurd.deferred d where d.ctid = any(array(select u.place from due u))
    returning d.task_id, d.claim_no, d.lane_id, d.run_at
  ),
  routed as materialized (
    select m.*, l.gated from moved m join absurd.lane l on l.lane_id = m.lane_id
  ),
  placed as (
    insert into absurd.ready (lane_id, task_id, claim_no, at)
    select r.lane_id, r.task_id, r.claim_no, r.run_at
      from routed r where not r.gated order by r.run_at, r.task_id
  )
  select count(*)::integer,
         array_agg(row(r.lane_id, r.claim_no, null, r.task_id, r.run_at)::absurd.ready
                   order by r.run_at, r.task_id) filter (where r.gated)
    into v_count, v_gated
    from routed r;
  perform absurd.park(v_gated);
  return v_count;
end;
$$;

-- The stored form of an error that the engine itself finds.
create or replace function absurd.error_json(p_tag text, p_class text, p_message text)
  returns jsonb
  language sql immutable
as $$
  select jsonb_build_object(
    'tag', p_tag, 'class', p_class, 'message', p_message, 'fields', '{}'::jsonb
  );
$$;

-- When the server was started; no worker can beat before. Long ago for a session that moved its
-- clock. Recovery from a crash is part of it: one longer than a lease uses the grace up.
create or replace function absurd.server_started_at()
  returns timestamptz
  language sql stable
as $$
  select case
    when coalesce(current_setting('absurd.fake_now', true), '') = ''
    then pg_postmaster_start_time() else '-infinity'
  end;
$$;

-- Declares workers dead whose lease ran out since their last beat, and puts what they held back in
-- line. The epoch moves first: from then on nothing they send matches. Returns how many tasks.
-- After a start of the server each worker has one lease to come back, whoever comes first.
-- A worker in the middle of a cycle, and a lease held by an open transaction, wait for a later round.
create or replace function absurd.recover_dead_workers(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_ended absurd.ended_attempt[];
begin
  with silent as materialized (
    select o.worker_id from absurd.worker o
     where not o.buried and o.gone_at is null
       and greatest(o.beat_at, absurd.server_started_at())
           + o.lease_ms * interval '1 millisecond' < absurd.clock()
     order by o.worker_id
       for update skip locked
  ),
  -- Apart, so that no other worker's lock is taken on the way.
  idle as materialized (
    select s.worker_id from silent s
     where pg_try_advisory_xact_lock(hashtext('absurd.worker'), s.worker_id)
  )
  update absurd.worker w set epoch = w.epoch # 1, gone_at = absurd.clock()
    from idle i where w.worker_id = i.worker_id;
  with lost as materialized (
    select l.task_id
      from absurd.worker w join absurd.lease l on l.worker_id = w.worker_id
     where not w.buried and w.gone_at is not null
     order by l.task_id limit p_limit
       for update of l skip locked
  ),
  ended as (
    delete from absurd.lease l using lost o where l.task_id = o.task_id
    returning l.task_id, l.claim_no, l.worker_id, l.lane_id, l.claimed_at
  )
  select array_agg(row(
           e.*, 'lost', absurd.error_json('LeaseLost', 'lost', format(
             'worker %s stopped beating while it ran attempt %s', e.worker_id, e.claim_no)),
           null
         )::absurd.ended_attempt)
    into v_ended from ended e;
  perform absurd.settle(v_ended);
  update absurd.worker w set buried = true
   where not w.buried and w.gone_at is not null
     and not exists (select from absurd.lease l where l.worker_id = w.worker_id);
  return coalesce(cardinality(v_ended), 0);
end;
$$;

-- Takes the lease of attempts that outlived their timeout, or a request to cancel, by the grace in
-- which their worker should have ended them itself. Returns how many.
create or replace function absurd.end_overdue(p_grace_ms integer, p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_ended absurd.ended_attempt[];
  v_since timestamptz := absurd.clock() - p_grace_ms * interval '1 millisecond';
begin
  with overdue as materialized (
    select l.task_id,
           (
             select s.reason from absurd.signal s
              where s.task_id = l.task_id and s.claim_no = l.claim_no and s.at < v_since
                and s.kind = 'cancel'
           ) as cancel_reason,
           exists (
             select from absurd.signal s
              where s.task_id = l.task_id and s.claim_no = l.claim_no and s.at < v_since
                and s.kind = 'deadline'
           ) as is_late
      from absurd.lease l
     where l.kill_after < v_since
        or l.task_id in (select s.task_id from absurd.signal s where s.at < v_since)
     order by l.task_id limit p_limit
       for update of l skip locked
  ),
  ended as (
    delete from absurd.lease l using overdue o
     where l.task_id = o.task_id
       and (o.cancel_reason is not null or o.is_late or l.kill_after < v_since)
    returning l.task_id, l.claim_no, l.worker_id, l.lane_id, l.claimed_at, o.cancel_reason, o.is_late
  )
  select array_agg(row(
           e.task_id, e.claim_no, e.worker_id, e.lane_id, e.claimed_at,
           case when e.cancel_reason is null then 'timeout' else 'cancelled' end,
           case when e.cancel_reason is not null
                then absurd.error_json('TaskCancelled', 'cancelled',
                       e.cancel_reason || '; its worker did not stop it in time')
                when e.is_late
                then absurd.error_json('DeadlineExceeded', 'timeout',
                       'ran past its deadline; its worker did not stop it in time')
                else absurd.error_json('TimedOut', 'timeout',
                       'ran past its timeout; its worker did not stop it in time') end,
           null
         )::absurd.ended_attempt)
    into v_ended from ended e;
  perform absurd.settle(v_ended);
  return coalesce(cardinality(v_ended), 0);
end;
$$;

-- Counts again the children whose edges may have been missed by a parent that ended meanwhile.
--
-- A completing transaction resolves the edges its snapshot shows. One that began before an edge was
-- committed does not see it. So the first round notes which transactions exist, and once all of
-- them are over a later round counts: by then every parent either shows its outcome or will see the
-- edge. Locks waiting rows in the order of child.
create or replace function absurd.audit_edges(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_children bigint[];
begin
  v_children := array(
    select e.child from absurd.late_edge e
     where e.horizon <= pg_snapshot_xmin(pg_current_snapshot())
     order by e.child limit p_limit
  );
  update absurd.late_edge e set horizon = pg_snapshot_xmax(pg_current_snapshot())
   where e.horizon is null;
  if cardinality(v_children) = 0 then
    return 0;
  end if;
  delete from absurd.late_edge e where e.child = any(v_children);
  return absurd.recount_waiting(v_children);
end;
$$;
