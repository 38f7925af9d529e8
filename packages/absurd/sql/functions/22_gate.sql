-- Gates. A task of a gated lane that falls due is parked and becomes ready when all its gates let it
-- in at once. A grant row for each gate is the right to be in; it goes when the attempt ends.
--
-- Within a gate, first come, first served, without exception: a task that waits for two gates keeps
-- its place in both, so the oldest waiter waits for running tasks only and nobody starves.
--
-- A task that asks for it (hold) keeps its keys and locks while it is suspended, and comes back to
-- its lane past its gates: all of them or none, for one that held a gate while it stood in line at
-- another could wait in a circle. A rate counts starts and is never kept; coming back is none.
--
-- Locks. Who lets tasks in holds the advisory lock of each gate's bucket: first, in order, those of
-- the gates it touched; then it only tries those of a head's other gates. What it does not get it
-- notes in gate_touch. So lockers never wait in a circle and no wake-up is lost. Transactions that
-- may stay open for long (a spawn, a completion in the caller's own) take no such lock: they note,
-- and the next cycle with room, or the leader, looks.

-- True when some lane is gated: the others pay this look and no more.
create or replace function absurd.has_gates()
  returns boolean
  language sql stable
as $$
  select exists (select from absurd.lane l where l.gated);
$$;

-- Remembers, until this transaction settles or notes them, gates at which something changed.
create or replace function absurd.touch_gates(p_gates integer[])
  returns void
  language plpgsql
as $$
begin
  if cardinality(p_gates) > 0 then
    perform set_config(
      'absurd.touched_gates',
      (
        coalesce(nullif(current_setting('absurd.touched_gates', true), ''), '{}')::integer[]
        || p_gates
      )::text,
      true
    );
  end if;
end;
$$;

-- The gates touched so far, which are forgotten with this; null when there are none.
create or replace function absurd.forget_touched()
  returns integer[]
  language plpgsql
as $$
declare
  v_gates integer[] := nullif(current_setting('absurd.touched_gates', true), '')::integer[];
begin
  if v_gates is not null then
    perform set_config('absurd.touched_gates', '', true);
    v_gates := array(select distinct g from unnest(v_gates) g order by 1);
  end if;
  return v_gates;
end;
$$;

-- The last step of what runs in a caller's transaction: leaves touched gates to others.
create or replace function absurd.note_gates()
  returns void
  language plpgsql
as $$
declare
  v_gates integer[] := absurd.forget_touched();
begin
  if v_gates is not null then
    insert into absurd.gate_touch (gate_id) select g from unnest(v_gates) g;
  end if;
end;
$$;

-- Takes over what others noted, up to p_limit gates. Skips notes that somebody is taking.
create or replace function absurd.take_notes(p_limit integer)
  returns void
  language plpgsql
as $$
declare
  v_gates integer[];
begin
  with noted as materialized (
    select t.touch_id from absurd.gate_touch t order by t.touch_id limit p_limit
       for update skip locked
  ),
  taken as (
    delete from absurd.gate_touch t using noted n where t.touch_id = n.touch_id returning t.gate_id
  )
  select array_agg(distinct t.gate_id) into v_gates from taken t;
  perform absurd.touch_gates(v_gates);
end;
$$;

-- The last step of a worker's and the leader's transactions: lets in who may go in at the touched
-- gates. Returns how many tasks became ready. Under a snapshot that stands still it could not see
-- what the last holder of a lock did, so there it notes only.
create or replace function absurd.settle_gates()
  returns integer
  language plpgsql
as $$
declare
  v_gates integer[];
begin
  if current_setting('absurd.touched_gates', true) is null
     or current_setting('absurd.touched_gates', true) = '' then
    return 0;
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform absurd.note_gates();
    return 0;
  end if;
  v_gates := absurd.forget_touched();
  perform absurd.lock_gates(v_gates);
  return absurd.admit(v_gates);
end;
$$;

-- Gates share 64 locks, which bounds what one transaction holds.
create or replace function absurd.lock_gates(p_gates integer[])
  returns void
  language plpgsql
as $$
declare
  v_bucket integer;
begin
  for v_bucket in select distinct g % 64 from unnest(p_gates) g order by 1 loop
    perform pg_advisory_xact_lock(hashtext('absurd.gate'), v_bucket);
  end loop;
end;
$$;

-- True when the gate lets one more in. Exact under the gate's lock only.
create or replace function absurd.is_open(p_gate absurd.gate, p_mode "char")
  returns boolean
  language sql stable
as $$
  select case
    when p_gate.kind = 'rate' then absurd.rate_used(p_gate) < p_gate.slots
    when p_mode = 'x' then
      not exists (select from absurd.gate_grant h where h.gate_id = p_gate.gate_id)
    when p_gate.kind = 'lock' then
      not exists (
        select from absurd.gate_grant h where h.gate_id = p_gate.gate_id and h.mode = 'x'
      )
    else
      (select count(*) from absurd.gate_grant h where h.gate_id = p_gate.gate_id) < p_gate.slots
  end;
$$;

-- Lets in the heads of these gates, and of the gates that this opens, while they may. The caller
-- holds the locks of p_gates. Returns how many tasks it made ready. Locks parked rows, skipping the
-- locked: those are being cancelled, by one who looks at the gate itself afterwards.
create or replace function absurd.admit(p_gates integer[])
  returns integer
  language plpgsql
as $$
declare
  v_todo integer[] := p_gates;
  v_place integer := 0;
  v_gate integer;
  v_head absurd.gate_wait;
  v_more integer[];
  v_count integer := 0;
begin
  while v_place < cardinality(v_todo) loop
    v_place := v_place + 1;
    v_gate := v_todo[v_place];
    select w.* into v_head
      from absurd.gate_wait w where w.gate_id = v_gate order by w.seq limit 1;
    continue when not found;
    if not absurd.try_gates(v_head.task_id) then
      insert into absurd.gate_touch (gate_id) values (v_gate);
      continue;
    end if;
    v_more := absurd.admit_one(v_head.task_id);
    continue when v_more is null;
    v_todo := v_todo || v_more;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- Takes the locks of a task's gates without waiting; those held already count as taken.
create or replace function absurd.try_gates(p_task bigint)
  returns boolean
  language sql
as $$
  select coalesce(bool_and(pg_try_advisory_xact_lock(hashtext('absurd.gate'), b.bucket)), true)
    from (
      select distinct w.gate_id % 64 as bucket
        from absurd.gate_wait w where w.task_id = p_task order by 1
    ) b;
$$;

-- Makes a parked task ready when it is the first at each of its gates and each is open. Returns its
-- gates, null when it has to wait. The caller holds their locks.
create or replace function absurd.admit_one(p_task bigint)
  returns integer[]
  language plpgsql
as $$
declare
  v_gates integer[];
begin
  if exists (
    select from absurd.gate_wait w
      join absurd.gate g on g.gate_id = w.gate_id
     where w.task_id = p_task
       and (
         exists (
           select from absurd.gate_wait e where e.gate_id = w.gate_id and e.seq < w.seq
         )
         or not absurd.is_open(g, w.mode)
       )
  ) then
    return null;
  end if;
  perform from absurd.parked p where p.task_id = p_task for update skip locked;
  if not found then
    return null;
  end if;
  with passed as (
    delete from absurd.gate_wait w where w.task_id = p_task returning w.*
  ),
  granted as (
    insert into absurd.gate_grant (gate_id, task_id, seq, mode)
    select p.gate_id, p.task_id, p.seq, p.mode from passed p
    returning gate_id
  )
  select array_agg(g.gate_id) into v_gates from granted g;
  perform absurd.unpark(array[p_task]);
  return coalesce(v_gates, '{}');
end;
$$;
