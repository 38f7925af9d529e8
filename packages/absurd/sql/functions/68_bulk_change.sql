-- One change of many tasks, and taking it back. Before each change a row of absurd.kept_change says
-- what the task was, in the change's own transaction; that it has the same claim number still proves
-- that it has not run since.

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

-- The tasks whose change can still be taken back: nothing has become of them since. What was retried
-- and is claimed now, or was, has a higher claim number, wherever it is.
create or replace function absurd.undoable(p_kept absurd.kept_change[])
  returns bigint[]
  language sql stable
as $$
  select coalesce(array_agg(k.task_id order by k.task_id), '{}')
    from unnest(p_kept) k
    left join absurd.unclaimed_places(array(
           select m.task_id from unnest(p_kept) m where m.action in ('retry', 'move')
         )) u on u.task_id = k.task_id
   where case
           when k.action = 'retry' then u.claim_no <= k.claim_no
           when k.action = 'move' then u.claim_no = k.claim_no
           else exists (
             select from absurd.outcome o
              where o.task_id = k.task_id and o.claim_no = k.claim_no and o.kind = 'x'
                and case k.action when 'cancel' then o.finished_at = k.finished_at
                                  else o.error ->> 'tag' = 'Discarded' end)
         end;
$$;

-- What absurd.undo_change would say now of up to p_limit tasks of a batch, those after p_after, in
-- order. Changes and locks nothing.
create or replace function absurd.undo_outlook(p_batch uuid, p_after bigint, p_limit integer)
  returns table (task_id bigint, what text)
  language plpgsql stable
as $$
declare
  v_kept absurd.kept_change[] := array(
    select k from absurd.kept_change k
     where k.batch = p_batch and k.task_id > p_after order by k.task_id limit p_limit
  );
  v_undoable bigint[] := absurd.undoable(v_kept);
begin
  return query
    select k.task_id, case when k.task_id = any(v_undoable) then 'undone' else 'kept' end
      from unnest(v_kept) k order by k.task_id;
end;
$$;

-- Takes back up to p_limit changes of a batch, and says of each task whether it was 'undone' or is
-- 'kept' as it is because it has run since or somebody changed it otherwise. No row: nothing is left.
-- Locks kept_change rows in order, so that of two calls each takes a change back once; then as the
-- changes themselves. Raises WF034 when the history of a day is being removed.
create or replace function absurd.undo_change(p_batch uuid, p_limit integer default 500)
  returns table (task_id bigint, what text)
  language plpgsql
as $$
declare
  v_kept absurd.kept_change[];
  v_undoable bigint[];
  v_can absurd.kept_change[];
  v_undone bigint[];
begin
  with taken as (
    delete from absurd.kept_change k
     where k.batch = p_batch and k.task_id = any(array(
             select o.task_id from absurd.kept_change o where o.batch = p_batch
              order by o.task_id limit p_limit
                for update))
    returning k.*
  )
  select array_agg(t.*::absurd.kept_change order by t.task_id) into v_kept from taken t;
  v_undoable := absurd.undoable(v_kept);
  v_can := array(select k from unnest(v_kept) k where k.task_id = any(v_undoable));
  v_undone := absurd.undo_cancels(v_can) || absurd.undo_retries(v_can)
    || absurd.undo_moves(v_can) || absurd.undo_discards(v_can);
  return query
    select k.task_id, case when k.task_id = any(v_undone) then 'undone' else 'kept' end
      from unnest(v_kept) k;
end;
$$;

-- Each of these takes what can be taken back. Back to where they waited, with their attempts.
create or replace function absurd.undo_cancels(p_kept absurd.kept_change[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_ids bigint[];
  v_run_ats timestamptz[];
begin
  select array_agg(k.task_id order by k.task_id), array_agg(k.run_at order by k.task_id)
    into v_ids, v_run_ats
    from unnest(p_kept) k where k.action = 'cancel';
  if v_ids is null then
    return '{}';
  end if;
  perform absurd.revive(v_ids, false, v_run_ats);
  return v_ids;
end;
$$;

-- Back to the end that they had; what was revived with them ends with them again.
create or replace function absurd.undo_retries(p_kept absurd.kept_change[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_claim_no integer;
  v_ended bigint[] := '{}';
begin
  for v_claim_no in select distinct k.claim_no from unnest(p_kept) k where k.action = 'retry' loop
    -- What has been claimed since has a higher number, wherever it is.
    v_ended := v_ended || absurd.cancel_unclaimed(array(
      select k.task_id from unnest(p_kept) k
       where k.action = 'retry' and k.claim_no = v_claim_no
         and not exists (select from absurd.lease l where l.task_id = k.task_id)
    ), 'its retry was taken back', v_claim_no);
  end loop;
  update absurd.outcome o
     set kind = k.kind, worker_id = k.worker_id, claimed_at = k.claimed_at,
         finished_at = k.finished_at, result = k.result, error = k.error,
         fingerprint = k.fingerprint
    from unnest(p_kept) k
   where o.task_id = k.task_id and k.action = 'retry' and k.task_id = any(v_ended);
  if cardinality(v_ended) > 0 then
    if absurd.has_gates() then
      perform absurd.free_gates(v_ended);
    end if;
    perform absurd.resolve_dependents(v_ended);
    perform absurd.note_gates();
  end if;
  return v_ended;
end;
$$;

create or replace function absurd.undo_moves(p_kept absurd.kept_change[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_kept record;
  v_done bigint[] := '{}';
begin
  for v_kept in
    select k.task_id, k.lane_id as old_lane, t.lane_id
      from unnest(p_kept) k join absurd.task t on t.id = k.task_id
     where k.action = 'move' order by k.task_id
  loop
    if absurd.change_lane(v_kept.task_id, v_kept.lane_id, v_kept.old_lane) then
      v_done := v_done || v_kept.task_id;
    end if;
  end loop;
  return v_done;
end;
$$;

create or replace function absurd.undo_discards(p_kept absurd.kept_change[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_ids bigint[] := array(
    select o.task_id
      from unnest(p_kept) k
      join absurd.outcome o on o.task_id = k.task_id and o.claim_no = k.claim_no
     where k.action = 'discard' and o.kind = 'x' and o.error ->> 'tag' = 'Discarded'
     order by o.task_id
       for update of o
  );
begin
  perform absurd.uncount_outcomes(v_ids);
  update absurd.outcome o
     set kind = 'd', error = k.error, fingerprint = k.fingerprint, xid = txid_current()
    from unnest(p_kept) k where o.task_id = any(v_ids) and k.task_id = o.task_id;
  return v_ids;
end;
$$;
