-- Taking a change of many tasks back: what of it still can be, and doing it.

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
