-- Endless waits: tasks of which none can go on before another of them does.
--
-- A task waits for a reason. A reason holds while enough of its members are stuck: one for a task
-- that is awaited, for a lock, for the first in line; for a key as many as it has slots, since one
-- holder that goes on lets the next one in. A task is stuck while one of its reasons holds. Which
-- tasks are stuck is the greatest set of which this is true: it is found by taking all that wait,
-- and taking out those that can go on until nothing changes.
--
-- Nothing is called stuck that could go on by itself: running or ready tasks, tasks that sleep, and
-- waits for an event, which anybody may emit. What lies further away than absurd.wait_nodes looks
-- counts as going on. A deadline that would end a task does not count as going on.

-- The stuck nodes among p_from and what these wait for, with the reasons that hold and those
-- members that are stuck; nearest first. Being stable, it sees one moment throughout. It takes
-- nodes out from the far end on, so that one pass follows a chain of waits, however long.
create or replace function absurd.stuck_nodes(
  p_from bigint[], p_task bigint default null, p_awaited bigint[] default '{}',
  p_events boolean default false
)
  returns table (place integer, node bigint, what text, name text, members bigint[])
  language plpgsql stable
as $$
declare
  v_nodes bigint[] := array(select absurd.wait_nodes(p_from, p_task, p_awaited));
  -- The reasons, farthest first; places are those in v_nodes. Members up to `upto` are theirs.
  v_reason record;
  v_stuck boolean[] := array_fill(false, array[cardinality(v_nodes)]);
  v_count integer;
  v_member integer := 0;
  v_holds boolean;
  v_goes_on boolean;
  v_changed boolean := true;
begin
  with reason as materialized (
    select array_position(v_nodes, f.node) as place, f.what, f.name, f.need, f.members,
           row_number() over w as n, sum(cardinality(f.members)) over w as upto
      from absurd.wait_reasons(v_nodes, p_task, p_awaited, p_events) f
    window w as (
      order by array_position(v_nodes, f.node) desc, f.what desc, f.name desc
      rows unbounded preceding
    )
  )
  select array_agg(r.place order by r.n) as places, array_agg(r.what order by r.n) as whats,
         array_agg(r.name order by r.n) as names, array_agg(r.need order by r.n) as needs,
         array_agg(r.upto::integer order by r.n) as upto,
         (
           select array_agg(array_position(v_nodes, m.id) order by o.n, m.place)
             from reason o cross join lateral unnest(o.members) with ordinality m(id, place)
         ) as members
    into v_reason
    from reason r;
  if v_reason.places is null then
    return;
  end if;
  foreach v_count in array v_reason.places loop
    v_stuck[v_count] := true;
  end loop;

  while v_changed loop
    v_changed := false;
    v_member := 0;
    for v_place in 1 .. cardinality(v_reason.places) loop
      if v_place = 1 or v_reason.places[v_place] <> v_reason.places[v_place - 1] then
        v_holds := false;
        v_goes_on := false;
      end if;
      v_count := 0;
      while v_member < v_reason.upto[v_place] loop
        v_member := v_member + 1;
        -- What is too far away has no place, and goes on.
        if v_stuck[v_reason.members[v_member]] then
          v_count := v_count + 1;
        end if;
      end loop;
      if v_reason.whats[v_place] = 'way-out' then
        v_goes_on := v_goes_on or v_count < v_reason.needs[v_place];
      else
        v_holds := v_holds or v_count >= v_reason.needs[v_place];
      end if;
      -- After the last reason of a node.
      if v_reason.places[v_place] is distinct from v_reason.places[v_place + 1]
         and v_stuck[v_reason.places[v_place]] and (v_goes_on or not v_holds) then
        v_stuck[v_reason.places[v_place]] := false;
        v_changed := true;
      end if;
    end loop;
  end loop;

  return query
    select r.place, v_nodes[r.place], r.what, r.name, m.stuck
      from unnest(v_reason.places, v_reason.whats, v_reason.names, v_reason.needs, v_reason.upto)
             with ordinality r(place, what, name, need, upto, n)
      cross join lateral (
        select array(
          select v_nodes[u]
            from unnest(v_reason.members[coalesce(v_reason.upto[r.n - 1], 0) + 1 : r.upto]) u
           where v_stuck[u]
        ) as stuck
      ) m
     where v_stuck[r.place] and r.what <> 'way-out' and cardinality(m.stuck) >= r.need
     order by r.n desc;
end;
$$;

-- The same as tasks and what they wait for: who is in where one stands at a gate.
create or replace function absurd.stuck_waits(p_from bigint[], p_events boolean default false)
  returns table (place integer, task_id bigint, what text, name text, members bigint[])
  language sql stable
as $$
  with stuck as materialized (
    select * from absurd.stuck_nodes(p_from, p_events => p_events)
  )
  select s.place, s.node, s.what, s.name, coalesce(f.members, s.members)
    from stuck s
    left join stuck f on f.what = 'full' and f.node = s.members[1]
   where s.node > 0;
$$;

-- What waits would never end if p_task waited for p_awaited, when it then would wait for itself;
-- else null.
create or replace function absurd.endless_wait(p_task bigint, p_awaited bigint[])
  returns text
  language plpgsql stable
as $$
declare
  v_words text;
begin
  with recursive stuck as materialized (
    select * from absurd.stuck_nodes(p_awaited, p_task, p_awaited)
  ),
  reached(node) as (
    select unnest(p_awaited)
    union
    select m.id
      from reached r
      join stuck s on s.node = r.node
      cross join lateral unnest(s.members) m(id)
  )
  select string_agg(absurd.wait_text(s.node, s.what, s.name, s.members), '; ' order by s.rank)
    into v_words
    from (
      select s.node, s.what, s.name, coalesce(f.members, s.members) as members,
             row_number() over (order by s.place, s.what, s.name) as rank
        from stuck s
        left join stuck f on f.what = 'full' and f.node = s.members[1]
       where s.node > 0 and s.node <> p_task
    ) s
   where s.rank <= 6 and p_task in (select r.node from reached r);
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

-- Of a circle in which stuck tasks wait, the one of p_keepers, which keep a gate, that began to
-- wait last; null when none is stuck. From a stuck node on there is always a next one, so following
-- these ends in a circle; and a circle without a keeper would be one of dependencies alone.
create or replace function absurd.last_endless(p_keepers bigint[])
  returns bigint
  language plpgsql stable
as $$
declare
  v_nodes bigint[];
  v_nexts bigint[];
  v_way bigint[] := '{}';
  v_node bigint;
begin
  select array_agg(s.node order by s.place), array_agg(s.next order by s.place)
    into v_nodes, v_nexts
    from (
      select distinct on (n.place) n.place, n.node, n.members[1] as next
        from absurd.stuck_nodes(p_keepers) n order by n.place, n.what
    ) s;
  v_node := v_nodes[1];
  while v_node is not null and v_node <> all(v_way) loop
    v_way := v_way || v_node;
    v_node := v_nexts[array_position(v_nodes, v_node)];
  end loop;
  return (
    select w.child
      from absurd.waiting w
     where w.child = any(v_way[array_position(v_way, v_node) :]) and w.child = any(p_keepers)
     order by w.run_at desc, w.child desc limit 1
  );
end;
$$;
