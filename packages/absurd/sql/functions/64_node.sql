-- The nodes of a workflow as they are written, before they are tasks: their order, what is wrong
-- with them, and what spawn_tasks is given for each.
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

-- Raises what absurd.order_nodes promises of names and parents.
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
