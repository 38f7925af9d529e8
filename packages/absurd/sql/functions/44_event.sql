-- Events: named, they happen once, and tasks may wait for them.
--
-- Who emits a name and who begins to wait for it hold the same advisory lock until they commit, so
-- one of the two sees the other. The lock comes after the lease and before the waiting row.

-- Serializes the emit of a name with the waits for it, until the transaction ends.
create or replace function absurd.lock_event(p_name text)
  returns void
  language sql
as $$
  select pg_advisory_xact_lock(hashtext('absurd.event'), hashtext(p_name));
$$;

-- Emits an event. True when it is the first of its name; a later one changes nothing. Each task
-- that waits for it gets the payload as a checkpoint and goes on.
--
-- p_fence: the emitting attempt; its lease is locked, so a stale one emits nothing.
-- p_keep_seconds: how long the event is remembered for those who ask later; default 30 days.
-- Locks lease, the event's name, waiting (in the order of child), deferred, ready rows.
-- Raises WF001 stale fence, WF012 for an empty name or one over 1000 bytes.
create or replace function absurd.emit_event(
  p_name text, p_payload jsonb default null, p_fence text default null,
  p_keep_seconds double precision default 2592000
)
  returns boolean
  language plpgsql
as $$
declare
  v_lease absurd.lease;
  v_woken bigint[];
begin
  if p_fence is not null then
    v_lease := absurd.hold_fence(p_fence);
  end if;
  perform absurd.assert_event_name(p_name);
  perform absurd.lock_event(p_name);
  insert into absurd.event (name, payload, emitted_at, task_id, keep_until)
  values (p_name, p_payload, absurd.clock(), v_lease.task_id,
          absurd.clock() + make_interval(secs => p_keep_seconds))
  on conflict do nothing;
  if not found then
    return false;
  end if;
  with held as materialized (
    select w.task_id, w.ordinal, w.claim_no
      from absurd.wait_event w
      join absurd.waiting g on g.child = w.task_id and g.claim_no = w.claim_no
     where w.name = p_name
     order by g.child
       for update of g
  ),
  noted as (
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    select h.task_id, '$event:' || p_name, h.ordinal, h.claim_no,
           jsonb_build_object('payload', p_payload), absurd.clock()
      from held h
    on conflict do nothing
  )
  select array_agg(h.task_id) into v_woken from held h;
  delete from absurd.wait_event w where w.name = p_name;
  perform absurd.wake_waiting(v_woken);
  perform absurd.note_gates();
  return true;
end;
$$;

create or replace function absurd.assert_event_name(p_name text)
  returns void
  language plpgsql
as $$
begin
  if coalesce(octet_length(p_name), 0) not between 1 and 1000 then
    raise exception using
      errcode = 'WF012',
      message = format('event name takes %s bytes, expected 1 to 1000',
                       coalesce(octet_length(p_name), 0));
  end if;
end;
$$;

-- What an attempt gets for an event: 'event' with the payload when it happened, 'timeout' when it
-- does not want to wait, else 'suspended': the attempt gave up its lease and its task waits.
--
-- payload: JSON as text. The answer is a checkpoint in any case, now or at the end of the wait.
-- A wait that was disturbed and is taken up again keeps its first timeout.
-- Locks lease, the event's name, waiting rows. Raises WF001, WF010, WF012.
create or replace function absurd.await_event(
  p_fence text, p_name text, p_ordinal integer default 1,
  p_timeout_seconds double precision default null
)
  returns table (what text, payload text)
  language plpgsql
as $$
declare
  v_lease absurd.lease := absurd.hold_fence(p_fence);
  v_event absurd.event;
  v_answer jsonb;
  v_wake_at timestamptz;
begin
  perform absurd.assert_event_name(p_name);
  perform absurd.lock_event(p_name);
  select * into v_event from absurd.event e where e.name = p_name;
  if found then
    v_answer := jsonb_build_object('payload', v_event.payload);
  elsif p_timeout_seconds <= 0 then
    v_answer := jsonb_build_object('timedOut', true);
  end if;
  if v_answer is not null then
    insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
    values (v_lease.task_id, '$event:' || p_name, p_ordinal, v_lease.claim_no, v_answer,
            absurd.clock())
    on conflict do nothing;
    return query
      select case when v_answer ? 'payload' then 'event' else 'timeout' end,
             (v_answer -> 'payload')::text;
    return;
  end if;
  insert into absurd.wait_event as w (name, task_id, ordinal, claim_no, wake_at)
  values (p_name, v_lease.task_id, p_ordinal, v_lease.claim_no,
          absurd.clock() + make_interval(secs => p_timeout_seconds))
  on conflict on constraint wait_event_pkey do update
     set claim_no = excluded.claim_no, ordinal = excluded.ordinal,
         wake_at = case when w.ordinal = excluded.ordinal then w.wake_at else excluded.wake_at end
  returning w.wake_at into v_wake_at;
  perform absurd.suspend_waiting(v_lease, 1, v_wake_at);
  return query select 'suspended', null::text;
end;
$$;

-- Ends the waits whose time is over; their tasks go on. Returns how many became ready.
-- Locks waiting rows, skipping locked ones: those are being woken or cancelled.
create or replace function absurd.time_out_waits(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_late bigint[];
begin
  v_late := array(
    select w.child from absurd.waiting w
     where w.wake_at <= absurd.clock() order by w.wake_at limit p_limit
       for update skip locked
  );
  if cardinality(v_late) = 0 then
    return 0;
  end if;
  with over as (
    delete from absurd.wait_event w using absurd.waiting g
     where w.task_id = any(v_late) and g.child = w.task_id and g.claim_no = w.claim_no
    returning w.task_id, w.name, w.ordinal, w.claim_no
  )
  insert into absurd.checkpoint (task_id, name, ordinal, claim_no, value, at)
  select o.task_id, '$event:' || o.name, o.ordinal, o.claim_no,
         jsonb_build_object('timedOut', true), absurd.clock()
    from over o
  on conflict do nothing;
  return absurd.wake_waiting(v_late);
end;
$$;

-- Forgets events that were kept long enough, and what is left of the waits of tasks that ended
-- otherwise. Of those it looks at p_limit a call, beginning anywhere, so that a million tasks that do
-- wait cost no more than a thousand.
create or replace function absurd.forget_events(p_limit integer)
  returns void
  language plpgsql
as $$
declare
  v_from bigint;
begin
  delete from absurd.event e
   where e.name = any(array(
           select o.name from absurd.event o
            where o.keep_until <= absurd.clock() order by o.keep_until limit p_limit
         ));
  select min(w.task_id) + floor(random() * (max(w.task_id) - min(w.task_id) + 1))::bigint
    into v_from from absurd.wait_event w;
  if v_from is not null then
    delete from absurd.wait_event w
     where w.task_id = any(array(
             select o.task_id
               from (
                 select v.task_id from absurd.wait_event v
                  where v.task_id >= v_from order by v.task_id limit p_limit
               ) o
              where exists (select from absurd.outcome c where c.task_id = o.task_id)
                 or not exists (select from absurd.task t where t.id = o.task_id)
           ));
  end if;
end;
$$;

-- The event that a waiting task waits for; null when it waits for none.
create or replace function absurd.awaited_event(p_task_number bigint)
  returns text
  language sql stable
as $$
  select v.name
    from absurd.waiting w
    join absurd.wait_event v on v.task_id = w.child and v.claim_no = w.claim_no
   where w.child = p_task_number;
$$;
