-- One change of many tasks (69_undo_change.sql takes it back). Before each change a row of
-- absurd.kept_change says what the task was, in the change's own transaction; that it has the same
-- claim number still proves that it has not run since.

-- Cancels, retries, moves or discards tasks, and says of each what became of it: 'done', 'requested'
-- (it runs; its worker was told to stop), 'refused' (its status does not allow it) or 'unknown'.
-- p_batch names the change for absurd.undo_change; a task that the batch has changed is refused, so
-- the same call again does nothing. p_priority, p_queue: of a move.
-- Locks as cancel_tasks, revive, move_task; for 'discard' outcome rows. Raises WF021 when the queue of
-- a move is draining, 22023 for another action, WF034 when the history of a day is being removed.
create or replace function absurd.change_tasks(
  p_action text, p_ids bigint[], p_batch uuid, p_reason text, p_priority integer default null,
  p_queue text default null
)
  returns table (task_id bigint, what text)
  language plpgsql
as $$
declare
  v_ids bigint[] := array(
    select t.id from absurd.task t
     where t.id = any(p_ids)
       and not exists (
             select from absurd.kept_change k where k.batch = p_batch and k.task_id = t.id
           )
     order by t.id
  );
  v_done bigint[];
  v_told bigint[] := '{}';
begin
  case p_action
    when 'cancel' then
      select array_agg(c.task_id) filter (where c.what = 'cancelled'),
             coalesce(array_agg(c.task_id) filter (where c.what = 'requested'), '{}')
        into v_done, v_told
        from absurd.cancel_kept(v_ids, p_batch, p_reason) c;
    when 'retry' then
      v_done := absurd.retry_kept(v_ids, p_batch);
    when 'move' then
      v_done := absurd.move_kept(v_ids, p_batch, p_priority, p_queue);
    when 'discard' then
      v_done := absurd.discard_kept(v_ids, p_batch, p_reason);
    else
      raise exception using
        errcode = '22023',
        message = format('action is "%s", expected cancel, retry, move or discard', p_action);
  end case;
  return query
    select i, case when i = any(v_done) then 'done' when i = any(v_told) then 'requested'
                   when exists (select from absurd.task t where t.id = i) then 'refused'
                   else 'unknown' end
      from unnest(p_ids) i;
end;
$$;

-- Where tasks stand that nobody holds and that have not ended.
create or replace function absurd.unclaimed_places(p_ids bigint[])
  returns table (task_id bigint, claim_no integer, run_at timestamptz)
  language sql stable
as $$
  select d.task_id, d.claim_no, d.run_at from absurd.deferred d where d.task_id = any(p_ids)
  union all
  select w.child, w.claim_no, w.run_at from absurd.waiting w where w.child = any(p_ids)
  union all
  select p.task_id, p.claim_no, p.at from absurd.parked p where p.task_id = any(p_ids)
  union all
  select r.task_id, r.claim_no, r.at from absurd.ready r
   where r.lane_id in (select t.lane_id from absurd.task t where t.id = any(p_ids))
     and r.task_id = any(p_ids);
$$;

create or replace function absurd.cancel_kept(p_ids bigint[], p_batch uuid, p_reason text)
  returns table (task_id bigint, what text)
  language plpgsql
as $$
declare
  v_ids bigint[];
  v_run_ats timestamptz[];
begin
  select array_agg(u.task_id), array_agg(u.run_at) into v_ids, v_run_ats
    from absurd.unclaimed_places(p_ids) u;
  return query
    with cancelled as materialized (
      select c.task_id, c.what from absurd.cancel_tasks(p_ids, p_reason) c
    )
    select * from cancelled;
  insert into absurd.kept_change (batch, task_id, action, claim_no, run_at, finished_at)
  select p_batch, o.task_id, 'cancel', o.claim_no,
         v_run_ats[array_position(v_ids, o.task_id)], o.finished_at
    from absurd.outcome o
   where o.task_id = any(v_ids) and o.kind = 'x' and o.xid = txid_current()
     and o.error ->> 'tag' = 'TaskCancelled';
end;
$$;

create or replace function absurd.retry_kept(p_ids bigint[], p_batch uuid)
  returns bigint[]
  language plpgsql
as $$
declare
  v_ids bigint[];
begin
  -- Who retries meanwhile has the task: what is kept is what this removes.
  perform absurd.uncount_outcomes('{}');
  v_ids := array(
    select o.task_id from absurd.outcome o
     where o.task_id = any(p_ids) and o.kind in ('d', 'x') order by o.task_id
       for update
  );
  insert into absurd.kept_change (
    batch, task_id, action, claim_no, kind, worker_id, claimed_at, finished_at, result, error,
    fingerprint
  )
  select p_batch, o.task_id, 'retry', o.claim_no, o.kind, o.worker_id, o.claimed_at, o.finished_at,
         o.result, o.error, o.fingerprint
    from absurd.outcome o where o.task_id = any(v_ids);
  perform absurd.revive(v_ids);
  return v_ids;
end;
$$;

create or replace function absurd.move_kept(
  p_ids bigint[], p_batch uuid, p_priority integer, p_queue text
)
  returns bigint[]
  language plpgsql
as $$
declare
  v_place record;
  v_from absurd.lane;
  v_to absurd.lane;
  v_done bigint[] := '{}';
begin
  for v_place in select u.* from absurd.unclaimed_places(p_ids) u order by u.task_id loop
    select l.* into v_from
      from absurd.task t join absurd.lane l on l.lane_id = t.lane_id where t.id = v_place.task_id;
    v_to := absurd.other_lane(v_from, p_priority::smallint, p_queue);
    continue when v_to.lane_id = v_from.lane_id;
    if absurd.change_lane(v_place.task_id, v_from.lane_id, v_to.lane_id) then
      insert into absurd.kept_change (batch, task_id, action, claim_no, lane_id)
      values (p_batch, v_place.task_id, 'move', v_place.claim_no, v_from.lane_id);
      v_done := v_done || v_place.task_id;
    end if;
  end loop;
  return v_done;
end;
$$;

create or replace function absurd.discard_kept(p_ids bigint[], p_batch uuid, p_reason text)
  returns bigint[]
  language plpgsql
as $$
declare
  v_ids bigint[] := array(
    select o.task_id from absurd.outcome o
     where o.task_id = any(p_ids) and o.kind = 'd' order by o.task_id
       for update
  );
begin
  if cardinality(v_ids) = 0 then
    return v_ids;
  end if;
  insert into absurd.kept_change (batch, task_id, action, claim_no, error, fingerprint)
  select p_batch, o.task_id, 'discard', o.claim_no, o.error, o.fingerprint
    from absurd.outcome o where o.task_id = any(v_ids);
  perform absurd.discard_ids(v_ids, p_reason);
  return v_ids;
end;
$$;
