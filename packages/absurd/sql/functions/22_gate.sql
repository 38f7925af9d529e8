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

-- Moves parked tasks to their lanes.
create or replace function absurd.unpark(p_ids bigint[])
  returns void
  language sql
as $$
  with moved as (
    delete from absurd.parked p where p.task_id = any(p_ids)
    returning p.lane_id, p.task_id, p.claim_no, p.at, p.seq
  )
  insert into absurd.ready (lane_id, task_id, claim_no, at)
  select m.lane_id, m.task_id, m.claim_no, m.at from moved m order by m.seq;
$$;

-- Puts tasks that are due in line at their gates. A row's seq is its old place, null for a new one.
-- A task that kept its gates, or whose gates were all removed, is ready at once.
create or replace function absurd.park(p_rows absurd.ready[])
  returns void
  language plpgsql
as $$
declare
  v_gates integer[];
begin
  if p_rows is null then
    return;
  end if;
  with given as materialized (
    select r.task_id, coalesce(r.seq, nextval('absurd.park_seq')) as seq, r.lane_id, r.claim_no,
           r.at
      from unnest(p_rows) r
  ),
  put as (
    insert into absurd.parked (task_id, seq, lane_id, claim_no, at) select * from given
  ),
  waits as (
    insert into absurd.gate_wait (gate_id, seq, task_id, mode)
    select g.gate_id, i.seq, i.task_id, (e.value ->> 'mode')::"char"
      from given i
      join absurd.task t on t.id = i.task_id
      cross join lateral jsonb_array_elements(t.policy -> 'gates') e
      join absurd.gate g on g.gate_id = (e.value ->> 'gate')::integer
     where not exists (select from absurd.gate_grant h where h.task_id = i.task_id)
    returning gate_id
  )
  select array_agg(distinct w.gate_id) into v_gates from waits w;
  perform absurd.touch_gates(v_gates);
  perform absurd.unpark(array(
    select r.task_id from unnest(p_rows) r
     where not exists (select from absurd.gate_wait w where w.task_id = r.task_id)
  ));
end;
$$;

-- Parks those of a batch that was just spawned that are due. They are in no plane yet.
create or replace function absurd.park_spawned(p_rows absurd.spawn_row[])
  returns void
  language plpgsql
as $$
begin
  perform absurd.park(array_agg(
    row(t.lane_id, 0, null, t.id, 
        coalesce(t.available_at, t.created_at, absurd.number_at(t.id)))::absurd.ready
    order by t.id
  ))
     from unnest(p_rows) r
     join absurd.task t on t.id = r.number
     join absurd.lane l on l.lane_id = t.lane_id and l.gated
    where r.number = r.final
      and not exists (select from absurd.waiting w where w.child = t.id)
      and not exists (select from absurd.deferred d where d.task_id = t.id);
  perform absurd.note_gates();
end;
$$;

-- Takes back the grants and the places in line of tasks that left ready, lease and parked. What
-- started and counts against a rate goes on counting: p_claimed_at says when, null for what never
-- started; without the array it is the outcome that says it. p_suspended: the tasks are suspended and
-- keep what they hold over waits.
create or replace function absurd.free_gates(
  p_ids bigint[], p_claimed_at timestamptz[] default null, p_suspended boolean default false
)
  returns void
  language plpgsql
as $$
declare
  v_gates integer[];
begin
  with freed as (
    delete from absurd.gate_grant h
     where h.task_id = any(p_ids)
       and case when p_suspended then not absurd.is_kept(h) else true end
    returning h.gate_id, h.task_id
  ),
  left_line as (
    delete from absurd.gate_wait w where w.task_id = any(p_ids) returning w.gate_id
  ),
  started as (
    insert into absurd.rate_start (gate_id, until)
    select f.gate_id, s.claimed_at + g.period_ms * interval '1 millisecond'
      from freed f
      join absurd.gate g on g.gate_id = f.gate_id and g.kind = 'rate'
      cross join lateral (
        select case
          when p_claimed_at is not null then p_claimed_at[array_position(p_ids, f.task_id)]
          else (select o.claimed_at from absurd.outcome o where o.task_id = f.task_id)
        end as claimed_at
      ) s
     where s.claimed_at + g.period_ms * interval '1 millisecond' > absurd.clock()
  )
  select array_agg(distinct x.gate_id) into v_gates
    from (select f.gate_id from freed f union all select l.gate_id from left_line l) x;
  perform absurd.touch_gates(v_gates);
end;
$$;

-- True when the task keeps this gate while it is suspended.
create or replace function absurd.is_kept(p_grant absurd.gate_grant)
  returns boolean
  language sql stable
as $$
  select exists (
    select from absurd.task t
     where t.id = p_grant.task_id
       and t.policy -> 'gates'
           @> jsonb_build_array(jsonb_build_object('gate', p_grant.gate_id, 'hold', true))
  );
$$;

-- After absurd.settle: takes back what attempts that ended without completing held, and puts those
-- that go on at once (no other plane has them) back in line, at the place they had.
create or replace function absurd.leave_gates(p_ended absurd.ended_attempt[])
  returns void
  language plpgsql
as $$
declare
  v_back absurd.ready[];
begin
  select array_agg(row(
           e.lane_id, e.claim_no,
           (select min(h.seq) from absurd.gate_grant h where h.task_id = e.task_id),
           e.task_id, absurd.clock()
         )::absurd.ready order by e.task_id)
    into v_back
    from unnest(p_ended) e
    join absurd.lane l on l.lane_id = e.lane_id and l.gated
   where not exists (select from absurd.outcome o where o.task_id = e.task_id)
     and not exists (select from absurd.deferred d where d.task_id = e.task_id)
     and not exists (select from absurd.waiting w where w.child = e.task_id);
  perform absurd.free_gates(array_agg(e.task_id), array_agg(e.claimed_at)) from unnest(p_ended) e;
  perform absurd.park(v_back);
end;
$$;
