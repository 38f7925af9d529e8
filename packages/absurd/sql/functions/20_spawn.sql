-- Spawning. All of it happens in the caller's transaction.

-- Parses a batch, fills the defaults of each kind and gives each task its number.
-- Raises WF004 for a name that was never registered, WF008 for params over 1 MiB.
create or replace function absurd.parse_spawns(p_tasks jsonb, p_now timestamptz)
  returns absurd.spawn_row[]
  language plpgsql
as $$
declare
  v_rows absurd.spawn_row[];
  v_bad record;
  v_numbers bigint[] := array(
    select absurd.next_task_number()
      from generate_series(1, jsonb_array_length(p_tasks)) order by 1
  );
begin
  v_rows := array(
    select row(
             g.ordinal, v_numbers[g.ordinal], v_numbers[g.ordinal], k.kind_id, coalesce(g.queue_name, k.queue),
             coalesce(g.priority, 0), coalesce(g.params, '{}'),
             coalesce(g.max_retries + 1, k.attempts_max),
             coalesce((g.timeout_seconds * 1000)::bigint, k.timeout_ms),
             coalesce(g.available_at, p_now + make_interval(secs => g.delay_seconds), p_now),
             g.idempotency_key, g.correlation_id, g.workflow_id, g.tags, g.policy,
             nullif(g.depends_on, '[]'), p_tasks -> (g.ordinal - 1)::integer, 0
           )::absurd.spawn_row
      from rows from (
             jsonb_to_recordset(p_tasks) as (
               task_name text, queue_name text, params jsonb, priority smallint,
               max_retries integer, timeout_seconds double precision,
               delay_seconds double precision, available_at timestamptz, idempotency_key text,
               correlation_id text, workflow_id uuid, tags text[], policy jsonb, depends_on jsonb,
               version text
             )
           ) with ordinality as g(
             task_name, queue_name, params, priority, max_retries, timeout_seconds,
             delay_seconds, available_at, idempotency_key, correlation_id, workflow_id, tags,
             policy, depends_on, version, ordinal
           )
      join absurd.kind k
        on k.name = g.task_name
       and case when g.version is null then k.current else k.version = g.version end
     order by g.ordinal
  );
  if cardinality(v_rows) < jsonb_array_length(p_tasks) then
    raise exception using
      errcode = 'WF004',
      message = format(
        'task name %s is not registered',
        (select coalesce(
                  to_jsonb(e.value ->> 'task_name' || coalesce('@' || (e.value ->> 'version'), ''))
                    ::text, 'null')
           from jsonb_array_elements(p_tasks) e
          where not exists (
                  select from absurd.kind k
                   where k.name = e.value ->> 'task_name'
                     and k.version = coalesce(e.value ->> 'version', k.version)
                )
          limit 1)
      );
  end if;
  select r.ordinal - 1 as index, pg_column_size(r.params) as bytes into v_bad
    from unnest(v_rows) r where pg_column_size(r.params) > 1048576 limit 1;
  if found then
    raise exception using
      errcode = 'WF008',
      message = format('params of task %s take %s bytes, above 1048576; pass large values by reference',
                       v_bad.index, v_bad.bytes);
  end if;
  return v_rows;
end;
$$;

-- Makes the lanes that these tasks need and that do not exist, and says whether any of the lanes is
-- guarded: then absurd.admit_spawns has the word. Waits for a transaction that is making the same
-- lane or changing its queue, and for nothing else.
create or replace function absurd.intern_lanes(p_rows absurd.spawn_row[])
  returns boolean
  language plpgsql
as $$
declare
  v_missing record;
  v_guarded boolean;
begin
  for v_round in 1..2 loop
    select array_agg(w.queue) filter (where l.lane_id is null) as queues,
           array_agg(w.kind_id) filter (where l.lane_id is null) as kinds,
           array_agg(w.class_id) filter (where l.lane_id is null) as classes,
           array_agg(w.priority) filter (where l.lane_id is null) as priorities,
           array_agg(w.fair) filter (where l.lane_id is null) as fair,
           coalesce(bool_or(l.guarded), false) as guarded
      into v_missing
      from (
        select distinct r.queue, r.kind_id, r.class_id, r.priority,
                absurd.fair_bucket(r.request) as fair
          from unnest(p_rows) r
      ) w
      left join absurd.lane l
        on l.queue = w.queue and l.kind_id = w.kind_id and l.class_id = w.class_id
       and l.priority = w.priority and l.fair_key = w.fair;
    v_guarded := v_missing.guarded;
    exit when v_missing.queues is null or v_round = 2;
    perform absurd.make_lanes(
      v_missing.queues, v_missing.kinds, v_missing.classes, v_missing.priorities, v_missing.fair
    );
  end loop;
  return v_guarded;
end;
$$;

-- Gives the keyed rows whose key is known the number of the task that has it. Waits for a
-- transaction that is spawning the same key.
create or replace function absurd.match_keys(p_rows absurd.spawn_row[])
  returns absurd.spawn_row[]
  language plpgsql
as $$
begin
  insert into absurd.dedup (scope, key, task_id, expires_at)
  select k.scope, r.idempotency_key, r.number,
         absurd.clock() + make_interval(
           secs => (r.request ->> 'idempotency_key_ttl_seconds')::double precision)
    from unnest(p_rows) r join absurd.kind k on k.kind_id = r.kind_id
   where r.idempotency_key is not null
   order by k.scope, r.idempotency_key, r.ordinal
  on conflict do nothing;

  return array(
    select row(
             r.ordinal, r.number, coalesce(d.task_id, r.number), r.kind_id, r.queue, r.priority,
             r.params, r.attempts_max, r.timeout_ms, r.available_at, r.idempotency_key,
             r.correlation_id, r.workflow_id, r.tags, r.policy, r.depends_on, r.request,
             r.class_id
           )::absurd.spawn_row
      from unnest(p_rows) r
      left join absurd.kind k on k.kind_id = r.kind_id and r.idempotency_key is not null
      left join absurd.dedup d
        on d.scope = k.scope and d.key = r.idempotency_key and d.bucket = 0
     order by r.ordinal
  );
end;
$$;

-- Spawns tasks, all or none, and says for each its task_id and whether it is new.
--
-- p_tasks: [{ task_name, params, queue_name, priority, max_retries, timeout_seconds, delay_seconds,
-- available_at, idempotency_key, correlation_id, workflow_id, tags, policy, depends_on }]; only
-- task_name is required. depends_on lists task_ids, or indexes (from 0) of earlier tasks in p_tasks.
-- Rarer ones: see absurd.spawn_problem, which also says what each may be.
-- p_fence: the spawning attempt; its lease is locked, so a stale one spawns nothing.
-- concurrency, locks, rate, hold, resources, labels: see absurd.apply_demands.
-- Raises WF035 naming task and field of a bad value, WF001 stale fence, WF004 unknown name, WF005 an
-- index that is not of an earlier task, WF006 unknown parent, WF007 a parent that failed or was
-- cancelled, WF008 params too large, WF025 a demand that cannot be understood, WF020 queue full, WF021
-- queue draining.
create or replace function absurd.spawn_tasks(p_tasks jsonb, p_fence text default null)
  returns table (task_index integer, task_id uuid, created boolean)
  language plpgsql
as $$
declare
  v_now timestamptz := absurd.clock();
  v_rows absurd.spawn_row[];
  v_parent absurd.lease;
  v_has_rare boolean;
  v_demanding boolean;
  v_guarded boolean;
begin
  if p_fence is not null then
    v_parent := absurd.hold_fence(p_fence);
  end if;
  if not absurd.has_partition_today() then
    perform absurd.ensure_partitions();
  end if;
  begin
    v_rows := absurd.parse_spawns(p_tasks, v_now);
  exception when data_exception then
    -- Of what type a value should have been, it says of which task and field.
    perform absurd.check_spawns(p_tasks, null);
    raise;
  end;
  perform absurd.check_spawns(p_tasks, absurd.doubtful_spawns(v_rows, v_now));
  v_demanding := absurd.has_demands(p_tasks);
  if v_demanding then
    v_rows := absurd.apply_demands(v_rows);
  end if;
  v_guarded := absurd.intern_lanes(v_rows);
  if exists (select from unnest(v_rows) r where r.idempotency_key is not null) then
    v_rows := absurd.match_keys(v_rows);
  end if;
  v_has_rare := exists (select from unnest(v_rows) r where r.request ?| array[
    'dedupe', 'deadline_at', 'expires_at', 'expires_in_seconds']);
  if v_has_rare then
    v_rows := absurd.match_contents(v_rows, v_now);
  end if;
  if v_guarded then
    perform absurd.admit_spawns(v_rows);
  end if;
  if exists (select from unnest(v_rows) r where r.depends_on is not null) then
    perform absurd.record_edges(v_rows);
  end if;
  -- Under repeatable read a lane that another transaction just made is not visible: try again.
  if absurd.place_spawned(v_rows, v_parent.task_id, v_now)
     < (select count(*) from unnest(v_rows) r where r.number = r.final) then
    raise exception using
      errcode = '40001',
      message = 'a lane of these tasks was made by a concurrent transaction';
  end if;
  if v_has_rare then
    perform absurd.note_expiry(v_rows);
  end if;
  if v_demanding then
    perform absurd.park_spawned(v_rows);
  end if;
  return query
    select r.ordinal - 1, absurd.task_uuid(r.final), r.number = r.final
      from unnest(v_rows) r order by r.ordinal;
end;
$$;

-- Writes the bodies and puts each task where it belongs: waiting, deferred or ready, those that are
-- due in a gated lane left to absurd.park_spawned. Returns how many it placed.
create or replace function absurd.place_spawned(
  p_rows absurd.spawn_row[], p_parent bigint, p_now timestamptz
)
  returns bigint
  language sql
as $$
  with fresh as materialized (
    select r.*, l.lane_id, l.gated, coalesce(u.need, 0) as need
      from unnest(p_rows) r
      left join absurd.unmet_counts(array(
             select c.number from unnest(p_rows) c where c.depends_on is not null
           )) u on u.child = r.number
      join absurd.lane l
        on l.queue = r.queue and l.kind_id = r.kind_id and l.class_id = r.class_id
       and l.priority = r.priority and l.fair_key = absurd.fair_bucket(r.request)
     where r.number = r.final
  ),
  body as (
    insert into absurd.task (
      id, lane_id, attempts_max, timeout_ms, created_at, available_at, parent_id, workflow_id,
      params, policy, idempotency_key, correlation_id, tags, trace_context, deadline_at, expires_at
    )
    select f.number, f.lane_id, f.attempts_max, f.timeout_ms, absurd.unless_now(p_now),
           nullif(f.available_at, p_now), p_parent,
           f.workflow_id, f.params, f.policy, f.idempotency_key,
           -- A child belongs to its parent's story unless it says otherwise.
           coalesce(f.correlation_id,
                    (select t.correlation_id from absurd.task t where t.id = p_parent)),
           f.tags,
           coalesce(nullif(f.request -> 'trace_context', 'null'),
                    (select t.trace_context from absurd.task t where t.id = p_parent)),
           (f.request ->> 'deadline_at')::timestamptz, absurd.expiry_of(f.request, p_now)
      from fresh f
    returning 1
  ),
  waits as (
    insert into absurd.waiting (child, need, lane_id, run_at)
    select f.number, f.need, f.lane_id, f.available_at from fresh f where f.need > 0
  ),
  later as (
    insert into absurd.deferred (run_at, task_id, lane_id)
    select f.available_at, f.number, f.lane_id
      from fresh f where f.need = 0 and f.available_at > p_now
  ),
  now_ready as (
    insert into absurd.ready (lane_id, task_id, at)
    select f.lane_id, f.number, case when f.available_at <> p_now then f.available_at
                                    else absurd.unless_now(p_now) end
      from fresh f where f.need = 0 and f.available_at <= p_now and not f.gated
     order by f.ordinal
  )
  select count(*) from body;
$$;

-- Spawns one task. The short form for psql and for other languages.
create or replace function absurd.spawn_task(
  p_queue text, p_task_name text, p_params jsonb default '{}', p_priority integer default 0,
  p_timeout_sec integer default null, p_max_retries integer default null
)
  returns uuid
  language sql
as $$
  select s.task_id
    from absurd.spawn_tasks(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
           'queue_name', p_queue, 'task_name', p_task_name, 'priority', p_priority,
           'timeout_seconds', p_timeout_sec, 'max_retries', p_max_retries
         )) || jsonb_build_object('params', p_params))) s;
$$;
