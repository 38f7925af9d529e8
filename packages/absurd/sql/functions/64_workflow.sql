-- Workflows: tasks with names, spawned, grown, shown and cancelled together.
-- For p_nodes see 64_node.sql.

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
