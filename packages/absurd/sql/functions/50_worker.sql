-- Workers: registration, the beat, and what a worker asks after it lost its connection.

-- Registers a worker process and returns its number and epoch. p_epoch: random, by the caller.
create or replace function absurd.register_worker(
  p_name text, p_epoch bigint, p_lease_ms integer, p_queues text[], p_concurrency integer,
  p_host text default null, p_pid integer default null, p_version text default null
)
  returns integer
  language sql
as $$
  insert into absurd.worker (
    name, epoch, beat_at, lease_ms, queues, concurrency, host, pid, version
  )
  values (
    p_name, p_epoch, absurd.clock(), p_lease_ms, p_queues, p_concurrency, p_host, p_pid, p_version
  )
  returning worker_id;
$$;

-- Raises WF002 when the worker was declared dead. Until the transaction ends it cannot be: recovery
-- takes the same advisory lock exclusively. (A row lock would leave a dead row with every cycle.)
create or replace function absurd.assert_worker(p_worker_id integer, p_epoch bigint)
  returns void
  language plpgsql
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('absurd.worker'), p_worker_id);
  if not exists (
    select from absurd.worker w
     where w.worker_id = p_worker_id and w.epoch = p_epoch and w.gone_at is null
  ) then
    raise exception using
      errcode = 'WF002',
      message = format('worker %s was declared dead and must register again', p_worker_id);
  end if;
end;
$$;

-- Prolongs every lease of a worker by one row, and hands over the requests waiting for it: to
-- 'cancel' a task, or (task 0) of the worker itself to 'drain' or to 'stop', with the grace in
-- seconds as reason; and 'paused' while one of its queues is: see absurd.paused_lanes.
-- Raises WF002 when the worker was declared dead.
-- p_memory_bytes: what its process has resident; null leaves what it said before.
create or replace function absurd.beat(
  p_worker_id integer, p_epoch bigint, p_memory_bytes bigint default null
)
  returns table (task_id bigint, claim_no integer, kind text, reason text)
  language plpgsql
as $$
begin
  update absurd.worker w
     set beat_at = absurd.clock(), memory_bytes = coalesce(p_memory_bytes, w.memory_bytes)
   where w.worker_id = p_worker_id and w.epoch = p_epoch and w.gone_at is null;
  if not found then
    perform absurd.assert_worker(p_worker_id, p_epoch);
  end if;
  return query
    select s.task_id, s.claim_no, s.kind, s.reason
      from absurd.signal s where s.worker_id = p_worker_id
    union all
    select 0::bigint, 0, g.kind, g.grace_seconds::text
      from absurd.worker_signal g where g.worker_id = p_worker_id
    union all
    select 0::bigint, 0, 'paused', null
     where exists (
             select from absurd.worker w join absurd.queue q on q.name = any(w.queues)
              where w.worker_id = p_worker_id and q.paused
           );
end;
$$;

-- Which of the lanes are paused. A worker that hears of a pause gives back what it claimed ahead of
-- them: asked for here, so that no claim has to say of which queue it is.
create or replace function absurd.paused_lanes(p_lanes integer[])
  returns setof integer
  language sql stable
as $$
  select l.lane_id from absurd.lane l where l.lane_id = any(p_lanes) and l.paused;
$$;

-- What a worker calls after a lost connection, before it publishes anything: which of the attempts
-- it runs it still holds. Leases it does not know of, whose claim it never heard the answer to, are
-- given back. Waits for a cycle that the lost connection left running: what that one claims must be
-- seen here, or nobody would ever run it. Raises WF002 when the worker was declared dead.
create or replace function absurd.revalidate(
  p_worker_id integer, p_epoch bigint, p_ids bigint[], p_claims integer[]
)
  returns table (task_id bigint, claim_no integer, held boolean)
  language plpgsql
as $$
declare
  v_unknown bigint[];
  v_claims integer[];
begin
  perform pg_advisory_xact_lock(hashtext('absurd.worker'), p_worker_id);
  perform * from absurd.beat(p_worker_id, p_epoch);
  select array_agg(l.task_id), array_agg(l.claim_no) into v_unknown, v_claims
    from absurd.lease l
   where l.worker_id = p_worker_id and l.epoch = p_epoch
     and not exists (
           select from unnest(p_ids, p_claims) as g(task_id, claim_no)
            where g.task_id = l.task_id and g.claim_no = l.claim_no
         );
  if v_unknown is not null then
    perform absurd.fail_attempts(
      p_worker_id, p_epoch, v_unknown, v_claims,
      array_fill('released'::text, array[cardinality(v_unknown)]), null, null
    );
    perform absurd.settle_gates();
  end if;
  return query
    select g.task_id, g.claim_no,
           exists (
             select from absurd.lease l
              where l.task_id = g.task_id and l.claim_no = g.claim_no
                and l.worker_id = p_worker_id and l.epoch = p_epoch
           )
      from unnest(p_ids, p_claims) as g(task_id, claim_no);
end;
$$;

-- Takes a worker off the registry and gives back what it still holds, its leadership, too. Never
-- raises: a worker that was declared dead meanwhile has nothing left to give back. Waits for a cycle
-- or a round of maintenance of its own that is under way; one that comes later is refused, so none
-- takes the leadership for a worker that is gone. Locks the worker, then as fail_attempts, control.
create or replace function absurd.leave_worker(p_worker_id integer, p_epoch bigint)
  returns void
  language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(hashtext('absurd.worker'), p_worker_id);
  update absurd.worker w set gone_at = absurd.clock(), buried = true
   where w.worker_id = p_worker_id and w.epoch = p_epoch and w.gone_at is null;
  if found then
    perform absurd.fail_attempts(
      p_worker_id, p_epoch, array_agg(l.task_id), array_agg(l.claim_no),
      array_agg('released'::text), null, null
    )
      from absurd.lease l where l.worker_id = p_worker_id and l.epoch = p_epoch;
    perform absurd.settle_gates();
    update absurd.control c set expires_at = '-infinity'
     where c.worker_id = p_worker_id and c.epoch = p_epoch;
  end if;
end;
$$;

-- Claims tasks for a worker written in any language; params are JSON and fence goes back to
-- complete_task and fail_task. A task name stands for all its versions, name@version for one.
-- Raises WF002 when the worker was declared dead.
create or replace function absurd.claim_tasks(
  p_worker_id integer, p_epoch bigint, p_queues text[], p_task_names text[], p_limit integer
)
  returns table (task_id uuid, task_name text, params jsonb, attempt integer, fence text)
  language plpgsql
as $$
declare
  v_kinds integer[];
begin
  perform absurd.assert_worker(p_worker_id, p_epoch);
  v_kinds := array(
    select n.kind_id from absurd.kind n
     where n.name = any(p_task_names) or n.name || '@' || n.version = any(p_task_names)
  );
  if absurd.has_gates() then
    perform absurd.take_notes(100);
    perform absurd.settle_gates();
  end if;
  return query
    select absurd.task_uuid(c.task_id), k.name, c.params::jsonb, c.claim_no,
           absurd.fence_text(c.task_id, c.claim_no, p_worker_id, p_epoch)
      from absurd.claim_fitting(
             p_worker_id, p_epoch, p_queues, v_kinds, null, null, p_limit
           ) c
      join absurd.kind k on k.kind_id = c.kind_id;
end;
$$;

-- Claims one task of a queue, of any name, for a worker known by its name only, and counts as its
-- beat: the lease is 10 minutes from the worker's last call. For shells and notebooks.
create or replace function absurd.claim_task(p_queue text, p_worker text)
  returns table (task_id uuid, task_name text, params jsonb, attempt integer, fence text)
  language plpgsql
as $$
declare
  v_id integer;
  v_epoch bigint;
begin
  update absurd.worker w set beat_at = absurd.clock()
   where w.worker_id = (
           select max(o.worker_id) from absurd.worker o
            where o.name = p_worker and o.gone_at is null and not o.buried
         )
     and w.gone_at is null
  returning w.worker_id, w.epoch into v_id, v_epoch;
  if v_id is null then
    v_epoch := (random() * 4e18)::bigint;
    v_id := absurd.register_worker(p_worker, v_epoch, 600000, array[p_queue], 1);
  end if;
  return query
    select c.* from absurd.claim_tasks(
      v_id, v_epoch, array[p_queue], array(select k.name from absurd.kind k), 1
    ) c;
end;
$$;
