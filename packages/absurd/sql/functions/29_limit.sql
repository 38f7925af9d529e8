-- What the leader and people do about limits: mend, look, set, remove, explain.

-- The leader's part: rates that are due, notes, grants without a task. The last step of its round:
-- it settles what the round touched. Returns how many tasks became ready.
create or replace function absurd.tend_gates(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_woken integer := 0;
begin
  if not absurd.has_gates() then
    return 0;
  end if;
  perform absurd.tick_rates(p_limit);
  update absurd.control c set expires_at = absurd.clock() + interval '10 seconds'
   where c.name = 'gates'
     and (c.expires_at < absurd.clock()
          or c.expires_at > absurd.clock() + interval '10 seconds');
  if found then
    perform absurd.heal_gates(p_limit);
    perform absurd.forget_gates(p_limit);
    v_woken := absurd.break_endless_waits(100);
  end if;
  perform absurd.take_notes(p_limit);
  return v_woken + absurd.settle_gates();
end;
$$;

-- Removes grants and places in line of tasks that are not where these belong, and touches gates that
-- would let their head in. Neither exists unless somebody wrote to the planes past the functions, or
-- cancelled and rolled back. Returns how many grants and places it removed.
create or replace function absurd.heal_gates(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_stray bigint[];
begin
  v_stray := array(
    select h.task_id from absurd.gate_grant h
     where not exists (select from absurd.lease l where l.task_id = h.task_id)
       and h.task_id not in (
             select r.task_id from absurd.ready r join absurd.lane l on l.lane_id = r.lane_id
              where l.gated
           )
       and not (
             absurd.is_kept(h)
             and (exists (select from absurd.deferred d where d.task_id = h.task_id)
                  or exists (select from absurd.waiting w where w.child = h.task_id))
           )
    union
    select w.task_id from absurd.gate_wait w
     where not exists (select from absurd.parked p where p.task_id = w.task_id)
    limit p_limit
  );
  if cardinality(v_stray) > 0 then
    perform absurd.free_gates(v_stray);
  end if;
  perform absurd.touch_gates(array(
    select h.gate_id from absurd.gates_in_use() h
     where h.head_mode is not null and absurd.is_open(h.gate, h.head_mode)
     limit p_limit
  ));
  return cardinality(v_stray);
end;
$$;

-- Removes gates that nobody set and no task names any more, also no ended one: that may be tried
-- again, and would then find no limit. Looks at p_limit gates a call, beginning anywhere. Returns how
-- many it removed. Locks gate rows in order, skipping those that a spawn begins to use.
create or replace function absurd.forget_gates(p_limit integer)
  returns integer
  language plpgsql
as $$
declare
  v_from integer := (
    select min(g.gate_id) + floor(random() * (max(g.gate_id) - min(g.gate_id) + 1))::integer
      from absurd.gate g
  );
  v_idle integer[];
  v_count integer;
begin
  v_idle := array(
    select g.gate_id
      from (
        select o.gate_id from absurd.gate o where o.gate_id >= v_from order by o.gate_id limit p_limit
      ) g
     where absurd.is_forgotten(g.gate_id)
  );
  v_idle := array(
    select g.gate_id from absurd.gate g
     where g.gate_id = any(v_idle) and not g.pinned order by g.gate_id
       for update skip locked
  );
  -- Locked, and seen again: who noted a day of the gate before was too late for the first look.
  delete from absurd.gate g where g.gate_id = any(v_idle) and absurd.is_forgotten(g.gate_id);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- True when no task names the gate, is at it, or started in its period.
create or replace function absurd.is_forgotten(p_gate_id integer)
  returns boolean
  language sql stable
as $$
  select not exists (select from absurd.gate_day d where d.gate_id = p_gate_id)
     and not exists (select from absurd.gate_wait w where w.gate_id = p_gate_id)
     and not exists (select from absurd.gate_grant h where h.gate_id = p_gate_id)
     and not exists (select from absurd.rate_start s where s.gate_id = p_gate_id);
$$;

-- Gates with a line before them, each with the mode of its head: one look for each, however long the
-- line is.
create or replace function absurd.gates_in_use()
  returns table (gate_id integer, gate absurd.gate, head_mode "char")
  language sql stable
as $$
  with recursive waited(gate_id) as (
    select min(w.gate_id) from absurd.gate_wait w
    union all
    select (select min(w.gate_id) from absurd.gate_wait w where w.gate_id > v.gate_id)
      from waited v where v.gate_id is not null
  )
  select g.gate_id, g,
         (select w.mode from absurd.gate_wait w where w.gate_id = g.gate_id order by w.seq limit 1)
    from waited v join absurd.gate g on g.gate_id = v.gate_id;
$$;

-- Every gate: its numbers, how many are in and how many wait.
create or replace function absurd.list_limits()
  returns table (
    kind text, name text, slots integer, period_seconds double precision, pinned boolean,
    set_at timestamptz, in_use bigint, waiting bigint
  )
  language sql stable
as $$
  select g.kind, g.name, g.slots, g.period_ms / 1000.0::double precision, g.pinned, g.set_at,
         case when g.kind = 'rate' then absurd.rate_used(g) else (
           select count(*) from absurd.gate_grant h where h.gate_id = g.gate_id
         ) end,
         (select count(*) from absurd.gate_wait w where w.gate_id = g.gate_id)
    from absurd.gate g order by g.kind, g.name;
$$;

-- Who is in and who waits at one gate, in order, p_limit of each. place: 'holds' or 'waits'.
create or replace function absurd.show_limit(p_kind text, p_name text, p_limit integer default 100)
  returns table (
    place text, task_id uuid, task_name text, mode text, worker_name text, claimed_at timestamptz
  )
  language sql stable
as $$
  with at_gate as (
    (
      select 'holds' as place, h.task_id, h.mode, h.seq
        from absurd.gate g join absurd.gate_grant h on h.gate_id = g.gate_id
       where g.kind = p_kind and g.name = p_name order by h.seq limit p_limit
    )
    union all
    (
      select 'waits', w.task_id, w.mode, w.seq
        from absurd.gate g join absurd.gate_wait w on w.gate_id = g.gate_id
       where g.kind = p_kind and g.name = p_name order by w.seq limit p_limit
    )
  )
  select a.place, absurd.task_uuid(a.task_id), k.name,
         case a.mode when 'x' then 'exclusive' else 'shared' end, w.name, l.claimed_at
    from at_gate a
    join absurd.task t on t.id = a.task_id
    join absurd.lane n on n.lane_id = t.lane_id
    join absurd.kind k on k.kind_id = n.kind_id
    left join absurd.lease l on l.task_id = a.task_id
    left join absurd.worker w on w.worker_id = l.worker_id
   order by a.place, a.seq;
$$;

-- Raises WF026, naming what there is not.
create or replace function absurd.refuse_limit(p_kind text, p_name text)
  returns void
  language plpgsql
as $$
begin
  raise exception using
    errcode = 'WF026', message = format('no limit of kind %s is named %s', p_kind, p_name);
end;
$$;

-- Gives a key or a rate its numbers, made if it is new; from then on spawns do not change them.
-- p_slots null gives them back to the spawns. 0 slots let nobody in. Who is in stays in.
-- Raises WF025 for numbers that make no limit, WF026 when spawns shall have what does not exist.
create or replace function absurd.set_limit(
  p_kind text, p_name text, p_slots integer, p_period_seconds double precision default null
)
  returns void
  language plpgsql
as $$
declare
  v_gate_id integer;
begin
  if p_kind not in ('key', 'rate') then
    perform absurd.refuse_demand('kind', to_jsonb(p_kind), 'key or rate: a lock has no numbers');
  elsif p_slots < 0 then
    perform absurd.refuse_demand('limit', to_jsonb(p_slots), 'a whole number from 0');
  elsif p_slots is not null and (p_kind = 'rate') is distinct from (p_period_seconds > 0)
        and not (p_kind = 'key' and p_period_seconds is null) then
    perform absurd.refuse_demand('period_seconds', to_jsonb(p_period_seconds),
                                 case p_kind when 'rate' then 'seconds above 0' else 'none' end);
  end if;
  if p_slots is null then
    update absurd.gate g set pinned = false where g.kind = p_kind and g.name = p_name
    returning g.gate_id into v_gate_id;
  else
    insert into absurd.gate as g (kind, name, slots, period_ms, pinned)
    values (p_kind, p_name, p_slots, (p_period_seconds * 1000)::bigint, true)
    on conflict on constraint gate_known_once do update
       set slots = excluded.slots, period_ms = excluded.period_ms, pinned = true,
           set_at = absurd.clock()
    returning g.gate_id into v_gate_id;
  end if;
  if v_gate_id is null then
    perform absurd.refuse_limit(p_kind, p_name);
  end if;
  perform absurd.touch_gates(array[v_gate_id]);
  perform absurd.note_gates();
end;
$$;

-- Removes a gate: who waits for it alone is ready at once, tasks that come later pass. A later spawn
-- that names it makes it anew. Takes the gate's lock, waiting. Raises WF026 when there is none.
create or replace function absurd.remove_limit(p_kind text, p_name text)
  returns void
  language plpgsql
as $$
declare
  v_gate_id integer := (
    select g.gate_id from absurd.gate g where g.kind = p_kind and g.name = p_name
  );
  v_free bigint[];
begin
  if v_gate_id is null then
    perform absurd.refuse_limit(p_kind, p_name);
  end if;
  perform absurd.lock_gates(array[v_gate_id]);
  delete from absurd.gate g where g.gate_id = v_gate_id;
  delete from absurd.gate_day d where d.gate_id = v_gate_id;
  delete from absurd.gate_grant h where h.gate_id = v_gate_id;
  delete from absurd.rate_start s where s.gate_id = v_gate_id;
  with freed as (
    delete from absurd.gate_wait w where w.gate_id = v_gate_id returning w.task_id
  )
  select array_agg(f.task_id) into v_free from freed f;
  perform absurd.touch_gates(array_agg(distinct w.gate_id))
     from absurd.gate_wait w where w.task_id = any(v_free);
  perform absurd.unpark_passed(v_free);
  perform absurd.note_gates();
end;
$$;
