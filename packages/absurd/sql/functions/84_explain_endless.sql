-- Why a task may never go on: see absurd.stuck_waits.

-- How messages call a task: its name and its id.
create or replace function absurd.called(p_task bigint)
  returns text
  language sql stable
as $$
  select format('%s %s', k.name, absurd.task_uuid(t.id))
    from absurd.task t
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = l.kind_id
   where t.id = p_task;
$$;

-- A reason of absurd.stuck_waits in words; names five members.
create or replace function absurd.wait_text(
  p_task bigint, p_what text, p_name text, p_members bigint[]
)
  returns text
  language sql stable
as $$
  select absurd.called(p_task) || case p_what
           when 'tasks' then format(' has waited for %s since %s', m.names, w.since)
           when 'key' then format(' needs concurrency key %s, kept by %s', p_name, m.names)
           when 'lock' then format(' needs lock %s, kept by %s', p_name, m.names)
           when 'line' then format(' is behind %s at %s', m.names, p_name)
           else format(' has waited for event "%s" since %s', p_name, w.since)
         end
    from (
      select absurd.time_text(
               (select g.run_at from absurd.waiting g where g.child = p_task)) as since
    ) w
    cross join (
      select string_agg(absurd.called(u.id), ', ' order by u.place) filter (where u.place <= 5)
             || case when count(*) > 5 then format(' and %s others', count(*) - 5) else '' end
               as names
        from unnest(p_members) with ordinality u(id, place)
    ) m;
$$;

-- Who stands first at the gates that a task holds.
create or replace function absurd.first_behind(p_task bigint)
  returns bigint[]
  language sql stable
as $$
  select array(
    select f.task_id
      from absurd.gate_grant h
      cross join lateral (
        select w.task_id from absurd.gate_wait w where w.gate_id = h.gate_id order by w.seq limit 1
      ) f
     where h.task_id = p_task
  );
$$;

-- The waits that keep a task from going on, when it is stuck; no row else. With p_events, only when
-- a gate is among the reasons: for a task that waits for an event itself, one that it keeps.
create or replace function absurd.stuck_words(p_task bigint, p_events boolean)
  returns table (words text, detail jsonb)
  language sql stable
as $$
  with stuck as materialized (
    select s.*, s.task_id = p_task as is_own
      from absurd.stuck_waits(
             array[p_task] || case when p_events then absurd.first_behind(p_task) else '{}' end,
             p_events) s
  ),
  ranked as (
    select s.*, row_number() over (order by s.is_own desc, s.place) as rank
      from stuck s
     where exists (select from stuck o where o.is_own)
       and (not p_events or exists (
             select from stuck g
              where g.what in ('key', 'lock')
                and (p_task = any(g.members)
                     or exists (select from stuck o where o.is_own and o.what <> 'event'))
           ))
  )
  select string_agg(
           absurd.wait_text(r.task_id, r.what, r.name, r.members), '; ' order by r.rank)
           filter (where r.rank <= 6),
         jsonb_build_object('waits', jsonb_agg(
           jsonb_build_object(
             'task_id', absurd.task_uuid(r.task_id), 'task_name', k.name, 'what', r.what,
             'name', r.name, 'since', w.run_at,
             'tasks', array(select absurd.task_uuid(m) from unnest(r.members) m)
           ) order by r.rank))
    from ranked r
    join absurd.task t on t.id = r.task_id
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = l.kind_id
    left join absurd.waiting w on w.child = r.task_id
   where r.rank <= 100
  having count(*) > 0;
$$;

-- code: endless-wait, or endless-wait-suspected when the circle closes at an event without timeout
-- that anybody may emit, but that somebody awaits who keeps a gate others stand at.
-- detail: { waits: [{ task_id, task_name, what, name, tasks, since }] }, up to 100, nearest first.
create or replace function absurd.explain_endless(p_task bigint)
  returns table (code text, message text, detail jsonb)
  language plpgsql stable
as $$
begin
  if not absurd.has_gates() then
    return;
  end if;
  return query
    select 'endless-wait', format('It can never go on as things are: %s.', w.words), w.detail
      from absurd.stuck_words(p_task, false) w;
  if not found then
    return query
      select 'endless-wait-suspected',
             format('It may never go on, unless the event comes from elsewhere: %s.', w.words),
             w.detail
        from absurd.stuck_words(p_task, true) w;
  end if;
end;
$$;
