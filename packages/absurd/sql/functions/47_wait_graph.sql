-- What waits for what: the graph in which absurd.stuck_nodes looks for endless waits.
--
-- A gate is a node beside the tasks, so that many who stand at it are not set against many who are
-- in: the negative number of absurd.gate_node, stuck while it lets nobody in who wants it in that
-- mode.

create or replace function absurd.gate_node(p_gate_id integer, p_mode text)
  returns bigint
  language sql immutable
as $$
  select -(2 * p_gate_id::bigint + case p_mode when 'x' then 1 else 0 end);
$$;

-- Where to look for why nodes do not go on: p_from and all that these wait for, directly or not,
-- nearest first, up to 2,000. p_task runs and is about to wait for p_awaited.
create or replace function absurd.wait_nodes(p_from bigint[], p_task bigint, p_awaited bigint[])
  returns setof bigint
  language sql stable
as $$
  with recursive node(id) as (
    select unnest(p_from)
    union
    select n.id
      from node o
      cross join lateral (
        select d.parent as id
          from absurd.waiting w
          join absurd.dep d on d.child = w.child
         where w.child = o.id
           and not exists (select from absurd.outcome e where e.task_id = d.parent)
        union all
        select x.id
          from absurd.task t
          cross join lateral jsonb_array_elements(t.policy -> 'gates') a
          cross join lateral (
            select absurd.gate_node((a.value ->> 'gate')::integer, a.value ->> 'mode') as id
            union all
            (select w.task_id
               from absurd.gate_wait w
              where w.gate_id = (a.value ->> 'gate')::integer order by w.seq limit 1)
          ) x
         where t.id = o.id
           and not exists (select from absurd.gate_grant h where h.task_id = t.id)
           and not exists (select from absurd.outcome e where e.task_id = t.id)
        union all
        select h.task_id
          from absurd.gate_grant h
         where o.id < 0 and h.gate_id = -o.id / 2
           and (h.task_id = p_task
                or exists (select from absurd.waiting w where w.child = h.task_id))
        union all
        select unnest(p_awaited) where o.id = p_task
      ) n
  )
  select id from node limit 2000;
$$;

-- Why nodes do not go on. what: tasks (they have to end), key or lock (the gate has to let it in),
-- line (who is before it at the gate `name`), event, or way-out: it is not stuck unless all of
-- these are, for the end of one may cancel it; of a gate: full. need: how many of the members must
-- be stuck for the reason to hold. Tasks that run, are ready or have ended have no rows, but
-- p_task. p_events: waits for events, too, that have no timeout.
create or replace function absurd.wait_reasons(
  p_nodes bigint[], p_task bigint, p_awaited bigint[], p_events boolean
)
  returns table (node bigint, what text, name text, need integer, members bigint[])
  language sql stable
as $$
  with held_back as materialized (
    select t.id, t.policy -> 'gates' as gates, p.seq, w.child is not null as waits, w.wake_at,
           e.name as event
      from unnest(p_nodes) i(id)
      join absurd.task t on t.id = i.id
      left join absurd.waiting w on w.child = t.id
      left join absurd.parked p on p.task_id = t.id
      left join absurd.wait_event e on e.task_id = w.child and e.claim_no = w.claim_no
     where i.id > 0 and t.id is distinct from p_task
       and (w.child is not null or p.task_id is not null
            or exists (select from absurd.deferred d where d.task_id = t.id))
  ),
  -- Also of those that are not in line yet: they will be.
  at_gate as materialized (
    select h.id, h.seq, g.gate_id, g.kind, g.name, a.value ->> 'mode' as mode
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
  select a.id, a.kind, a.name, 1, array[absurd.gate_node(a.gate_id, a.mode)]
    from at_gate a where a.kind <> 'rate'
  union all
  select i.id, 'full', g.name, k.need, k.members
    from unnest(p_nodes) i(id)
    join absurd.gate g on g.gate_id = -i.id / 2
    cross join lateral (
      select case g.kind when 'key' then g.slots else 1 end as need,
             array(
               select h.task_id from absurd.gate_grant h
                where h.gate_id = g.gate_id
                  and (g.kind = 'key' or 'x' in (h.mode::text, case -i.id % 2 when 1 then 'x' end))
                  and case when h.task_id = p_task then absurd.is_kept(h)
                           else exists (select from absurd.waiting w where w.child = h.task_id) end
                order by h.seq
             ) as members
    ) k
   -- A key of no slots is closed by hand.
   where i.id < 0 and k.need > 0 and cardinality(k.members) >= k.need
  union all
  -- Who is first in line goes in before the others: sooner or later the first is the stuck one.
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
   where p_task = any(p_nodes)
     and not exists (select from absurd.outcome o where o.task_id = a.id)
  union all
  select h.id, 'event', h.event, 0, '{}'
    from held_back h where p_events and h.event is not null and h.wake_at is null;
$$;
