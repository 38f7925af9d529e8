-- Workflows as people look at them.

-- The nodes of a workflow, in the order in which they were spawned, each with its edges
-- [{ on, when, otherwise, any_of }]; "on" is the name of a node, or the id of a task of another workflow.
-- Raises WF017 when there is no such workflow.
create or replace function absurd.workflow_nodes(p_workflow_id uuid)
  returns table (
    node text, task_id uuid, task_name text, status text, tag text, message text, attempt integer,
    edges jsonb, element_count integer, claimed_at timestamptz, completed_at timestamptz,
    execution_sec double precision
  )
  language plpgsql stable
as $$
begin
  if not exists (select from absurd.workflow w where w.id = p_workflow_id) then
    raise exception using errcode = 'WF017', message = format('no workflow %s', p_workflow_id);
  end if;
  return query
    select n.name, t.task_id, t.task_name, t.status, t.error_detail ->> 'tag', t.error, t.attempt,
           coalesce(e.edges, '[]'), f.element_count, t.claimed_at, t.completed_at,
           t.execution_time_sec
      from absurd.workflow_node n
      -- Task by task: joined as a whole, the view may read days of history.
      cross join lateral (
        select v.* from absurd.tasks v where v.task_number = n.task_id offset 0
      ) t
      left join absurd.fan_out f on f.task_id = n.task_id
      left join lateral (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                 'on', coalesce(p.name, absurd.task_uuid(d.parent)::text),
                 'when', case d.cond when 's' then 'success' when 'f' then 'failure'
                                     when 'a' then 'always'
                                     else 'matches ' || d.predicate::text end,
                 'otherwise', case d.otherwise when 'x' then 'cancel' when 's' then 'skip'
                                               else 'continue' end,
                 'any_of', d.any_of
               )) order by d.parent) as edges
          from absurd.dep d
          left join absurd.workflow_node p
            on p.task_id = d.parent and p.workflow_id = p_workflow_id
         where d.child = n.task_id
      ) e on true
     where n.workflow_id = p_workflow_id
     order by n.task_id;
end;
$$;

-- The nodes of a workflow that wait for nothing but a worker, first spawned first. Raises WF017.
create or replace function absurd.ready_nodes(p_workflow_id uuid)
  returns table (task_id uuid)
  language plpgsql stable
as $$
begin
  if not exists (select from absurd.workflow w where w.id = p_workflow_id) then
    raise exception using errcode = 'WF017', message = format('no workflow %s', p_workflow_id);
  end if;
  return query
    select absurd.task_uuid(n.task_id)
      from absurd.workflow_node n
     cross join lateral absurd.locate_task(n.task_id) l
     where n.workflow_id = p_workflow_id and l.place = 'ready'
     order by n.task_id;
end;
$$;

-- Workflows with what became of them, newest first. p_ids null: all, in pages that go on after
-- p_before.
--
-- running: a node has not ended. cancelled: somebody cancelled it as a whole. failed: a node failed
-- or was cancelled and nobody took it up. A failure is taken up by a completed node that waited for
-- it with when failure or otherwise continue. Skipped nodes fail nothing. Else completed.
create or replace function absurd.list_workflows(
  p_ids uuid[] default null, p_name text default null, p_before uuid default null,
  p_limit integer default 50
)
  returns table (
    workflow_id uuid, name text, template text, version integer, params jsonb, tags text[],
    created_at timestamptz, status text, total integer, open integer, completed integer,
    failed integer, cancelled integer, skipped integer
  )
  language sql stable
as $$
  with chosen as materialized (
    select w.* from absurd.workflow w
     where (p_ids is null or w.id = any(p_ids)) and (p_name is null or w.name = p_name)
       and (p_before is null or w.id < p_before)
     order by w.id desc limit p_limit
  ),
  node as (
    select c.id, o.kind, o.kind = 'x' and o.error ->> 'tag' = 'Skipped' as is_skipped,
           o.kind in ('d', 'x') and exists (
             select from absurd.dep d
               join absurd.outcome t on t.task_id = d.child and t.kind = 'c'
              where d.parent = n.task_id and (d.cond = 'f' or d.otherwise = 'c')
           ) as is_taken_up
      from chosen c
      join absurd.workflow_node n on n.workflow_id = c.id
      left join absurd.outcome o on o.task_id = n.task_id
  ),
  counted as (
    select n.id, count(*)::integer as total,
           (count(*) filter (where n.kind is null))::integer as open,
           (count(*) filter (where n.kind = 'c'))::integer as completed,
           (count(*) filter (where n.kind = 'd'))::integer as failed,
           (count(*) filter (where n.kind = 'x' and not n.is_skipped))::integer as cancelled,
           (count(*) filter (where n.is_skipped))::integer as skipped,
           (count(*) filter (
              where n.kind in ('d', 'x') and not n.is_skipped and not n.is_taken_up
            ))::integer as lost
      from node n group by n.id
  )
  select w.id, w.name, w.template, w.version, w.params, w.tags, w.created_at,
         case when c.open > 0 then 'running' when w.cancelled_at is not null then 'cancelled'
              when c.lost > 0 then 'failed' else 'completed' end,
         coalesce(c.total, 0), coalesce(c.open, 0), coalesce(c.completed, 0),
         coalesce(c.failed, 0), coalesce(c.cancelled, 0), coalesce(c.skipped, 0)
    from chosen w left join counted c on c.id = w.id
   order by w.id desc;
$$;

-- Cancels a workflow: nothing is added any more, its tasks are cancelled where they are (running
-- ones are told). Returns how many of them had not ended. Raises WF017 when there is none.
create or replace function absurd.cancel_workflow(
  p_workflow_id uuid, p_reason text default 'its workflow was cancelled'
)
  returns integer
  language plpgsql
as $$
begin
  perform absurd.hold_workflow(p_workflow_id);
  update absurd.workflow w set cancelled_at = absurd.clock()
   where w.id = p_workflow_id and w.cancelled_at is null;
  return (
    select count(*) filter (where c.what in ('cancelled', 'requested'))
      from absurd.cancel_tasks(array(
             select n.task_id from absurd.workflow_node n
              where n.workflow_id = p_workflow_id
                and not exists (select from absurd.outcome o where o.task_id = n.task_id)
              order by n.task_id
           ), p_reason) c
  );
end;
$$;

-- How the parents of a task that have ended did so: by node name within its workflow (the task_id
-- for others). The result of a fan-out is the list of its elements' results.
create or replace function absurd.parent_results(p_task_id uuid)
  returns table (node text, task_id uuid, status text, result jsonb, error jsonb)
  language sql stable
as $$
  select coalesce(n.name, absurd.task_uuid(d.parent)::text), absurd.task_uuid(d.parent),
         case o.kind when 'c' then 'completed' when 'd' then 'failed' else 'cancelled' end,
         case when f.task_id is null or o.kind <> 'c' then o.result
              else (select coalesce(jsonb_agg(r.result order by e.place), '[]')
                      from absurd.elements_of(array[f.task_id]) e
                      left join absurd.outcome r on r.task_id = e.element) end,
         o.error
    from absurd.dep d
    join absurd.outcome o on o.task_id = d.parent
    left join absurd.task t on t.id = d.child
    left join absurd.workflow_node n
      on n.task_id = d.parent and n.workflow_id = t.workflow_id
    left join absurd.fan_out f on f.task_id = d.parent
   where d.child = absurd.task_number(p_task_id)
   order by d.parent;
$$;
