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
             nullif(g.depends_on, '[]'), p_tasks -> (g.ordinal - 1)::integer
           )::absurd.spawn_row
      from rows from (
             jsonb_to_recordset(p_tasks) as (
               task_name text, queue_name text, params jsonb, priority smallint,
               max_retries integer, timeout_seconds double precision,
               delay_seconds double precision, available_at timestamptz, idempotency_key text,
               correlation_id text, workflow_id uuid, tags text[], policy jsonb, depends_on jsonb
             )
           ) with ordinality as g(
             task_name, queue_name, params, priority, max_retries, timeout_seconds,
             delay_seconds, available_at, idempotency_key, correlation_id, workflow_id, tags,
             policy, depends_on, ordinal
           )
      join absurd.kind k on k.name = g.task_name
     order by g.ordinal
  );
  if cardinality(v_rows) < jsonb_array_length(p_tasks) then
    raise exception using
      errcode = 'WF004',
      message = format(
        'task name %s is not registered',
        (select coalesce(to_jsonb(e.value ->> 'task_name')::text, 'null')
           from jsonb_array_elements(p_tasks) e
          where not exists (select from absurd.kind k where k.name = e.value ->> 'task_name')
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

-- Makes the lanes that these tasks need and that do not exist. Waits for a transaction that is
-- making the same lane, and for nothing else.
create or replace function absurd.intern_lanes(p_rows absurd.spawn_row[])
  returns void
  language sql
as $$
  insert into absurd.lane (queue, kind_id, priority, boost_ms)
  select w.queue, w.kind_id, w.priority, w.priority * 1e8::double precision
    from (select distinct r.queue, r.kind_id, r.priority from unnest(p_rows) r) w
   where not exists (
           select from absurd.lane l
            where l.queue = w.queue and l.kind_id = w.kind_id and l.class_id = 0
              and l.priority = w.priority and l.fair_key = ''
         )
   order by 1, 2, 3
  on conflict do nothing;
$$;

-- Gives the keyed rows whose key is known the number of the task that has it. Waits for a
-- transaction that is spawning the same key.
create or replace function absurd.match_keys(p_rows absurd.spawn_row[])
  returns absurd.spawn_row[]
  language plpgsql
as $$
begin
  insert into absurd.dedup (scope, key, task_id)
  select r.kind_id, r.idempotency_key, r.number
    from unnest(p_rows) r where r.idempotency_key is not null
   order by r.kind_id, r.idempotency_key, r.ordinal
  on conflict do nothing;

  return array(
    select row(
             r.ordinal, r.number, coalesce(d.task_id, r.number), r.kind_id, r.queue, r.priority,
             r.params, r.attempts_max, r.timeout_ms, r.available_at, r.idempotency_key,
             r.correlation_id, r.workflow_id, r.tags, r.policy, r.depends_on, r.request
           )::absurd.spawn_row
      from unnest(p_rows) r
      left join absurd.dedup d
        on d.scope = r.kind_id and d.key = r.idempotency_key and d.bucket = 0
     order by r.ordinal
  );
end;
$$;

-- Spawns tasks, all or none, and says for each its task_id and whether it is new.
--
-- p_tasks: [{ task_name, params, queue_name, priority, max_retries, timeout_seconds, delay_seconds,
-- available_at, idempotency_key, correlation_id, workflow_id, tags, policy, depends_on }]; only
-- task_name is required. depends_on lists task_ids, or indexes (from 0) of earlier tasks in p_tasks.
-- p_fence: the spawning attempt; its lease is locked, so a stale one spawns nothing.
-- Raises WF001 stale fence, WF004 unknown name, WF005 an index that is not of an earlier task,
-- WF006 unknown parent, WF007 a parent that failed or was cancelled, WF008 params too large.
create or replace function absurd.spawn_tasks(p_tasks jsonb, p_fence text default null)
  returns table (task_index integer, task_id uuid, created boolean)
  language plpgsql
as $$
declare
  v_now timestamptz := absurd.clock();
  v_rows absurd.spawn_row[];
  v_parent absurd.lease;
begin
  if p_fence is not null then
    v_parent := absurd.hold_fence(p_fence);
  end if;
  if not absurd.has_partition_today() then
    perform absurd.ensure_partitions();
  end if;
  v_rows := absurd.parse_spawns(p_tasks, v_now);
  perform absurd.intern_lanes(v_rows);
  if exists (select from unnest(v_rows) r where r.idempotency_key is not null) then
    v_rows := absurd.match_keys(v_rows);
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
  return query
    select r.ordinal - 1, absurd.task_uuid(r.final), r.number = r.final
      from unnest(v_rows) r order by r.ordinal;
end;
$$;

-- Writes the bodies and puts each task where it belongs: waiting, deferred or ready. Returns how
-- many it placed.
create or replace function absurd.place_spawned(
  p_rows absurd.spawn_row[], p_parent bigint, p_now timestamptz
)
  returns bigint
  language sql
as $$
  with fresh as materialized (
    select r.*, l.lane_id,
           case when r.depends_on is null then 0 else absurd.unmet_count(r.number) end as need
      from unnest(p_rows) r
      join absurd.lane l
        on l.queue = r.queue and l.kind_id = r.kind_id and l.class_id = 0
       and l.priority = r.priority and l.fair_key = ''
     where r.number = r.final
  ),
  body as (
    insert into absurd.task (
      id, lane_id, attempts_max, timeout_ms, created_at, available_at, parent_id, workflow_id,
      params, policy, idempotency_key, correlation_id, tags
    )
    select f.number, f.lane_id, f.attempts_max, f.timeout_ms, p_now, nullif(f.available_at, p_now), p_parent,
           f.workflow_id, f.params, f.policy, f.idempotency_key, f.correlation_id, f.tags
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
    select f.lane_id, f.number, f.available_at
      from fresh f where f.need = 0 and f.available_at <= p_now
     order by f.ordinal
  )
  select count(*) from body;
$$;

-- Spawns tasks of one name that differ in their params only, and returns their numbers in order.
--
-- The way of the many: two inserts for all, and the params written as they came. p_lines: the params
-- of each task as JSON on a line of its own, at most 1 MiB. Raises WF004 for an unknown name, WF008
-- for params too large, 22P02 for bad JSON.
create or replace function absurd.spawn_lines(
  p_task_name text, p_lines text, p_queue text default null, p_priority smallint default 0
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_now timestamptz := absurd.clock();
  v_millis bigint := (date_part('epoch', clock_timestamp()) * 1000)::bigint << 20;
  v_kind absurd.kind := absurd.kind_named(p_task_name);
  v_lane_id integer;
  v_bytes integer;
  v_numbers bigint[];
begin
  if octet_length(p_lines) > 1048576 then
    select max(octet_length(p)) into v_bytes from string_to_table(p_lines, e'\n') p;
  end if;
  if v_bytes > 1048576 then
    raise exception using
      errcode = 'WF008',
      message = format('params of a task take %s bytes, above 1048576; pass large values by reference',
                       v_bytes);
  end if;
  if not absurd.has_partition_today() then
    perform absurd.ensure_partitions();
  end if;
  v_lane_id := absurd.plain_lane(coalesce(p_queue, v_kind.queue), v_kind.kind_id, p_priority);
  with fresh as materialized (
    select v_millis | (nextval('absurd.task_seq') & 1048575) as number, p.params
      from string_to_table(p_lines, e'\n') as p(params)
  ),
  body as (
    insert into absurd.task (id, lane_id, attempts_max, timeout_ms, created_at, params)
    select f.number, v_lane_id, v_kind.attempts_max, v_kind.timeout_ms, v_now, f.params::json
      from fresh f
  ),
  now_ready as (
    insert into absurd.ready (lane_id, task_id, at)
    select v_lane_id, f.number, v_now from fresh f
  )
  select array_agg(f.number) into v_numbers from fresh f;
  return v_numbers;
end;
$$;

-- What a COPY into task and ready must write beside numbers and params, for tasks of one name. For
-- clients that spawn a stream in one transaction. Raises WF004 for an unknown name.
create or replace function absurd.begin_copy(
  p_task_name text, p_queue text default null, p_priority smallint default 0
)
  returns table (lane_id integer, attempts_max integer, timeout_ms bigint, created_at timestamptz)
  language plpgsql
as $$
declare
  v_kind absurd.kind := absurd.kind_named(p_task_name);
begin
  perform absurd.ensure_partitions();
  return query
    select absurd.plain_lane(coalesce(p_queue, v_kind.queue), v_kind.kind_id, p_priority),
           v_kind.attempts_max, v_kind.timeout_ms, absurd.clock();
end;
$$;

create or replace function absurd.next_task_numbers(p_count integer)
  returns bigint[]
  language sql volatile
as $$
  select array_agg(absurd.next_task_number()) from generate_series(1, p_count);
$$;

-- Raises WF004 when nobody registered the name.
create or replace function absurd.kind_named(p_task_name text)
  returns absurd.kind
  language plpgsql stable
as $$
declare
  v_kind absurd.kind;
begin
  select k.* into v_kind from absurd.kind k where k.name = p_task_name;
  if v_kind.kind_id is null then
    raise exception using
      errcode = 'WF004',
      message = format('task name %s is not registered', to_jsonb(p_task_name)::text);
  end if;
  return v_kind;
end;
$$;

-- The lane of tasks that ask for nothing special, made when it is missing.
create or replace function absurd.plain_lane(p_queue text, p_kind_id integer, p_priority smallint)
  returns integer
  language plpgsql
as $$
declare
  v_lane_id integer;
begin
  for v_try in 1..2 loop
    select l.lane_id into v_lane_id
      from absurd.lane l
     where l.queue = p_queue and l.kind_id = p_kind_id and l.class_id = 0
       and l.priority = p_priority and l.fair_key = '';
    if found then
      return v_lane_id;
    end if;
    insert into absurd.lane (queue, kind_id, priority, boost_ms)
    values (p_queue, p_kind_id, p_priority, p_priority * 1e8::double precision)
    on conflict do nothing;
  end loop;
  raise exception using
    errcode = '40001',
    message = 'the lane of these tasks was made by a concurrent transaction';
end;
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
