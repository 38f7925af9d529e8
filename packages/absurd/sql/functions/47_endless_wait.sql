-- Endless waits: tasks of which none can go on before another of them does.
--
-- A task waits for a reason. A reason holds while enough of its members are stuck: one for a task
-- that is awaited, for a lock, for the first in line; for a key as many as it has slots, since one
-- holder that goes on lets the next one in. A task is stuck while one of its reasons holds. Which
-- tasks are stuck is the greatest set of which this is true: it is found by taking all that wait, and
-- taking out those that can go on until nothing changes.
--
-- Nothing is called stuck that could go on by itself: running or ready tasks, tasks that sleep, and
-- waits for an event, which anybody may emit. What lies further away than absurd.stuck_waits looks
-- counts as going on. A deadline that would end a task does not count as going on.

-- Why tasks do not go on. what: tasks (they have to end), key, lock, line (who is before it at
-- the gate `name`), event, or way-out: it is not stuck unless all of these are, for the end of one
-- may cancel it. need: how many of the members must be stuck for the reason to hold.
-- Tasks that run, are ready or have ended have no rows, but p_task: it runs and is about to wait for
-- p_awaited. p_events: waits for events, too, that have no timeout.
create or replace function absurd.wait_reasons(
  p_ids bigint[], p_task bigint, p_awaited bigint[], p_events boolean
)
  returns table (task_id bigint, what text, name text, need integer, members bigint[])
  language sql stable
as $$
  with held_back as materialized (
    select t.id, t.policy -> 'gates' as gates, p.seq, w.child is not null as waits, w.wake_at,
           e.name as event
      from unnest(p_ids) i(id)
      join absurd.task t on t.id = i.id
      left join absurd.waiting w on w.child = t.id
      left join absurd.parked p on p.task_id = t.id
      left join absurd.wait_event e on e.task_id = w.child and e.claim_no = w.claim_no
     where t.id is distinct from p_task
       and (w.child is not null or p.task_id is not null
            or exists (select from absurd.deferred d where d.task_id = t.id))
  ),
  -- Also of those that are not in line yet: they will be.
  at_gate as materialized (
    select h.id, h.seq, g.gate_id, g.kind, g.name, g.slots, a.value ->> 'mode' as mode
      from held_back h
      cross join lateral jsonb_array_elements(h.gates) a
      join absurd.gate g on g.gate_id = (a.value ->> 'gate')::integer
     where not exists (select from absurd.gate_grant o where o.task_id = h.id)
  ),
  edge as materialized (
    select h.id, d.parent, d.any_of, d.cond <> 'a' and d.otherwise <> 'c' as may_end_it
      from held_back h
      join absurd.dep d on d.child = h.id
     where h.waits and h.event is null
       and not exists (select from absurd.outcome o where o.task_id = d.parent)
       and (d.any_of is null or not exists (
             select from absurd.dep m join absurd.outcome o on o.task_id = m.parent
              where m.child = d.child and m.any_of = d.any_of
                and absurd.edge_state(m.cond, m.otherwise, m.predicate, o.kind, o.result, o.error)
                    = 'm'
           ))
  )
  select a.id, a.kind, a.name, k.need, k.members
    from at_gate a
    cross join lateral (
      select case a.kind when 'key' then a.slots else 1 end as need,
             array(
               select h.task_id from absurd.gate_grant h
                where h.gate_id = a.gate_id
                  and (a.kind = 'key' or 'x' in (h.mode::text, a.mode))
                  and case when h.task_id = p_task then absurd.is_kept(h)
                           else exists (select from absurd.waiting w where w.child = h.task_id) end
                order by h.seq
             ) as members
    ) k
   -- A key of no slots is closed by hand.
   where a.kind <> 'rate' and k.need > 0 and cardinality(k.members) >= k.need
  union all
  -- Whoever is first in line goes in before the others, so sooner or later the first is the stuck one.
  select a.id, 'line', format('%s %s', a.kind, a.name), 1, array[f.task_id]
    from at_gate a
    cross join lateral (
      select w.task_id, w.seq
        from absurd.gate_wait w where w.gate_id = a.gate_id order by w.seq limit 1
    ) f
   where f.task_id <> a.id and (a.seq is null or f.seq < a.seq)
  union all
  select e.id, 'tasks', null, count(*)::integer, array_agg(e.parent order by e.parent)
    from edge e group by e.id, e.any_of, case when e.any_of is null then e.parent end
  union all
  select e.id, 'way-out', null, count(*)::integer, array_agg(e.parent)
    from edge e where e.may_end_it group by e.id
  union all
  select p_task, 'tasks', null, 1, array[a.id]
    from unnest(p_awaited) a(id)
   where p_task = any(p_ids)
     and not exists (select from absurd.outcome o where o.task_id = a.id)
  union all
  select h.id, 'event', h.event, 0, '{}'
    from held_back h where p_events and h.event is not null and h.wake_at is null;
$$;

-- The stuck tasks among p_from and what these wait for, with the reasons that hold and those members
-- that are stuck; nearest first. Looks at some 2,000 tasks and 200 waits deep. Being stable, it sees
-- one moment throughout. It joins nothing: a worker's session plans no hash joins.
create or replace function absurd.stuck_waits(
  p_from bigint[], p_task bigint default null, p_awaited bigint[] default '{}',
  p_events boolean default false
)
  returns table (place bigint, task_id bigint, what text, name text, members bigint[])
  language plpgsql stable
as $$
declare
  v_seen bigint[] := p_from;
  v_new bigint[] := p_from;
  -- Rows of reason, task, what, name, need and member.
  v_reasons bigint[] := '{}';
  v_tasks bigint[] := '{}';
  v_whats text[] := '{}';
  v_names text[] := '{}';
  v_needs integer[] := '{}';
  v_members bigint[] := '{}';
  v_more record;
  v_stuck bigint[];
  v_count integer;
begin
  for v_depth in 0 .. 200 loop
    exit when cardinality(v_new) = 0 or cardinality(v_seen) > 2000;
    select array_agg(r.reason) as reasons, array_agg(r.task_id) as tasks,
           array_agg(r.what) as whats, array_agg(r.name) as names, array_agg(r.need) as needs,
           array_agg(m.id) as members
      into v_more
      from (
        select f.*, v_depth * 1000000 + row_number() over (
                 order by array_position(v_new, f.task_id), f.what, f.name) as reason
          from absurd.wait_reasons(v_new, p_task, p_awaited, p_events) f
      ) r
      left join lateral unnest(r.members) m(id) on true;
    exit when v_more.reasons is null;
    v_reasons := v_reasons || v_more.reasons;
    v_tasks := v_tasks || v_more.tasks;
    v_whats := v_whats || v_more.whats;
    v_names := v_names || v_more.names;
    v_needs := v_needs || v_more.needs;
    v_members := v_members || v_more.members;
    v_new := array(
      select distinct m from unnest(v_more.members) m where m is not null and m <> all(v_seen)
       order by 1
    );
    v_seen := v_seen || v_new;
  end loop;

  v_stuck := array(select distinct t from unnest(v_tasks) t);
  loop
    v_count := cardinality(v_stuck);
    exit when v_count = 0;
    v_stuck := array(
      select r.task_id
        from (
          select e.task_id, e.what,
                 count(*) filter (where e.member in (select s from unnest(v_stuck) s)) >= e.need
                   as holds
            from unnest(v_reasons, v_tasks, v_whats, v_needs, v_members)
                   as e(reason, task_id, what, need, member)
           group by e.reason, e.task_id, e.what, e.need
        ) r
       group by r.task_id
      having bool_or(r.holds) filter (where r.what <> 'way-out')
         and coalesce(bool_and(r.holds) filter (where r.what = 'way-out'), true)
    );
    exit when cardinality(v_stuck) = v_count;
  end loop;

  return query
    select e.reason, e.task_id, e.what, min(e.name),
           coalesce(array_agg(e.member) filter (where e.member = any(v_stuck)), '{}')
      from unnest(v_reasons, v_tasks, v_whats, v_names, v_needs, v_members)
             as e(reason, task_id, what, name, need, member)
     where e.task_id = any(v_stuck) and e.what <> 'way-out'
     group by e.reason, e.task_id, e.what, e.need
    having count(*) filter (where e.member = any(v_stuck)) >= e.need
     order by e.reason;
end;
$$;

-- What waits would never end if p_task waited for p_awaited, when it then would wait for itself; else
-- null. Locks nothing.
create or replace function absurd.endless_wait(p_task bigint, p_awaited bigint[])
  returns text
  language plpgsql stable
as $$
declare
  v_words text;
begin
  with recursive stuck as materialized (
    select * from absurd.stuck_waits(p_awaited, p_task, p_awaited)
  ),
  reached(task_id) as (
    select unnest(p_awaited)
    union
    select m.id
      from reached r
      join stuck s on s.task_id = r.task_id
      cross join lateral unnest(s.members) m(id)
  )
  select string_agg(absurd.wait_text(s.task_id, s.what, s.name, s.members), '; ' order by s.place)
    into v_words
    from (
      select * from stuck s where s.task_id <> p_task order by s.place limit 6
    ) s
   where p_task in (select r.task_id from reached r);
  return v_words;
end;
$$;

-- The leader's part. A wait that could not end is refused where it begins (absurd.await_tasks), but
-- what is spawned, parked or limited later may make one endless, and so may two waits that begin at
-- the same moment. Of each such circle the task that began to wait last, of those that keep a gate,
-- goes on as a new attempt: it awaits the same again, which is refused then.
-- Looks at up to 1,000 keepers. Returns how many tasks it sent on, p_limit at most.
-- Locks waiting rows, skipping the locked; else as absurd.wake_waiting.
create or replace function absurd.break_endless_waits(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_keepers bigint[] := array(
    select k.task_id
      from (
        select distinct h.task_id
          from absurd.gate_grant h join absurd.waiting w on w.child = h.task_id
      ) k
     order by random() limit 1000
  );
  v_victim bigint;
  v_count integer := 0;
begin
  while cardinality(v_keepers) > 0 and v_count < p_limit loop
    v_victim := absurd.last_endless(v_keepers);
    exit when v_victim is null;
    perform from absurd.waiting w where w.child = v_victim for update skip locked;
    exit when not found;
    -- What it awaits then is for it to say; tasks that have ended are no burden.
    delete from absurd.dep d
     where d.child = v_victim and d.cond = 'a' and d.otherwise = 'x' and d.any_of is null
       and not exists (select from absurd.outcome o where o.task_id = d.parent);
    perform absurd.wake_waiting(array[v_victim]);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- Of the tasks that keep a gate and wait for themselves the one that began to wait last; null when
-- there is none.
create or replace function absurd.last_endless(p_keepers bigint[])
  returns bigint
  language sql stable
as $$
  with recursive stuck as materialized (
    select * from absurd.stuck_waits(p_keepers)
  ),
  below(task_id, member) as (
    select s.task_id, m.id
      from stuck s cross join lateral unnest(s.members) m(id)
     where s.task_id = any(p_keepers)
    union
    select b.task_id, m.id
      from below b
      join stuck s on s.task_id = b.member
      cross join lateral unnest(s.members) m(id)
  )
  select w.child
    from absurd.waiting w
   where w.child in (select b.task_id from below b where b.member = b.task_id)
   order by w.run_at desc, w.child desc limit 1;
$$;
