-- What a task asks for: gates to pass (concurrency, locks, rate) and a worker that can run it
-- (resources, labels). Read once, when the task is spawned: gates go into its policy, the rest makes
-- its class, which is part of its lane.

-- The gates that a demand names, each once; a lock asked for in both modes is taken alone.
create or replace function absurd.gates_asked(p_demand jsonb)
  returns table (kind text, name text, mode "char", slots integer, period_ms bigint)
  language sql immutable
as $$
  select 'key', c ->> 'key', 's'::"char", min((c ->> 'limit')::integer), null::bigint
    from jsonb_array_elements(coalesce(p_demand -> 'concurrency', '[]')) c group by 2
  union all
  select 'lock', k ->> 'name',
         case when bool_and(coalesce(k ->> 'mode', '') = 'shared') then 's' else 'x' end::"char",
         null, null
    from jsonb_array_elements(coalesce(p_demand -> 'locks', '[]')) k group by 2
  union all
  select 'rate', r ->> 'key', 's'::"char", min((r ->> 'count')::integer),
         max(((r ->> 'period_seconds')::numeric * 1000)::bigint)
    from jsonb_array_elements(coalesce(p_demand -> 'rate', '[]')) r group by 2;
$$;

-- True when a task of the batch, by itself or by its kind, asks for anything of all this.
create or replace function absurd.has_demands(p_tasks jsonb)
  returns boolean
  language plpgsql stable
as $$
begin
  if p_tasks @? '$[*] ? (exists (@.concurrency) || exists (@.locks) || exists (@.rate)
                         || exists (@.hold) || exists (@.resources) || exists (@.labels))' then
    return true;
  elsif not exists (select from absurd.kind k where k.demand is not null) then
    return false;
  end if;
  return exists (
    select from absurd.kind k
     where k.demand is not null
       and k.name in (select e.value ->> 'task_name' from jsonb_array_elements(p_tasks) e)
  );
end;
$$;

-- Gives the tasks of a batch their class and their gates. Makes the classes and gates that are new,
-- and gives a gate that nobody pinned the numbers that were asked for last. Locks gate rows in the
-- order of kind and name, waiting only for one who makes or changes the same gate.
-- Raises WF025.
create or replace function absurd.apply_demands(p_rows absurd.spawn_row[])
  returns absurd.spawn_row[]
  language plpgsql
as $$
declare
  v_demands jsonb[] := array(
    select coalesce(k.demand, '{}') || absurd.demand_in(r.request)
      from unnest(p_rows) with ordinality r
      join absurd.kind k on k.kind_id = r.kind_id
     order by r.ordinality
  );
  v_demand jsonb;
  v_classes integer[];
  v_gates jsonb[];
begin
  for v_demand in select distinct d from unnest(v_demands) d where d <> '{}' loop
    perform absurd.check_demand(v_demand);
  end loop;
  -- Again, should the leader forget one of the gates just now.
  for v_try in 1 .. 5 loop
    perform absurd.intern_gates(v_demands);
    exit when absurd.note_gate_days(v_demands, array(
      select distinct absurd.day_of(r.number) from unnest(p_rows) r
    ));
  end loop;
  with known as materialized (
    select d.demand, absurd.intern_class(d.demand) as class_id,
           absurd.gates_of(d.demand) as gates
      from (select distinct u.demand from unnest(v_demands) u(demand) where u.demand <> '{}') d
  )
  select array_agg(k.class_id order by g.place), array_agg(k.gates order by g.place)
    into v_classes, v_gates
    from unnest(v_demands) with ordinality g(demand, place)
    left join known k on k.demand = g.demand;
  for v_place in 1 .. cardinality(p_rows) loop
    continue when v_classes[v_place] is null;
    p_rows[v_place].class_id := v_classes[v_place];
    continue when v_gates[v_place] is null;
    p_rows[v_place].policy := coalesce(p_rows[v_place].policy, '{}')
                              || jsonb_build_object('gates', v_gates[v_place]);
  end loop;
  return p_rows;
end;
$$;

-- The gates of a demand as a task's policy holds them: [{ gate, mode, hold }], hold being there (and
-- true) for keys and locks that are kept over waits; null when it names none.
create or replace function absurd.gates_of(p_demand jsonb)
  returns jsonb
  language sql stable
as $$
  select jsonb_agg(
           jsonb_build_object('gate', g.gate_id, 'mode', a.mode)
           || case when p_demand -> 'hold' = 'true' and g.kind <> 'rate'
                   then '{"hold": true}' else '{}' end::jsonb
           order by g.gate_id)
    from absurd.gates_asked(p_demand) a
    join absurd.gate g on g.kind = a.kind and g.name = a.name;
$$;

-- Makes gates and brings their numbers up to date: of a batch, the last word counts.
create or replace function absurd.intern_gates(p_demands jsonb[])
  returns void
  language plpgsql
as $$
begin
  with asked as materialized (
    select distinct on (a.kind, a.name) a.*
      from unnest(p_demands) with ordinality d(demand, place)
      cross join lateral absurd.gates_asked(d.demand) a
     order by a.kind, a.name, d.place desc
  ),
  known as materialized (
    select a.*, g.gate_id, g.slots as old_slots, g.period_ms as old_period_ms, g.pinned
      from asked a left join absurd.gate g on g.kind = a.kind and g.name = a.name
  ),
  made as (
    insert into absurd.gate (kind, name, slots, period_ms)
    select k.kind, k.name, k.slots, k.period_ms
      from known k where k.gate_id is null order by k.kind, k.name
    on conflict do nothing
  ),
  stale as materialized (
    select g.gate_id, k.slots, k.period_ms
      from known k join absurd.gate g on g.gate_id = k.gate_id
     where not k.pinned
       and (k.slots, k.period_ms) is distinct from (k.old_slots, k.old_period_ms)
     order by k.kind, k.name
       for update of g
  )
  update absurd.gate g
     set slots = s.slots, period_ms = s.period_ms, set_at = absurd.clock()
    from stale s where g.gate_id = s.gate_id and not g.pinned;
end;
$$;

-- Notes that tasks born on these days name the gates of the demands, which keeps the gates: see
-- absurd.forget_gates. False when one of them is gone. A gate that has its note cannot go, so but for
-- the first spawn of a day this writes and locks nothing. That one locks gate rows, in order.
create or replace function absurd.note_gate_days(p_demands jsonb[], p_days date[])
  returns boolean
  language plpgsql
as $$
declare
  v_gates integer[] := array(
    select g.gate_id
      from (
        select distinct a.kind, a.name
          from unnest(p_demands) d(demand) cross join lateral absurd.gates_asked(d.demand) a
      ) n
      left join absurd.gate g on g.kind = n.kind and g.name = n.name
  );
  v_new integer[] := array(
    select distinct g
      from unnest(v_gates) g cross join unnest(p_days) d(day)
     where not exists (
             select from absurd.gate_day k where k.day = d.day and k.gate_id = g
           )
     order by g
  );
  v_held integer;
begin
  select count(*) into v_held from (
    select from absurd.gate g where g.gate_id = any(v_new) order by g.gate_id for key share
  ) held;
  if v_held < cardinality(v_new) then
    return false;
  end if;
  insert into absurd.gate_day (day, gate_id)
  select d.day, g from unnest(v_new) g cross join unnest(p_days) d(day) order by 1, 2
  on conflict do nothing;
  return true;
end;
$$;

-- The class of a demand, made when it is new. Waits only for one who makes the same class.
create or replace function absurd.intern_class(p_demand jsonb)
  returns integer
  language plpgsql
as $$
declare
  v_resources jsonb := (
    select coalesce(jsonb_object_agg(r.key, r.value), '{}')
      from jsonb_each(coalesce(p_demand -> 'resources', '{}')) r where r.value::numeric > 0
  );
  v_required jsonb := coalesce(p_demand -> 'labels' -> 'required', '{}');
  v_preferred jsonb := coalesce(p_demand -> 'labels' -> 'preferred', '{}');
  v_prefer_ms integer := case v_preferred when '{}' then 5000 else
    coalesce((p_demand -> 'labels' ->> 'prefer_seconds')::numeric, 5) * 1000 end;
  v_gated boolean := exists (select from absurd.gates_asked(p_demand));
  v_class_id integer;
begin
  for v_try in 1 .. 2 loop
    select c.class_id into v_class_id
      from absurd.class c
     where c.resources = v_resources and c.required = v_required and c.preferred = v_preferred
       and c.prefer_ms = v_prefer_ms and c.gated = v_gated;
    exit when found;
    insert into absurd.class (resources, required, preferred, prefer_ms, gated)
    values (v_resources, v_required, v_preferred, v_prefer_ms, v_gated)
    on conflict do nothing;
  end loop;
  return v_class_id;
end;
$$;

-- What absurd.spawn_lines does for a kind that asks for something.
create or replace function absurd.spawn_demanding(
  p_task_name text, p_lines text, p_queue text, p_priority smallint
)
  returns bigint[]
  language sql
as $$
  select array_agg(absurd.task_number(s.task_id) order by s.task_index)
    from absurd.spawn_tasks((
           select jsonb_agg(
                    jsonb_strip_nulls(jsonb_build_object(
                      'task_name', p_task_name, 'queue_name', p_queue, 'priority', p_priority
                    )) || jsonb_build_object('params', p.params::jsonb)
                    order by p.place)
             from string_to_table(p_lines, e'\n') with ordinality p(params, place)
         )) s;
$$;
