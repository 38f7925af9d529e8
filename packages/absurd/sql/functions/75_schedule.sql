-- Schedules. Which instants a schedule has is computed outside (packages/absurd/src/
-- schedule-instants.ts knows calendars and time zones); what becomes of an instant is decided here,
-- by the database's clock, once. Lock order: control, schedule, then as cancel_tasks and spawn_tasks.

-- Makes a schedule, or with p_replace changes the one of that name; returns its number.
--
-- p_schedule: { name, spec, spawn, overlap, catch_up, catch_up_seconds, jitter_seconds, starts_at,
-- ends_at, remaining, paused, note }; name, spec and spawn are required. A changed spec counts from
-- now. spawn is one element of what spawn_tasks takes, or { template, version, params, name, tags }
-- for a workflow: see absurd.spawn_template. Locks the schedule's row. Raises WF031 when the name is
-- taken, 23502 and 23514 for a field that is missing or out of range, and as check_scheduled.
create or replace function absurd.create_schedule(p_schedule jsonb, p_replace boolean default false)
  returns integer
  language plpgsql
as $$
declare
  v_given absurd.schedule := jsonb_populate_record(null::absurd.schedule, p_schedule);
  v_id integer;
  v_is_new boolean;
begin
  perform absurd.check_scheduled(v_given.spawn);
  insert into absurd.schedule as s (
    name, spec, spawn, overlap, catch_up, catch_up_seconds, jitter_seconds, starts_at, ends_at,
    remaining, paused, note, due_at
  )
  values (
    v_given.name, v_given.spec, v_given.spawn, coalesce(v_given.overlap, 'skip'),
    coalesce(v_given.catch_up, 'all'), coalesce(v_given.catch_up_seconds, 3600),
    coalesce(v_given.jitter_seconds, 0), v_given.starts_at, v_given.ends_at, v_given.remaining,
    coalesce(v_given.paused, false), v_given.note,
    case when coalesce(v_given.paused, false) then null else absurd.clock() end
  )
  on conflict on constraint schedule_name_known_once do update
     set spec = excluded.spec, spawn = excluded.spawn, overlap = excluded.overlap,
         catch_up = excluded.catch_up, catch_up_seconds = excluded.catch_up_seconds,
         jitter_seconds = excluded.jitter_seconds, starts_at = excluded.starts_at,
         ends_at = excluded.ends_at, remaining = excluded.remaining, paused = excluded.paused,
         note = excluded.note, due_at = excluded.due_at, revision = s.revision + 1, error = null,
         considered_at = case when s.spec = excluded.spec and not s.paused
                              then s.considered_at else absurd.clock() end
   where p_replace
  returning s.schedule_id into v_id;
  if v_id is null then
    raise exception using
      errcode = 'WF031', message = format('there is a schedule "%s" already', v_given.name);
  end if;
  return v_id;
end;
$$;

-- Changes some of a schedule. p_changes: as create_schedule takes it; what is left out stays, null
-- gives a field its default. spawn is merged with the schedule's, member by member; null removes one.
-- Locks the schedule's row. Raises WF030, and what create_schedule raises.
create or replace function absurd.change_schedule(p_name text, p_changes jsonb)
  returns void
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
  v_spawn jsonb := (
    select jsonb_object_agg(m.key, m.value)
      from jsonb_each(v_schedule.spawn || coalesce(p_changes -> 'spawn', '{}')) m
     where m.value <> 'null'
  );
begin
  perform absurd.create_schedule(
    to_jsonb(v_schedule) || p_changes || jsonb_build_object('name', p_name, 'spawn', v_spawn), true
  );
end;
$$;

-- Raises WF004 for a task name that was never registered, WF019 for a template that does not exist,
-- WF018 for params that do not fit it, WF031 when both are named.
create or replace function absurd.check_scheduled(p_spawn jsonb)
  returns void
  language plpgsql
as $$
begin
  if p_spawn ? 'template' and p_spawn ? 'task_name' then
    raise exception using
      errcode = 'WF031',
      message = format('spawn names task %s and template %s, expected one of them',
                       p_spawn -> 'task_name', p_spawn -> 'template');
  elsif p_spawn ? 'template' then
    perform absurd.plan_template(
      p_spawn ->> 'template', absurd.fill_instant(p_spawn -> 'params', absurd.clock()),
      (p_spawn ->> 'version')::integer
    );
  elsif p_spawn ->> 'task_name' is not null and not exists (
    select from absurd.kind k where k.name = p_spawn ->> 'task_name'
  ) then
    raise exception using
      errcode = 'WF004',
      message = format('task name %s is not registered', p_spawn -> 'task_name');
  end if;
end;
$$;

-- The schedule of a name, its row locked. Raises WF030 when there is none.
create or replace function absurd.hold_schedule(p_name text)
  returns absurd.schedule
  language plpgsql
as $$
declare
  v_schedule absurd.schedule;
begin
  select * into v_schedule from absurd.schedule s where s.name = p_name for update;
  if not found then
    raise exception using errcode = 'WF030', message = format('no schedule "%s"', p_name);
  end if;
  return v_schedule;
end;
$$;

-- Stops a schedule from firing. Instants that pass while it is paused are not missed: they never
-- were. Raises WF030.
create or replace function absurd.pause_schedule(p_name text, p_note text default null)
  returns void
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
begin
  update absurd.schedule s
     set paused = true, due_at = null, note = coalesce(p_note, s.note), revision = s.revision + 1
   where s.schedule_id = v_schedule.schedule_id;
end;
$$;

-- Lets a schedule fire again, from now on. Nothing happens to one that is not paused. Raises WF030.
create or replace function absurd.resume_schedule(p_name text, p_note text default null)
  returns void
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
begin
  update absurd.schedule s
     set paused = false, due_at = absurd.clock(), considered_at = absurd.clock(), error = null,
         note = coalesce(p_note, s.note), revision = s.revision + 1
   where s.schedule_id = v_schedule.schedule_id and s.paused;
end;
$$;

-- Removes a schedule and the record of its firings; its tasks stay. Raises WF030.
create or replace function absurd.delete_schedule(p_name text)
  returns void
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
begin
  delete from absurd.fire f where f.schedule_id = v_schedule.schedule_id;
  delete from absurd.schedule s where s.schedule_id = v_schedule.schedule_id;
end;
$$;

-- Fires a schedule now, also when it is paused or over, and says what became of it. Does not count
-- against remaining. p_request: the same one again fires nothing, and is told of the firing that there
-- was. Raises WF030, and what spawn_tasks raises.
create or replace function absurd.trigger_schedule(
  p_name text, p_overlap text default null, p_request uuid default null
)
  returns absurd.fire
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
  v_at timestamptz := absurd.clock();
  v_fire absurd.fire;
begin
  select f.* into v_fire from absurd.fire f
   where f.schedule_id = v_schedule.schedule_id and f.request = p_request;
  if found then
    return v_fire;
  end if;
  while exists (
    select from absurd.fire f where f.schedule_id = v_schedule.schedule_id and f.fire_at = v_at
  ) loop
    v_at := v_at + interval '1 microsecond';
  end loop;
  v_fire := absurd.decide_fire(v_schedule, v_at, 'trigger', coalesce(p_overlap, v_schedule.overlap));
  if p_request is not null then
    update absurd.fire f set request = p_request
     where f.schedule_id = v_fire.schedule_id and f.fire_at = v_fire.fire_at;
  end if;
  return v_fire;
end;
$$;

-- Fires past instants of a schedule, oldest first; those that have a task already are left out. Does
-- not count against remaining. Returns what became of each. Raises WF030, WF031 for an instant that
-- is still to come, and what spawn_tasks raises.
create or replace function absurd.backfill_schedule(
  p_name text, p_instants timestamptz[], p_overlap text default 'bufferAll'
)
  returns setof absurd.fire
  language plpgsql
as $$
declare
  v_schedule absurd.schedule := absurd.hold_schedule(p_name);
  v_at timestamptz;
  v_fire absurd.fire;
begin
  for v_at in select distinct i from unnest(p_instants) i order by i loop
    if v_at > absurd.clock() then
      raise exception using
        errcode = 'WF031', message = format('%s is still to come, expected a past instant', v_at);
    end if;
    v_fire := absurd.decide_fire(v_schedule, v_at, 'backfill', p_overlap);
    if v_fire.schedule_id is not null then
      return next v_fire;
    end if;
  end loop;
end;
$$;

-- The schedules that the leader must look at, longest due first, with the database's time.
create or replace function absurd.due_schedules(p_limit integer)
  returns table (
    schedule_id integer, name text, revision integer, spec jsonb, catch_up text,
    catch_up_seconds double precision, starts_at timestamptz, ends_at timestamptz,
    considered_at timestamptz, now timestamptz
  )
  language sql stable
as $$
  select s.schedule_id, s.name, s.revision, s.spec, s.catch_up, s.catch_up_seconds, s.starts_at,
         s.ends_at, s.considered_at, absurd.clock()
    from absurd.schedule s
   where s.due_at <= absurd.clock()
   order by s.due_at, s.schedule_id limit p_limit;
$$;

-- Seconds until a schedule is due; null when none will be.
create or replace function absurd.next_schedule_seconds()
  returns double precision
  language sql stable
as $$
  select extract(epoch from min(s.due_at) - absurd.clock())::double precision
    from absurd.schedule s where s.due_at is not null;
$$;

-- The leader's decision about a schedule: fires p_instants, notes those from p_missed_from to before
-- p_missed_before as missed, and has the leader look again at p_due_at (null: never). Instants up to
-- p_considered_at are decided thereby. Returns how many tasks it spawned, null when the schedule
-- changed since it was read: then nothing happens.
-- Locks control (nobody takes the leadership meanwhile) and the schedule. Raises WF033 when p_term
-- is over or an instant is still to come, and what spawn_tasks raises.
create or replace function absurd.fire_schedule(
  p_term bigint, p_schedule_id integer, p_revision integer, p_instants timestamptz[],
  p_missed_from timestamptz, p_missed_before timestamptz, p_considered_at timestamptz,
  p_due_at timestamptz
)
  returns integer
  language plpgsql
as $$
declare
  v_schedule absurd.schedule;
  v_fire absurd.fire;
  v_at timestamptz;
  v_spawned integer := 0;
begin
  perform from absurd.control c where c.name = 'leader' and c.term = p_term for share;
  if not found then
    raise exception using errcode = 'WF033', message = format('term %s is over', p_term);
  end if;
  if greatest(p_considered_at, (select max(i) from unnest(p_instants) i)) > absurd.clock() then
    raise exception using errcode = 'WF033', message = 'an instant is still to come';
  end if;
  select * into v_schedule from absurd.schedule s
   where s.schedule_id = p_schedule_id and s.revision = p_revision and s.due_at is not null
     for update;
  if not found then
    return null;
  end if;
  insert into absurd.fire (schedule_id, fire_at, origin, state, missed_before)
  select p_schedule_id, p_missed_from, 'schedule', 'missed', p_missed_before
   where p_missed_from is not null
  on conflict do nothing;
  for v_at in select i from unnest(p_instants) i order by i loop
    exit when v_schedule.remaining = 0;
    v_fire := absurd.decide_fire(v_schedule, v_at, 'schedule', v_schedule.overlap);
    if v_fire.state in ('spawned', 'buffered') then
      v_schedule.remaining := v_schedule.remaining - 1;
      v_spawned := v_spawned + (v_fire.state = 'spawned')::integer;
    end if;
  end loop;
  update absurd.schedule s
     set considered_at = p_considered_at, revision = s.revision + 1, error = null,
         remaining = v_schedule.remaining,
         due_at = case when v_schedule.remaining = 0 then null else p_due_at end
   where s.schedule_id = p_schedule_id;
  return v_spawned;
end;
$$;

-- Notes why a schedule could not be fired and has the leader try again a minute later.
create or replace function absurd.postpone_schedule(
  p_schedule_id integer, p_revision integer, p_error text
)
  returns void
  language sql
as $$
  update absurd.schedule s
     set error = p_error, due_at = absurd.clock() + interval '1 minute', revision = s.revision + 1
   where s.schedule_id = p_schedule_id and s.revision = p_revision and s.due_at is not null;
$$;
