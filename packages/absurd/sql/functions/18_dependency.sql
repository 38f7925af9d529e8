-- Dependencies. An edge parent -> child keeps the child in waiting until the parent completed.

-- How many parents of a task have not completed.
create or replace function absurd.unmet_count(p_child bigint)
  returns integer
  language sql stable
as $$
  select count(*)::integer
    from absurd.dep d
   where d.child = p_child
     and not exists (
           select from absurd.outcome o where o.task_id = d.parent and o.kind = 'c'
         );
$$;

-- Writes the edges of a batch that is being spawned and notes the late ones.
-- An index must be of an earlier task, which is why a batch cannot hold a cycle.
create or replace function absurd.record_edges(p_rows absurd.spawn_row[])
  returns void
  language plpgsql
as $$
begin
  perform absurd.check_edges(p_rows);

  insert into absurd.dep (parent, child)
  select e.parent, e.child from absurd.edges_of(p_rows) e
   order by e.parent, e.child
  on conflict do nothing;

  insert into absurd.late_edge (child)
  select distinct e.child
    from absurd.edges_of(p_rows) e
   where e.parent_index is null
     and not exists (select from absurd.outcome o where o.task_id = e.parent and o.kind = 'c');
end;
$$;

-- The edges that the new tasks of a batch ask for. parent is null for an index out of range and for
-- a UUID that is no task's.
create or replace function absurd.edges_of(p_rows absurd.spawn_row[])
  returns table (child bigint, child_index integer, parent bigint, parent_index integer, asked text)
  language sql stable
as $$
  with asked as materialized (
    select r.number, r.ordinal - 1 as child_index, e.value as asked,
           case jsonb_typeof(e.value)
             when 'number' then (e.value #>> '{}')::integer
           end as parent_index
      from unnest(p_rows) r
      cross join lateral jsonb_array_elements(r.depends_on) e
     where r.depends_on is not null and r.number = r.final
  )
  select a.number, a.child_index,
         case when a.parent_index is null then absurd.task_number((a.asked #>> '{}')::uuid)
              else p.final end,
         a.parent_index, a.asked #>> '{}'
    from asked a
    left join unnest(p_rows) p on p.ordinal = a.parent_index + 1;
$$;

create or replace function absurd.check_edges(p_rows absurd.spawn_row[])
  returns void
  language plpgsql
as $$
declare
  v_edge record;
begin
  select * into v_edge from absurd.edges_of(p_rows) e
   where e.parent_index is not null and (e.parent is null or e.parent_index >= e.child_index)
   limit 1;
  if found then
    raise exception using
      errcode = 'WF005',
      message = format('task %s of the batch depends on index %s, which is not of an earlier task',
                       v_edge.child_index, v_edge.parent_index);
  end if;
  select * into v_edge from absurd.edges_of(p_rows) e
   where e.parent_index is null
     and not exists (select from absurd.task t where t.id = e.parent)
   limit 1;
  if found then
    raise exception using
      errcode = 'WF006',
      message = format('task %s of the batch depends on %s, which does not exist',
                       v_edge.child_index, v_edge.asked);
  end if;
  select e.child_index, absurd.task_uuid(e.parent) as parent,
         case o.kind when 'd' then 'failed' else 'was cancelled' end as ending
    into v_edge
    from absurd.edges_of(p_rows) e
    join absurd.outcome o on o.task_id = e.parent and o.kind <> 'c'
   limit 1;
  if found then
    raise exception using
      errcode = 'WF007',
      message = format('task %s of the batch depends on %s, which %s',
                       v_edge.child_index, v_edge.parent, v_edge.ending);
  end if;
end;
$$;

-- Counts down the children of completed parents and moves those with nothing left to wait for.
-- Returns how many became ready. Locks waiting rows in the order of child.
create or replace function absurd.release_dependents(p_parents bigint[])
  returns integer
  language plpgsql
as $$
declare
  v_met bigint[];
begin
  with hit as materialized (
    select d.child, count(*)::integer as met
      from absurd.dep d where d.parent = any(p_parents) group by d.child
  ),
  held as materialized (
    select w.child, h.met
      from absurd.waiting w join hit h on h.child = w.child
     order by w.child
       for update of w
  ),
  counted as (
    update absurd.waiting w set need = w.need - h.met
      from held h where w.child = h.child
    returning w.child, w.need
  )
  select array_agg(c.child) into v_met from counted c where c.need = 0;
  if v_met is null then
    return 0;
  end if;
  return absurd.leave_waiting(v_met);
end;
$$;

-- Moves tasks whose parents all completed on to deferred, parked or ready. Returns how many became
-- ready; those of gated lanes become so when the caller settles the gates.
create or replace function absurd.leave_waiting(p_children bigint[])
  returns integer
  language plpgsql
as $$
declare
  v_ready integer;
  v_gated absurd.ready[];
begin
  with left_waiting as (
    delete from absurd.waiting w where w.child = any(p_children) and w.need = 0
    returning w.child, w.claim_no, w.lane_id, w.run_at
  ),
  due as materialized (
    select l.*, n.gated
      from left_waiting l join absurd.lane n on n.lane_id = l.lane_id
     where l.run_at <= absurd.clock()
  ),
  later as (
    insert into absurd.deferred (run_at, task_id, claim_no, lane_id)
    select l.run_at, l.child, l.claim_no, l.lane_id
      from left_waiting l where l.run_at > absurd.clock()
  ),
  now_ready as (
    insert into absurd.ready (lane_id, task_id, claim_no, at)
    select d.lane_id, d.child, d.claim_no, absurd.clock()
      from due d where not d.gated order by d.child
    returning 1
  )
  select (select count(*)::integer from now_ready),
         (
           select array_agg(row(d.lane_id, d.claim_no, null, d.child, absurd.clock())::absurd.ready
                            order by d.child)
             from due d where d.gated
         )
    into v_ready, v_gated;
  perform absurd.park(v_gated);
  return v_ready;
end;
$$;

-- Cancels every task that waits, directly or not, for one that failed or was cancelled. The reason
-- of each names the parent through which it was reached. Returns how many it cancelled.
create or replace function absurd.cancel_dependents(p_parents bigint[])
  returns integer
  language sql
as $$
  with recursive reached(parent, child) as (
    select d.parent, d.child from absurd.dep d where d.parent = any(p_parents)
    union
    select d.parent, d.child
      from reached r
      join absurd.waiting w on w.child = r.child
      join absurd.dep d on d.parent = r.child
  ),
  held as materialized (
    select w.child from absurd.waiting w
     where w.child in (select r.child from reached r)
     order by w.child
       for update of w
  ),
  removed as (
    delete from absurd.waiting w using held h where w.child = h.child
    returning w.child, w.claim_no
  ),
  ended as (
    insert into absurd.outcome (task_id, claim_no, kind, finished_at, error)
    select x.child, x.claim_no, 'x', absurd.clock(),
           jsonb_build_object(
             'tag', 'DependencyFailed', 'class', 'cancelled', 'message',
             format('task %s, which it depends on, did not complete', p.parent),
             'fields', jsonb_build_object('parent_task_id', p.parent)
           )
      from removed x
      cross join lateral (
        select absurd.task_uuid(min(r.parent)) as parent from reached r where r.child = x.child
      ) p
    returning 1
  )
  select count(*)::integer from ended;
$$;
