-- A new start for tasks that ended.

-- The given tasks that ended, and those that ended because of them (cancelled or skipped), are put
-- back to where they wait for their parents; p_reset: with all their attempts, else with those that
-- are left, at least one. Returns them.
--
-- Ends stay in the log of attempts, claim numbers go on counting. Waiting tasks that had counted one
-- of these count it as open again. Locks outcome, waiting, deferred, ready rows, in this order.
--
-- p_run_ats: when each of p_ids may run. Then nothing starts anew: they go back to where they were
-- before they were cancelled, with the attempts that they had.
create or replace function absurd.revive(
  p_ids bigint[], p_reset boolean default true, p_run_ats timestamptz[] default null
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_family bigint[];
  v_back bigint[];
begin
  with recursive family(id) as (
    select o.task_id from absurd.outcome o where o.task_id = any(p_ids)
    union
    select d.child
      from family f
      join absurd.dep d on d.parent = f.id
      join absurd.outcome o on o.task_id = d.child and o.kind = 'x'
     where o.error ->> 'tag' in ('DependencyFailed', 'Skipped')
  )
  select array_agg(f.id) into v_family from family f;
  perform absurd.uncount_outcomes(v_family);
  perform from absurd.outcome o where o.task_id = any(v_family) order by o.task_id for update;
  -- What completed is to be done anew; what failed goes on after its last step.
  delete from absurd.checkpoint c
   using absurd.outcome o
   where o.task_id = any(v_family) and o.kind = 'c' and c.task_id = o.task_id;

  with revived as (
    delete from absurd.outcome o where o.task_id = any(v_family) returning o.*
  ),
  logged as (
    insert into absurd.attempt (
      task_id, claim_no, worker_id, claimed_at, finished_at, class, error, result
    )
    select r.task_id, r.claim_no, r.worker_id, r.claimed_at, r.finished_at, 'completed',
           absurd.error_json('Rerun', 'completed', 'completed; its task was given a new start'),
           r.result
      from revived r where r.kind = 'c' and r.worker_id is not null
  ),
  credited as (
    insert into absurd.credit as k (task_id, claim_no, attempts, is_reset)
    select r.task_id, r.claim_no,
           case when p_reset then r.claim_no - c.attempts else 0 end, p_reset
      from revived r
      cross join lateral (
        select coalesce(sum(k.attempts), 0) as attempts
          from absurd.credit k where k.task_id = r.task_id
      ) c
     where p_run_ats is null
    -- The last attempt was given back unstarted and has a credit already.
    on conflict on constraint credit_pkey do update
       set attempts = k.attempts + excluded.attempts, is_reset = k.is_reset or excluded.is_reset
  ),
  waits as (
    insert into absurd.waiting (child, need, claim_no, lane_id, run_at)
    select r.task_id, 0, r.claim_no, t.lane_id,
           coalesce(p_run_ats[array_position(p_ids, r.task_id)], absurd.clock())
      from revived r join absurd.task t on t.id = r.task_id
    returning child
  )
  select coalesce(array_agg(w.child), '{}') into v_back from waits w;
  insert into absurd.new_start (task_id, claim_no)
  select w.child, w.claim_no from absurd.waiting w where w.child = any(v_back) order by w.child;

  -- Their parents may end while this runs, as for edges that are being spawned.
  insert into absurd.late_edge (child)
  select distinct d.child from absurd.dep d where d.child = any(v_back) order by d.child
  on conflict on constraint late_edge_pkey do update set horizon = null;
  perform absurd.recount_waiting(v_back || array(
    select distinct d.child from absurd.dep d where d.parent = any(v_back)
  ));
  perform absurd.note_gates();
  return v_back;
end;
$$;

-- Gives a part of a workflow a new start and returns the nodes that start anew. Good results outside
-- the part are kept, and its nodes wait for each other only.
--
-- p_from null: all that failed or was cancelled. Else these nodes, ended however, and with
-- p_descendants all that depends on them. What was cancelled or skipped because of the part comes
-- along. A fan-out whose source is in the part, or that is named, gets new elements; the old ones
-- leave the workflow.
-- Raises WF017 for an unknown workflow or node, WF016 when a node of the part has not ended and
-- does not wait for its parents either.
create or replace function absurd.rerun_workflow(
  p_workflow_id uuid, p_from text[] default null, p_descendants boolean default true
)
  returns text[]
  language plpgsql
as $$
declare
  v_part bigint[];
  v_again bigint[];
  v_dropped bigint[] := '{}';
  v_busy text;
begin
  perform absurd.hold_workflow(p_workflow_id);
  v_part := absurd.rerun_part(p_workflow_id, p_from, p_descendants);
  -- Fan-outs that expand again: named, or given a new source, and not only new elements.
  v_again := array(
    select f.task_id
      from absurd.fan_out f
     where f.workflow_id = p_workflow_id and f.task_id = any(v_part)
       and f.element_count is not null
       and (f.node = any(p_from) or f.source = any(v_part))
  );
  select string_agg(n.name || ' (' || p.place || ')', ', ' order by n.name) into v_busy
    from absurd.workflow_node n
    cross join lateral absurd.locate_task(n.task_id) p
   where n.workflow_id = p_workflow_id
     and (n.task_id = any(v_part)
          or n.task_id in (select e.element from absurd.elements_of(v_again) e))
     and p.place not in ('completed', 'failed', 'cancelled', 'waiting');
  if v_busy is not null then
    raise exception using
      errcode = 'WF016',
      message = format('nodes of workflow %s have not ended: %s', p_workflow_id, v_busy);
  end if;

  if cardinality(v_again) > 0 then
    v_dropped := array(select * from absurd.drop_elements(v_again));
  end if;
  update absurd.workflow w set cancelled_at = null
   where w.id = p_workflow_id and w.cancelled_at is not null;
  v_part := absurd.revive(array(select i from unnest(v_part) i where i <> all (v_dropped)));
  perform absurd.run_fan_outs(v_part);
  return array(
    select n.name from absurd.workflow_node n
     where n.workflow_id = p_workflow_id and n.task_id = any(v_part) order by n.task_id
  );
end;
$$;

-- The tasks of a part of a workflow; see absurd.rerun_workflow. Raises WF017 for an unknown node.
create or replace function absurd.rerun_part(
  p_workflow_id uuid, p_from text[], p_descendants boolean
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_unknown text;
begin
  if p_from is null then
    return array(
      select o.task_id
        from absurd.workflow_node n
        join absurd.outcome o on o.task_id = n.task_id
       where n.workflow_id = p_workflow_id and o.kind in ('d', 'x')
         and o.error ->> 'tag' is distinct from 'Skipped'
    );
  end if;
  select f.name into v_unknown from unnest(p_from) as f(name)
   where not exists (
           select from absurd.workflow_node n
            where n.workflow_id = p_workflow_id and n.name = f.name
         )
   limit 1;
  if found then
    raise exception using
      errcode = 'WF017',
      message = format('workflow %s has no node "%s"', p_workflow_id, v_unknown);
  end if;
  return array(
    with recursive part(task_id) as (
      select n.task_id from absurd.workflow_node n
       where n.workflow_id = p_workflow_id and n.name = any(p_from)
      union
      select n.task_id
        from part p
        join absurd.dep d on d.parent = p.task_id
        join absurd.workflow_node n on n.task_id = d.child and n.workflow_id = p_workflow_id
       where p_descendants
    )
    select p.task_id from part p
  );
end;
$$;
