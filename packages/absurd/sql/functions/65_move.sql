-- Moving a task to another lane: what people call giving it another priority or queue.

-- Gives a task that does not run another priority, another queue, or both (null: as it is). It keeps
-- its age, so it ranks as if it had been spawned there.
--
-- The one place that changes a body: the lane it names is where cancel and retry look. A task may
-- move between planes meanwhile, so this looks again, with a new snapshot, until it is found.
-- Locks waiting, deferred, parked, ready rows, in this order; removing a ready row reads its lane.
-- Raises WF006 when there is no such task, WF003 when it runs or has ended, WF021 when the other
-- queue is draining.
create or replace function absurd.move_task(
  p_task_id uuid, p_priority integer default null, p_queue text default null
)
  returns void
  language plpgsql
as $$
declare
  v_id bigint := absurd.task_number(p_task_id);
  v_from absurd.lane;
  v_to absurd.lane;
begin
  for v_try in 1..5 loop
    select l.* into v_from
      from absurd.task t join absurd.lane l on l.lane_id = t.lane_id where t.id = v_id;
    if not found then
      raise exception using errcode = 'WF006', message = format('no task %s', p_task_id);
    end if;
    v_to := absurd.other_lane(v_from, p_priority::smallint, p_queue);
    if v_to.lane_id = v_from.lane_id or absurd.change_lane(v_id, v_from.lane_id, v_to.lane_id) then
      return;
    end if;
    if exists (select from absurd.outcome o where o.task_id = v_id) then
      raise exception using
        errcode = 'WF003', message = format('task %s has ended and cannot be moved', p_task_id);
    end if;
    if exists (select from absurd.lease s where s.task_id = v_id) then
      raise exception using
        errcode = 'WF003', message = format('task %s is running and cannot be moved', p_task_id);
    end if;
  end loop;
  raise exception using
    errcode = '40001', message = format('task %s moves too often; try again', p_task_id);
end;
$$;

-- The lane like p_lane but for its priority and queue; made if need be.
create or replace function absurd.other_lane(p_lane absurd.lane, p_priority smallint, p_queue text)
  returns absurd.lane
  language plpgsql
as $$
declare
  v_lane absurd.lane;
  v_queue text := coalesce(p_queue, p_lane.queue);
  v_priority smallint := coalesce(p_priority, p_lane.priority);
begin
  if v_queue <> p_lane.queue
     and exists (select from absurd.queue q where q.name = v_queue and q.draining) then
    raise exception using
      errcode = 'WF021',
      message = format('queue %s is draining and takes no new tasks', v_queue);
  end if;
  for v_round in 1..2 loop
    select l.* into v_lane from absurd.lane l
     where l.queue = v_queue and l.kind_id = p_lane.kind_id and l.class_id = p_lane.class_id
       and l.priority = v_priority and l.fair_key = p_lane.fair_key;
    exit when found;
    perform absurd.make_lanes(array[v_queue], array[p_lane.kind_id], array[p_lane.class_id],
                              array[v_priority], array[p_lane.fair_key]);
  end loop;
  return v_lane;
end;
$$;

-- Moves one task between lanes wherever it stands unclaimed; false when it does not.
create or replace function absurd.change_lane(p_id bigint, p_from integer, p_to integer)
  returns boolean
  language plpgsql
as $$
declare
  v_count integer;
begin
  with in_waiting as (
    update absurd.waiting w set lane_id = p_to where w.child = p_id returning 1
  ),
  in_deferred as (
    update absurd.deferred d set lane_id = p_to where d.task_id = p_id returning 1
  ),
  in_parked as (
    update absurd.parked p set lane_id = p_to where p.task_id = p_id returning 1
  ),
  from_ready as (
    delete from absurd.ready r where r.lane_id = p_from and r.task_id = p_id
    returning r.task_id, r.claim_no, r.at
  ),
  in_ready as (
    insert into absurd.ready (lane_id, task_id, claim_no, at)
    select p_to, f.task_id, f.claim_no, f.at from from_ready f returning 1
  )
  select count(*) into v_count
    from (
      select from in_waiting union all select from in_deferred union all select from in_parked
      union all select from in_ready
    ) moved;
  if v_count = 0 then
    return false;
  end if;
  update absurd.task t set lane_id = p_to where t.id = p_id;
  return true;
end;
$$;
