-- Workflows: tasks with names, spawned, grown, shown and cancelled together.
--
-- p_nodes: [{ node, task_name, params, depends_on, for_each, and what spawn_tasks takes }], in any
-- order. depends_on is as in spawn_tasks, with the names of nodes for parents (a task_id of another
-- workflow will do, too). for_each: { of, path, when, otherwise }; see absurd.run_fan_outs.

-- The node names that each node of p_nodes refers to.
create or replace function absurd.node_parents(p_nodes jsonb)
  returns table (node_index integer, parent text)
  language sql immutable
as $$
  select n.ordinality::integer, e.spec ->> 'on'
    from jsonb_array_elements(p_nodes) with ordinality n
    cross join lateral absurd.edge_specs(
      case jsonb_typeof(n.value -> 'depends_on') when 'array' then n.value -> 'depends_on'
                                                 else '[]' end
    ) e
  union all
  select n.ordinality::integer, n.value #>> '{for_each,of}'
    from jsonb_array_elements(p_nodes) with ordinality n where n.value ? 'for_each';
$$;

-- The indexes (from 1) of nodes, parents before children. p_known: names of nodes that exist.
-- Raises WF018 for a name that is missing, there twice or no name, WF017 for an unknown parent,
-- WF005 for a cycle, naming its nodes.
create or replace function absurd.order_nodes(p_nodes jsonb, p_known text[] default '{}')
  returns integer[]
  language plpgsql
as $$
declare
  v_names text[] := array(
    select n.value ->> 'node' from jsonb_array_elements(p_nodes) with ordinality n
     order by n.ordinality
  );
  v_to integer[];
  v_first integer[];
  v_open integer[];
  v_order integer[];
  v_at integer := 1;
  v_child integer;
begin
  perform absurd.check_nodes(p_nodes, v_names, p_known);
  with edge as (
    select distinct array_position(v_names, p.parent) as parent, p.node_index as child
      from absurd.node_parents(p_nodes) p where p.parent = any(v_names)
  ),
  out_of as (
    select i, count(e.child) as n
      from generate_series(1, cardinality(v_names)) i left join edge e on e.parent = i group by i
  )
  select array(select e.child from edge e order by e.parent, e.child),
         array(select 1 + sum(o.n) over (order by o.i) - o.n from out_of o order by o.i)
           || (1 + (select count(*) from edge))::integer,
         array(select count(e.parent)::integer
                 from generate_series(1, cardinality(v_names)) i left join edge e on e.child = i
                group by i order by i)
    into v_to, v_first, v_open;

  v_order := array(select i from generate_subscripts(v_open, 1) i where v_open[i] = 0 order by i);
  while v_at <= cardinality(v_order) loop
    for v_edge in v_first[v_order[v_at]]..v_first[v_order[v_at] + 1] - 1 loop
      v_child := v_to[v_edge];
      v_open[v_child] := v_open[v_child] - 1;
      if v_open[v_child] = 0 then
        v_order := v_order || v_child;
      end if;
    end loop;
    v_at := v_at + 1;
  end loop;
  if cardinality(v_order) < cardinality(v_names) then
    raise exception using
      errcode = 'WF005',
      message = 'nodes depend on each other: ' || absurd.name_cycle(p_nodes, v_names, v_open);
  end if;
  return v_order;
end;
$$;

create or replace function absurd.check_nodes(p_nodes jsonb, p_names text[], p_known text[])
  returns void
  language plpgsql
as $$
declare
  v_bad record;
begin
  select i - 1 as index, p_names[i] as name into v_bad from generate_subscripts(p_names, 1) i
   where p_names[i] is null or p_names[i] !~ '^[^\[\]\s][^\[\]]{0,199}$' limit 1;
  if found then
    raise exception using
      errcode = 'WF018',
      message = format('the name of node %s is %s, expected 1 to 200 characters and no brackets',
                       v_bad.index, coalesce(to_jsonb(v_bad.name)::text, 'missing'));
  end if;
  select n as name into v_bad from unnest(p_names) n group by n having count(*) > 1 limit 1;
  if found then
    raise exception using
      errcode = 'WF018', message = format('two nodes are named "%s"', v_bad.name);
  end if;
  select p_names[p.node_index] as name, p.parent into v_bad
    from absurd.node_parents(p_nodes) p
   where p.parent is null
      or p.parent <> all (p_names) and p.parent <> all (p_known)
         and p.parent !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
   limit 1;
  if found then
    raise exception using
      errcode = 'WF017',
      message = format('node "%s" depends on "%s", which is no node of the workflow',
                       v_bad.name, v_bad.parent);
  end if;
end;
$$;

-- One cycle among the nodes that are left (p_open > 0), as text.
create or replace function absurd.name_cycle(p_nodes jsonb, p_names text[], p_open integer[])
  returns text
  language plpgsql
as $$
declare
  v_path text[] := '{}';
  v_name text := p_names[(select i from generate_subscripts(p_open, 1) i where p_open[i] > 0 limit 1)];
begin
  while v_name <> all (v_path) loop
    v_path := v_name || v_path;
    select p.parent into v_name
      from absurd.node_parents(p_nodes) p
     where p_names[p.node_index] = v_path[1] and p_open[array_position(p_names, p.parent)] > 0
     limit 1;
  end loop;
  return array_to_string(v_name || v_path[:array_position(v_path, v_name)], ' -> ');
end;
$$;

-- An element of depends_on with each name replaced by what p_bound has for it.
create or replace function absurd.bind_edge(p_edge jsonb, p_bound jsonb)
  returns jsonb
  language sql immutable
as $$
  select case
    when jsonb_typeof(p_edge) <> 'object' then coalesce(p_bound -> (p_edge #>> '{}'), p_edge)
    when p_edge ? 'any_of' then p_edge || jsonb_build_object('any_of', (
      select jsonb_agg(
               case jsonb_typeof(o.value)
                 when 'object' then o.value || jsonb_build_object(
                   'on', coalesce(p_bound -> (o.value ->> 'on'), o.value -> 'on'))
                 else coalesce(p_bound -> (o.value #>> '{}'), o.value)
               end order by o.ordinality)
        from jsonb_array_elements(p_edge -> 'any_of') with ordinality o
    ))
    else p_edge || jsonb_build_object('on', coalesce(p_bound -> (p_edge ->> 'on'), p_edge -> 'on'))
  end;
$$;

-- Spawns a workflow, all of it or nothing. A known idempotency key gives the older workflow.
--
-- p_options: { idempotency_key, params, tags, template, version }. p_fence: see spawn_tasks.
-- Raises what spawn_tasks raises, and WF005, WF017, WF018: see absurd.order_nodes.
create or replace function absurd.spawn_workflow(
  p_name text, p_nodes jsonb, p_options jsonb default '{}', p_fence text default null
)
  returns table (workflow_id uuid, created boolean)
  language plpgsql
as $$
declare
  v_id uuid := absurd.task_uuid(absurd.next_task_number());
begin
  insert into absurd.workflow (
    id, name, template, version, params, tags, idempotency_key, created_at
  )
  values (
    v_id, p_name, p_options ->> 'template', (p_options ->> 'version')::integer,
    coalesce(p_options -> 'params', '{}'),
    case when p_options ? 'tags'
         then array(select jsonb_array_elements_text(p_options -> 'tags')) end,
    p_options ->> 'idempotency_key', absurd.clock()
  )
  on conflict on constraint workflow_known_once do nothing;
  if not found then
    return query
      select w.id, false from absurd.workflow w
       where w.name = p_name and w.idempotency_key = p_options ->> 'idempotency_key';
    return;
  end if;
  perform absurd.add_nodes(v_id, p_nodes, p_fence);
  return query select v_id, true;
end;
$$;

-- Adds nodes to a workflow, also while it runs and to nodes that have ended. A node whose name the
-- workflow has is left as it is, so that an attempt may add again what the one before it added.
-- Raises WF017 for an unknown workflow, WF003 when it was cancelled, and what spawn_workflow raises.
create or replace function absurd.add_to_workflow(
  p_workflow_id uuid, p_nodes jsonb, p_fence text default null
)
  returns table (node text, task_id uuid, created boolean)
  language plpgsql
as $$
declare
  v_workflow absurd.workflow := absurd.hold_workflow(p_workflow_id);
  v_fresh jsonb;
begin
  if p_fence is not null then
    perform absurd.hold_fence(p_fence);
  end if;
  if v_workflow.cancelled_at is not null then
    raise exception using
      errcode = 'WF003', message = format('workflow %s was cancelled', p_workflow_id);
  end if;
  select jsonb_agg(n.value order by n.ordinality) into v_fresh
    from jsonb_array_elements(p_nodes) with ordinality n
   where not exists (
           select from absurd.workflow_node k
            where k.workflow_id = p_workflow_id and k.name = n.value ->> 'node'
         );
  if v_fresh is not null then
    perform absurd.add_nodes(p_workflow_id, v_fresh, p_fence);
  end if;
  return query
    select k.name, absurd.task_uuid(k.task_id),
           exists (select from jsonb_array_elements(v_fresh) f where f.value ->> 'node' = k.name)
      from jsonb_array_elements(p_nodes) with ordinality n
      join absurd.workflow_node k
        on k.workflow_id = p_workflow_id and k.name = n.value ->> 'node'
     order by n.ordinality;
end;
$$;

-- Locks a workflow until the transaction ends and returns it. Raises WF017 when there is none.
create or replace function absurd.hold_workflow(p_workflow_id uuid)
  returns absurd.workflow
  language plpgsql
as $$
declare
  v_workflow absurd.workflow;
begin
  select w.* into v_workflow from absurd.workflow w where w.id = p_workflow_id for update;
  if not found then
    raise exception using errcode = 'WF017', message = format('no workflow %s', p_workflow_id);
  end if;
  return v_workflow;
end;
$$;

-- Spawns the tasks of new nodes and writes down their names.
create or replace function absurd.add_nodes(p_workflow_id uuid, p_nodes jsonb, p_fence text)
  returns void
  language plpgsql
as $$
declare
  v_order integer[] := absurd.order_nodes(p_nodes, array(
    select k.name from absurd.workflow_node k where k.workflow_id = p_workflow_id
  ));
  v_bound jsonb;
  v_tasks jsonb;
  v_ids bigint[];
begin
  -- What an edge may name: a task that exists, or a place in the batch.
  select coalesce(jsonb_object_agg(k.name, absurd.task_uuid(k.task_id)), '{}') into v_bound
    from absurd.workflow_node k where k.workflow_id = p_workflow_id;
  select v_bound || coalesce(jsonb_object_agg(p_nodes -> (o.index - 1) ->> 'node',
                                              o.ordinality - 1), '{}')
    into v_bound from unnest(v_order) with ordinality as o(index, ordinality);
  select coalesce(jsonb_agg(absurd.node_request(n.value, v_bound)
                            || jsonb_build_object('workflow_id', p_workflow_id)
                            order by o.ordinality), '[]')
    into v_tasks
    from unnest(v_order) with ordinality as o(index, ordinality)
    join jsonb_array_elements(p_nodes) with ordinality n on n.ordinality = o.index;
  v_ids := array(
    select absurd.task_number(s.task_id)
      from absurd.spawn_tasks(v_tasks, p_fence) s order by s.task_index
  );
  insert into absurd.workflow_node (workflow_id, name, task_id)
  select p_workflow_id, n.value ->> 'node', v_ids[o.ordinality]
    from unnest(v_order) with ordinality as o(index, ordinality)
    join jsonb_array_elements(p_nodes) with ordinality n on n.ordinality = o.index;
  insert into absurd.fan_out (task_id, workflow_id, node, source, spec)
  select v_ids[o.ordinality], p_workflow_id, n.value ->> 'node', s.task_id, n.value - 'depends_on'
    from unnest(v_order) with ordinality as o(index, ordinality)
    join jsonb_array_elements(p_nodes) with ordinality n on n.ordinality = o.index
    join absurd.workflow_node s
      on s.workflow_id = p_workflow_id and s.name = n.value #>> '{for_each,of}'
   where n.value ? 'for_each';
  if found then
    perform absurd.run_fan_outs(v_ids);
  end if;
end;
$$;

-- What spawn_tasks takes, for a node.
create or replace function absurd.node_request(p_node jsonb, p_bound jsonb)
  returns jsonb
  language sql immutable
as $$
  select (case when p_node ? 'for_each'
               then '{"task_name": "absurd.fan-out"}'::jsonb
               else p_node - 'node' end)
      || jsonb_build_object('depends_on', (
           select coalesce(jsonb_agg(absurd.bind_edge(e.value, p_bound) order by e.ordinality), '[]')
             from jsonb_array_elements(
                    coalesce(p_node -> 'depends_on', '[]')
                    || coalesce(p_node #> '{for_each,of}', '[]')
                  ) with ordinality e
         ));
$$;
