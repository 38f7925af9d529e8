-- Repairs: a task whose failure can be mended waits for the task that mends it, and is tried again
-- when that completed. When it did not complete, the task that waited is dead.

-- Spawns one task on behalf of the engine. What the caller is in the middle of must not fail because
-- this is refused (a name nobody registered, a queue that is full): refusal then says why.
create or replace function absurd.spawn_or_refuse(
  p_task jsonb, out number bigint, out refusal text
)
  language plpgsql
as $$
begin
  select absurd.task_number(s.task_id) into number
    from absurd.spawn_tasks(jsonb_build_array(p_task)) s;
exception when others then
  if sqlstate !~ '^(WF|22)' then
    raise;
  end if;
  refusal := sqlerrm;
end;
$$;

-- Begins the repairs of these attempts and lets their tasks wait. Returns the tasks for which no
-- repair could begin: they are dead. The repair gets the params of its rule and failedTaskId,
-- failedTaskName, attempt and error.
create or replace function absurd.begin_repairs(p_judged absurd.judged_attempt[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_one absurd.judged_attempt;
  v_spawned record;
  v_dead bigint[] := '{}';
begin
  foreach v_one in array p_judged loop
    continue when v_one.verdict <> 'repair';
    select * into v_spawned from absurd.spawn_or_refuse(absurd.repair_request(v_one));
    if v_spawned.number is null then
      insert into absurd.outcome (
        task_id, claim_no, kind, worker_id, claimed_at, finished_at, error, fingerprint
      )
      values (
        v_one.task_id, v_one.claim_no, 'd', v_one.worker_id, v_one.claimed_at, absurd.clock(),
        jsonb_set(v_one.error, '{fields}', coalesce(v_one.error -> 'fields', '{}')
                  || jsonb_build_object('repair_refused', v_spawned.refusal)),
        v_one.fingerprint
      );
      v_dead := v_dead || v_one.task_id;
    else
      update absurd.attempt a set repair_id = v_spawned.number
       where a.task_id = v_one.task_id and a.claim_no = v_one.claim_no;
      insert into absurd.repair (repair_id, task_id) values (v_spawned.number, v_one.task_id);
      insert into absurd.dep (parent, child) values (v_spawned.number, v_one.task_id);
      insert into absurd.waiting (child, need, claim_no, lane_id, run_at)
      values (v_one.task_id, 1, v_one.claim_no, v_one.lane_id, absurd.clock());
    end if;
  end loop;
  return v_dead;
end;
$$;

-- The task that repairs what an attempt met, as absurd.spawn_tasks takes it.
create or replace function absurd.repair_request(p_judged absurd.judged_attempt)
  returns jsonb
  language sql stable
as $$
  select jsonb_strip_nulls(jsonb_build_object(
           'task_name', p_judged.repair ->> 'task', 'priority', l.priority,
           'correlation_id', t.correlation_id, 'workflow_id', t.workflow_id,
           'trace_context', t.trace_context
         )) || jsonb_build_object('params',
           coalesce(p_judged.repair -> 'params', '{}') || jsonb_build_object(
             'failedTaskId', absurd.task_uuid(t.id), 'failedTaskName', k.name,
             'attempt', p_judged.claim_no,
             'error', jsonb_build_object(
               'tag', p_judged.error ->> 'tag', 'class', p_judged.class,
               'message', left(p_judged.error ->> 'message', 10000),
               'fields', case when pg_column_size(p_judged.error -> 'fields') < 100000
                              then p_judged.error -> 'fields' else '{}' end
             )))
    from absurd.task t
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = l.kind_id
   where t.id = p_judged.task_id;
$$;

-- Of tasks that ended without completing: ends those that waited for one of them as for a repair,
-- with the error that was to be repaired. Returns them. Locks waiting rows in the order of child.
create or replace function absurd.end_unrepaired(p_over bigint[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_repairs bigint[] := array(
    select r.repair_id from absurd.repair r where r.repair_id = any(p_over)
  );
  v_dead bigint[];
begin
  if cardinality(v_repairs) = 0 then
    return '{}';
  end if;
  with failed as materialized (
    delete from absurd.repair r where r.repair_id = any(v_repairs)
    returning r.repair_id, r.task_id
  ),
  unlinked as (
    delete from absurd.dep d using failed f where d.parent = f.repair_id and d.child = f.task_id
  ),
  held as materialized (
    select w.child, f.repair_id
      from failed f join absurd.waiting w on w.child = f.task_id
     order by w.child
       for update of w
  ),
  removed as (
    delete from absurd.waiting w using held h where w.child = h.child
    returning w.child, w.claim_no, h.repair_id
  ),
  ended as (
    insert into absurd.outcome (
      task_id, claim_no, kind, worker_id, claimed_at, finished_at, error, fingerprint
    )
    select x.child, x.claim_no, 'd', a.worker_id, a.claimed_at, absurd.clock(),
           jsonb_set(a.error, '{fields}', coalesce(a.error -> 'fields', '{}') || jsonb_build_object(
             'repair_task_id', absurd.task_uuid(x.repair_id))),
           a.fingerprint
      from removed x
      join absurd.attempt a on a.task_id = x.child and a.repair_id = x.repair_id
    returning task_id
  )
  select coalesce(array_agg(e.task_id), '{}') into v_dead from ended e;
  return v_dead || absurd.end_unrepaired(v_dead);
end;
$$;

-- What follows when tasks ended without completing: those that waited for one as for a repair die
-- with it, their gates are free, what depended on any of them is resolved, the dead are announced.
create or replace function absurd.after_end(p_over bigint[])
  returns void
  language plpgsql
as $$
declare
  v_over bigint[] := p_over || absurd.end_unrepaired(p_over);
begin
  if cardinality(v_over) > 0 and absurd.has_gates() then
    perform absurd.free_gates(v_over);
  end if;
  perform absurd.resolve_dependents(v_over);
  perform absurd.announce_dead(v_over);
end;
$$;

-- Forgets repairs that completed. Nothing asks for them any more.
create or replace function absurd.forget_repairs(p_limit integer)
  returns void
  language sql
as $$
  delete from absurd.repair r
   where r.repair_id in (
           select q.repair_id
             from absurd.repair q
             join absurd.outcome o on o.task_id = q.repair_id and o.kind = 'c'
            order by q.repair_id limit p_limit
         );
$$;
