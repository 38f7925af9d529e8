-- The line before gates: who joins it, who leaves it, and what goes back when an attempt ends.

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

-- The same for those of the tasks that stand in no line.
create or replace function absurd.unpark_passed(p_ids bigint[])
  returns void
  language sql
as $$
  select absurd.unpark(array(
    select i from unnest(p_ids) i
     where not exists (select from absurd.gate_wait w where w.task_id = i)
  ));
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
  perform absurd.unpark_passed(array(select r.task_id from unnest(p_rows) r));
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
