-- Deadlines and expiry. Only tasks that have one are looked at, once their time has come.

-- Ends tasks whose deadline passed: those that no worker holds are dead, the workers of the others
-- are told (and absurd.settle does not try them again). Ends tasks that nobody ever claimed and
-- that expired: cancelled. Returns how many ended.
--
-- Removing the row from its plane is the guard: a task that is being claimed at that moment is
-- either gone from ready, and its worker is told in the next round, or was never seen by the
-- claimer. One that moves between planes is found in a later round.
-- Locks lease, waiting, deferred, ready rows, in this order.
create or replace function absurd.end_expired(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_late bigint[] := array(
    select x.task_id from absurd.expiry x
     where x.at <= absurd.clock() and x.kind = 'd' order by x.at, x.task_id limit p_limit
  );
  v_expired bigint[] := array(
    select x.task_id from absurd.expiry x
     where x.at <= absurd.clock() and x.kind = 'e' order by x.at, x.task_id limit p_limit
  );
  v_ended bigint[] := '{}';
begin
  if cardinality(v_late) > 0 then
    v_ended := absurd.end_late(v_late);
  end if;
  if cardinality(v_expired) > 0 then
    v_ended := v_ended || absurd.end_unclaimed(v_expired);
  end if;
  if cardinality(v_ended) > 0 then
    perform absurd.after_end(v_ended);
  end if;
  return cardinality(v_ended);
end;
$$;

-- Ends the tasks as dead, or tells their workers. Returns those that ended.
create or replace function absurd.end_late(p_ids bigint[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_told bigint[];
  v_ended bigint[];
begin
  with held as materialized (
    select l.task_id, l.claim_no, l.worker_id
      from absurd.lease l where l.task_id = any(p_ids) order by l.task_id
       for update
  ),
  told as (
    insert into absurd.signal (task_id, claim_no, kind, worker_id, reason, at)
    select h.task_id, h.claim_no, 'deadline', h.worker_id,
           'its deadline passed while it ran', absurd.clock()
      from held h
    on conflict do nothing
  )
  select coalesce(array_agg(h.task_id), '{}') into v_told from held h;
  v_ended := absurd.cancel_unclaimed(p_ids, '');
  update absurd.outcome o
     set kind = 'd', error = d.error, fingerprint = absurd.fingerprint(k.name, d.error)
    from absurd.task t
    join absurd.lane l on l.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = l.kind_id
    cross join lateral absurd.error_json(
      'DeadlineExceeded', 'timeout', 'its deadline passed before it could run') as d(error)
   where t.id = any(v_ended) and o.task_id = t.id;
  delete from absurd.expiry x
   where x.task_id = any(p_ids) and x.kind = 'd' and x.at <= absurd.clock()
     and (x.task_id = any(v_told || v_ended)
          or exists (select from absurd.outcome o where o.task_id = x.task_id));
  return v_ended;
end;
$$;

-- Ends those of the tasks that nobody ever claimed. Returns them.
create or replace function absurd.end_unclaimed(p_ids bigint[])
  returns bigint[]
  language plpgsql
as $$
declare
  v_ended bigint[] := absurd.cancel_unclaimed(p_ids, 'nobody claimed it before it expired', 0);
begin
  update absurd.outcome o set error = jsonb_set(o.error, '{tag}', '"Expired"')
   where o.task_id = any(v_ended);
  delete from absurd.expiry x
   where x.task_id = any(p_ids) and x.kind = 'e' and x.at <= absurd.clock()
     and (x.task_id = any(v_ended)
          or exists (select from absurd.outcome o where o.task_id = x.task_id)
          or exists (select from absurd.lease l where l.task_id = x.task_id)
          or exists (select from absurd.attempt a where a.task_id = x.task_id)
          or exists (select from absurd.credit c where c.task_id = x.task_id)
          or exists (select from absurd.deferred d where d.task_id = x.task_id and d.claim_no > 0)
          or exists (select from absurd.waiting w where w.child = x.task_id and w.claim_no > 0));
  return v_ended;
end;
$$;

-- What failure leaves behind and nobody needs any more: keys that expired, repairs that completed,
-- groups of errors without a task that still has the error.
create or replace function absurd.tidy_failures(p_limit integer)
  returns void
  language plpgsql
as $$
begin
  delete from absurd.dedup d
   where d.ctid = any(array(
           select e.ctid from absurd.dedup e
            where e.expires_at <= absurd.clock() order by e.expires_at limit p_limit
         ));
  perform absurd.forget_repairs(p_limit);
  perform absurd.resolve_error_groups();
end;
$$;
