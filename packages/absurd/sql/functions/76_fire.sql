-- What becomes of one instant of a schedule. Called with the schedule's row locked.

-- Decides what becomes of one instant of a schedule whose row the caller has locked, by what still
-- runs of it. Null when the instant was spawned, or was decided before (a backfill decides anew
-- what was skipped, missed or refused). Locks as cancel_tasks does.
create or replace function absurd.decide_fire(
  p_schedule absurd.schedule, p_at timestamptz, p_origin text, p_overlap text
)
  returns absurd.fire
  language plpgsql
as $$
declare
  v_fire absurd.fire;
  v_open integer;
  v_buffered boolean;
begin
  if p_overlap not in ('skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allow') then
    raise exception using
      errcode = 'WF031',
      message = format('overlap is "%s", expected skip, bufferOne, bufferAll, cancelOther or allow',
                       p_overlap);
  end if;
  insert into absurd.fire as f (schedule_id, fire_at, origin, state)
  values (p_schedule.schedule_id, p_at, p_origin, 'buffered')
  on conflict on constraint fire_pkey do update
     set origin = excluded.origin, state = excluded.state, reason = null, missed_before = null,
         decided_at = excluded.decided_at
   where excluded.origin = 'backfill' and f.state in ('missed', 'skipped', 'failed')
  returning * into v_fire;
  if not found then
    return null;
  end if;
  v_open := absurd.count_open_fires(p_schedule.schedule_id);
  if p_overlap = 'cancelOther' then
    update absurd.fire f set state = 'skipped', reason = 'a later firing came'
     where f.schedule_id = p_schedule.schedule_id and f.state = 'buffered' and f.fire_at <> p_at;
    if v_open > 0 then
      perform absurd.cancel_open_fires(p_schedule);
      v_open := absurd.count_open_fires(p_schedule.schedule_id);
    end if;
  end if;
  v_buffered := exists (
    select from absurd.fire f
     where f.schedule_id = p_schedule.schedule_id and f.state = 'buffered' and f.fire_at <> p_at
  );
  if p_overlap = 'allow' or (v_open = 0 and not v_buffered) then
    return absurd.spawn_fire(p_schedule, p_at);
  end if;
  if p_overlap = 'skip' or (p_overlap = 'bufferOne' and v_buffered) then
    update absurd.fire f set state = 'skipped', reason = 'an earlier firing is not over'
     where f.schedule_id = p_schedule.schedule_id and f.fire_at = p_at
    returning * into v_fire;
  end if;
  return v_fire;
end;
$$;

-- How many firings of a schedule have not ended. Closes those whose task, or all of whose workflow's
-- nodes, have.
create or replace function absurd.count_open_fires(p_schedule_id integer)
  returns integer
  language plpgsql
as $$
begin
  update absurd.fire f set open = false
   where f.schedule_id = p_schedule_id and f.open
     and not exists (
           select from absurd.task t
            where t.id = f.task_id
              and not exists (select from absurd.outcome o where o.task_id = t.id)
         )
     and not exists (
           select from absurd.workflow_node n join absurd.task t on t.id = n.task_id
            where n.workflow_id = f.workflow_id
              and not exists (select from absurd.outcome o where o.task_id = t.id)
         );
  return (
    select count(*) from absurd.fire f where f.schedule_id = p_schedule_id and f.open
  );
end;
$$;

-- Cancels what the open firings of a schedule spawned. Locks workflows in order, then as cancel_tasks.
create or replace function absurd.cancel_open_fires(p_schedule absurd.schedule)
  returns void
  language plpgsql
as $$
declare
  v_reason text := format('a later firing of schedule "%s" came', p_schedule.name);
begin
  perform absurd.cancel_workflow(o.workflow_id, v_reason)
     from (
       select f.workflow_id from absurd.fire f
        where f.schedule_id = p_schedule.schedule_id and f.open and f.workflow_id is not null
        order by f.workflow_id
     ) o;
  perform absurd.cancel_tasks(array(
    select f.task_id from absurd.fire f
     where f.schedule_id = p_schedule.schedule_id and f.open and f.task_id is not null
     order by f.task_id
  ), v_reason);
end;
$$;

-- Spawns the task or the workflow of an instant and notes it. With jitter it starts later by a part
-- of jitter_seconds that depends on the schedule and the instant alone.
create or replace function absurd.spawn_fire(p_schedule absurd.schedule, p_at timestamptz)
  returns absurd.fire
  language plpgsql
as $$
declare
  v_fire absurd.fire;
  v_task bigint;
  v_workflow uuid;
begin
  if p_schedule.spawn ? 'template' then
    v_workflow := absurd.spawn_scheduled_workflow(p_schedule, p_at);
  else
    select absurd.task_number(t.task_id) into v_task
      from absurd.spawn_tasks(jsonb_build_array(
             absurd.scheduled_request(p_schedule, p_at, p_schedule.spawn)
             || jsonb_build_object(
                  'params', absurd.fill_instant(p_schedule.spawn -> 'params', p_at))
           )) t;
  end if;
  update absurd.fire f
     set state = 'spawned', open = true, decided_at = absurd.clock(), task_id = v_task,
         workflow_id = v_workflow
   where f.schedule_id = p_schedule.schedule_id and f.fire_at = p_at
  returning * into v_fire;
  return v_fire;
end;
$$;

-- Spawns the workflow of an instant. Jitter delays the nodes that wait for no other.
create or replace function absurd.spawn_scheduled_workflow(
  p_schedule absurd.schedule, p_at timestamptz
)
  returns uuid
  language plpgsql
as $$
declare
  v_spawn jsonb := p_schedule.spawn;
  v_plan record;
  v_nodes jsonb;
begin
  select * into v_plan
    from absurd.plan_template(
      v_spawn ->> 'template', absurd.fill_instant(v_spawn -> 'params', p_at),
      (v_spawn ->> 'version')::integer
    );
  select coalesce(jsonb_agg(
           absurd.scheduled_request(p_schedule, p_at, n.value)
           - case when n.value ? 'for_each'
                    or coalesce(n.value -> 'depends_on', '[]') <> '[]'
                  then array['available_at'] else '{}' end
           || case when n.value ? 'available_at'
                   then jsonb_build_object('available_at', n.value -> 'available_at')
                   else '{}' end
           order by n.ordinality), '[]')
    into v_nodes
    from jsonb_array_elements(v_plan.nodes) with ordinality n;
  return (
    select w.workflow_id
      from absurd.spawn_workflow(
        coalesce(v_spawn ->> 'name', v_spawn ->> 'template'), v_nodes,
        jsonb_build_object(
          'template', v_spawn -> 'template', 'version', v_plan.version, 'params', v_plan.params
        ) || case when v_spawn ? 'tags' then jsonb_build_object('tags', v_spawn -> 'tags')
                  else '{}' end
      ) w
  );
end;
$$;

-- An instant as params and correlation ids hold it: UTC, to the millisecond.
create or replace function absurd.instant_text(p_at timestamptz)
  returns text
  language sql stable
as $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
$$;

create or replace function absurd.schedule_jitter(
  p_schedule_id integer, p_at timestamptz, p_seconds double precision
)
  returns double precision
  language sql immutable
as $$
  select p_seconds * (
    hashint8extended(extract(epoch from p_at)::bigint, p_schedule_id::bigint) & 1048575
  )::double precision / 1048576;
$$;

-- A task as it is spawned for an instant: with the correlation id NAME@INSTANT unless it has one, and
-- with the start that jitter gives it.
create or replace function absurd.scheduled_request(
  p_schedule absurd.schedule, p_at timestamptz, p_request jsonb
)
  returns jsonb
  language sql stable
as $$
  select jsonb_build_object('correlation_id', p_schedule.name || '@' || absurd.instant_text(p_at))
         || p_request
         || case when p_schedule.jitter_seconds > 0 then jsonb_build_object(
              'available_at',
              p_at + make_interval(secs =>
                absurd.schedule_jitter(p_schedule.schedule_id, p_at, p_schedule.jitter_seconds)
                  + coalesce((p_request ->> 'delay_seconds')::double precision, 0))
            ) else '{}' end;
$$;

-- Params with the instant in place of each top-level value that is {"$fireAt": true}.
create or replace function absurd.fill_instant(p_params jsonb, p_at timestamptz)
  returns jsonb
  language sql stable
as $$
  select coalesce(jsonb_object_agg(
           e.key,
           case when e.value = '{"$fireAt": true}' then to_jsonb(absurd.instant_text(p_at))
                else e.value end
         ), '{}')
    from jsonb_each(coalesce(p_params, '{}')) e;
$$;

-- Spawns for each schedule the oldest buffered firing once nothing of it runs. A spawn that is
-- refused is noted and the next one gets its turn. Returns how many it spawned.
-- Locks schedule rows, skipping locked ones.
create or replace function absurd.release_buffered(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_schedule absurd.schedule;
  v_at timestamptz;
  v_spawned integer := 0;
begin
  if not exists (select from absurd.fire f where f.state = 'buffered') then
    return 0;
  end if;
  for v_schedule in
    select s.* from absurd.schedule s
     where exists (
             select from absurd.fire f
              where f.schedule_id = s.schedule_id and f.state = 'buffered'
           )
     order by s.schedule_id limit p_limit
       for update of s skip locked
  loop
    while absurd.count_open_fires(v_schedule.schedule_id) = 0 loop
      select min(f.fire_at) into v_at from absurd.fire f
       where f.schedule_id = v_schedule.schedule_id and f.state = 'buffered';
      exit when v_at is null;
      begin
        perform absurd.spawn_fire(v_schedule, v_at);
        v_spawned := v_spawned + 1;
      exception when others then
        update absurd.fire f set state = 'failed', reason = sqlerrm
         where f.schedule_id = v_schedule.schedule_id and f.fire_at = v_at;
      end;
    end loop;
  end loop;
  return v_spawned;
end;
$$;
