-- Spawning the many: tasks of one name that differ in their params only, as lines or by COPY.

-- Spawns tasks of one name that differ in their params only, and returns their numbers in order.
--
-- The way of the many: two inserts for all, and the params written as they came. p_lines: the params
-- of each task as JSON on a line of its own, at most 1 MiB. Raises WF004 for an unknown name, WF008
-- for params too large, 22P02 for bad JSON, WF020 queue full, WF021 queue
-- draining.
create or replace function absurd.spawn_lines(
  p_task_name text, p_lines text, p_queue text default null, p_priority smallint default 0
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_at timestamptz := absurd.unless_now(absurd.clock());
  v_millis bigint := trunc(date_part('epoch', clock_timestamp()) * 1000)::bigint << 20;
  v_like record;
  v_lane absurd.lane;
  v_bytes integer;
  v_number bigint;
  v_numbers bigint[];
begin
  -- In one look: each statement costs a task that is spawned alone a tenth of its time.
  select k.kind_id, coalesce(p_queue, k.queue) as queue, k.attempts_max, k.timeout_ms,
         k.demand is not null as is_demanding, l.lane_id, l.guarded
    into v_like
    from absurd.kind k
    left join absurd.lane l
      on l.queue = coalesce(p_queue, k.queue) and l.kind_id = k.kind_id and l.class_id = 0
     and l.priority = p_priority and l.fair_key = ''
   where k.name = p_task_name and k.current;
  if v_like.kind_id is null then
    perform absurd.kind_named(p_task_name);
  elsif v_like.is_demanding then
    return absurd.spawn_demanding(p_task_name, p_lines, p_queue, p_priority);
  end if;
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
  if v_like.lane_id is null then
    v_lane := absurd.plain_lane(v_like.queue, v_like.kind_id, p_priority);
    v_like.lane_id := v_lane.lane_id;
    v_like.guarded := v_lane.guarded;
  end if;
  if v_like.guarded then
    perform absurd.admit_tasks(v_like.queue, cardinality(string_to_array(p_lines, e'\n')));
  end if;
  if strpos(p_lines, e'\n') = 0 then
    v_number := v_millis | (nextval('absurd.task_seq') & 1048575);
    insert into absurd.task (id, lane_id, attempts_max, timeout_ms, created_at, params)
    values (v_number, v_like.lane_id, v_like.attempts_max, v_like.timeout_ms, v_at,
            p_lines::json);
    insert into absurd.ready (lane_id, task_id, at) values (v_like.lane_id, v_number, v_at);
    return array[v_number];
  end if;
  with fresh as materialized (
    select v_millis | (nextval('absurd.task_seq') & 1048575) as number, p.params
      from string_to_table(p_lines, e'\n') as p(params)
  ),
  body as (
    insert into absurd.task (id, lane_id, attempts_max, timeout_ms, created_at, params)
    select f.number, v_like.lane_id, v_like.attempts_max, v_like.timeout_ms, v_at, f.params::json
      from fresh f
  ),
  now_ready as (
    insert into absurd.ready (lane_id, task_id, at)
    select v_like.lane_id, f.number, v_at from fresh f
  )
  select array_agg(f.number) into v_numbers from fresh f;
  return v_numbers;
end;
$$;

-- What a COPY into task and ready must write beside numbers and params, for tasks of one name. For
-- clients that spawn a stream in one transaction. Raises WF004 for an unknown name, WF025 for one
-- whose kind has a demand.
create or replace function absurd.begin_copy(
  p_task_name text, p_queue text default null, p_priority smallint default 0
)
  returns table (
    lane_id integer, attempts_max integer, timeout_ms bigint, created_at timestamptz,
    queue_name text, guarded boolean
  )
  language plpgsql
as $$
declare
  v_kind absurd.kind := absurd.kind_named(p_task_name);
  v_lane absurd.lane;
begin
  if v_kind.demand is not null then
    raise exception using
      errcode = 'WF025',
      message = format('tasks of %s have gates or a demand, which COPY cannot write; spawn them in batches',
                       p_task_name);
  end if;
  perform absurd.ensure_partitions();
  v_lane := absurd.plain_lane(coalesce(p_queue, v_kind.queue), v_kind.kind_id, p_priority);
  if v_lane.guarded then
    perform absurd.admit_tasks(v_lane.queue, 0);
  end if;
  return query
    select v_lane.lane_id, v_kind.attempts_max, v_kind.timeout_ms, absurd.unless_now(absurd.clock()), v_lane.queue,
           v_lane.guarded;
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
  select k.* into v_kind from absurd.kind k where k.name = p_task_name and k.current;
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
  returns absurd.lane
  language plpgsql
as $$
declare
  v_lane absurd.lane;
begin
  for v_try in 1..2 loop
    select l.* into v_lane
      from absurd.lane l
     where l.queue = p_queue and l.kind_id = p_kind_id and l.class_id = 0
       and l.priority = p_priority and l.fair_key = '';
    if found then
      return v_lane;
    end if;
    perform absurd.make_lanes(array[p_queue], array[p_kind_id], array[0], array[p_priority],
                              array['']);
  end loop;
  raise exception using
    errcode = '40001',
    message = 'the lane of these tasks was made by a concurrent transaction';
end;
$$;
