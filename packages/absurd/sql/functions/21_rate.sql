-- Rates. A start counts from its claim until a period later, so no stretch of that length holds more
-- than slots starts, however late a worker claims what was let in. A task that was let in and is not
-- claimed yet counts, too.

-- How many of a rate's slots are in use now.
create or replace function absurd.rate_used(p_gate absurd.gate)
  returns bigint
  language sql stable
as $$
  select (
    select count(*)
      from absurd.gate_grant h
      left join absurd.lease l on l.task_id = h.task_id
     where h.gate_id = p_gate.gate_id
       and (
         l.task_id is null
         or l.claimed_at + p_gate.period_ms * interval '1 millisecond' > absurd.clock()
       )
  ) + (
    select count(*) from absurd.rate_start s
     where s.gate_id = p_gate.gate_id and s.until > absurd.clock()
  );
$$;

-- When the rate's next slot becomes free; null when nothing that counts has started yet.
create or replace function absurd.rate_due_at(p_gate absurd.gate)
  returns timestamptz
  language sql stable
as $$
  select min(x.until)
    from (
      select min(s.until) as until from absurd.rate_start s
       where s.gate_id = p_gate.gate_id and s.until > absurd.clock()
      union all
      select l.claimed_at + p_gate.period_ms * interval '1 millisecond'
        from absurd.gate_grant h join absurd.lease l on l.task_id = h.task_id
       where h.gate_id = p_gate.gate_id
         and l.claimed_at + p_gate.period_ms * interval '1 millisecond' > absurd.clock()
    ) x;
$$;

-- The leader's look at the rates with a line before them: touches those that are open again, removes
-- starts that count no more.
create or replace function absurd.tick_rates(p_limit integer)
  returns void
  language plpgsql
as $$
begin
  perform absurd.touch_gates(array_agg(g.gate_id))
     from (
       select g.gate_id from absurd.gate g
        where g.kind = 'rate'
          and exists (select from absurd.gate_wait w where w.gate_id = g.gate_id)
          and absurd.is_open(g, 's')
        order by g.gate_id limit p_limit
     ) g;
  delete from absurd.rate_start s
   where s.start_id in (
           select o.start_id from absurd.rate_start o
            where o.until <= absurd.clock() limit p_limit
              for update skip locked
         );
end;
$$;

-- When the next rate with a line before it opens; null when none will by itself.
create or replace function absurd.next_rate_due()
  returns timestamptz
  language sql stable
as $$
  select min(absurd.rate_due_at(g))
    from absurd.gate g
   where g.kind = 'rate' and exists (select from absurd.gate_wait w where w.gate_id = g.gate_id);
$$;
