-- Claiming. The cost of a claim depends on neither backlog, nor history, nor dead rows.

-- The age of the first live row of a lane at or after p_hint, in milliseconds; no row when there is
-- none. An unlocked probe. A scan reads a page of the index to its end or to the end of its range: so
-- it looks near the hint first, p_near rows of all lanes together, which is a quarter of the work.
create or replace function absurd.lane_head(p_lane_id integer, p_hint bigint, p_near bigint)
  returns table (at_ms double precision)
  language sql stable
as $$
  select h.at_ms
    from (
      (select absurd.ready_ms(r.at, r.task_id) as at_ms from absurd.ready r
        where p_hint > 0 and r.lane_id = p_lane_id and r.seq >= p_hint and r.seq < p_hint + p_near
        order by r.seq limit 1)
      union all
      (select absurd.ready_ms(r.at, r.task_id) from absurd.ready r
        where r.lane_id = p_lane_id and r.seq >= p_hint order by r.seq limit 1)
    ) h
   limit 1;
$$;

-- The lanes that a worker would take from next, best first, at most 16, with the seq to read each
-- from. Lanes are probed in the order of their boosts: one that is a strict step of priority behind 16
-- lanes with work (absurd.lane_boost) is not probed, for none of its tasks can come before theirs.
-- A lane with a hint has no live row below it, as far as this worker knows; a hint that is too high
-- delays a task until the worker's next look at absurd.lane_starts and has no other effect.
-- p_demanding: which of the lanes that ask for resources or labels it may read, besides all others.
-- Lanes with a limit are left out, whatever absurd.shares_claims said a moment ago.
create or replace function absurd.best_lanes(
  p_queues text[], p_kinds integer[], p_hint_lanes integer[], p_hints bigint[], p_limit integer,
  p_demanding integer[]
)
  returns table (lane_id integer, kind_id integer, hint bigint, boost_ms double precision)
  language sql stable
as $$
  with eligible as materialized (
    select l.lane_id, l.kind_id, l.boost_ms,
           coalesce(p_hints[array_position(p_hint_lanes, l.lane_id)], 0) as hint
      from absurd.lane l
     where l.queue = any(p_queues) and l.kind_id = any(p_kinds) and not l.paused and not l.limited
       and (not l.demanding or l.lane_id = any(p_demanding))
     order by l.boost_ms desc
  ),
  -- Once 16 lanes are a strict step ahead the window ends: the lanes behind are not probed.
  headed as (
    select e.lane_id, e.kind_id, e.hint, e.boost_ms, first.at_ms - e.boost_ms as rank,
           count(*) over (
             order by e.boost_ms desc range between unbounded preceding and 1e13 preceding
           ) as ahead
      from eligible e
      cross join lateral absurd.lane_head(e.lane_id, e.hint, 2 * p_limit + 1000) first
  )
  select d.lane_id, d.kind_id, d.hint, d.boost_ms
    from headed d
   where d.ahead < 16
   order by d.rank
   limit least(p_limit, 16);
$$;

-- Locks up to p_limit ready rows of these lanes and returns their places, skipping locked rows:
-- claimers never wait for each other.
--
-- Of one lane the oldest, in one scan. Of several, the best of all by (at - boost): the candidates
-- are read unlocked, merged, and then locked by their place, so that no row is locked that is not
-- claimed. Half as many again as wanted, for those that others hold.
--
-- Of each lane its part is read, and more of it only when that does not do: a candidate counts when
-- no row that was not read could come before it.
create or replace function absurd.lock_ready(
  p_lanes integer[], p_hints bigint[], p_boosts double precision[], p_limit integer
)
  returns tid[]
  language plpgsql
as $$
declare
  v_wanted integer := p_limit + (p_limit + 1) / 2;
  v_each integer := least(v_wanted, v_wanted / cardinality(p_lanes) + 4);
  v_found tid[];
begin
  if cardinality(p_lanes) = 1 then
    return array(
      select r.ctid from absurd.ready r
       where r.lane_id = p_lanes[1] and r.seq >= p_hints[1]
       order by r.seq limit p_limit
         for update skip locked
    );
  end if;
  loop
    -- After the last row read of a lane that may have more, nothing is certain.
    select array_agg(b.place order by b.rank, b.seq) into v_found
      from (
        select c.place, c.rank, c.seq,
               bool_or(c.nth = v_each) over (
                 order by c.rank, c.seq rows between unbounded preceding and 1 preceding
               ) as is_uncertain
          from (
            select c.place, c.seq, c.nth, c.at_ms - h.boost_ms as rank
              from unnest(p_lanes, p_hints, p_boosts) as h(lane_id, hint, boost_ms)
              cross join lateral (
                select r.ctid as place, r.seq, absurd.ready_ms(r.at, r.task_id) as at_ms,
                       row_number() over (order by r.seq) as nth
                  from absurd.ready r
                 where r.lane_id = h.lane_id and r.seq >= h.hint order by r.seq limit v_each
              ) c
            offset 0
          ) c
         order by c.rank, c.seq limit v_wanted
      ) b
     where b.is_uncertain is not true or v_each = v_wanted;
    exit when v_each = v_wanted or cardinality(v_found) = v_wanted;
    v_each := least(v_wanted, v_each * 4);
  end loop;
  return array(
    select r.ctid
      from unnest(v_found) with ordinality as f(place, position)
      join absurd.ready r on r.ctid = f.place
     order by f.position
     limit p_limit
       for update of r skip locked
  );
end;
$$;

-- Chooses and locks up to p_limit ready rows, best lanes first, oldest first within a lane.
create or replace function absurd.choose(
  p_queues text[], p_kinds integer[], p_hint_lanes integer[], p_hints bigint[], p_limit integer,
  p_demanding integer[]
)
  returns absurd.chosen
  language plpgsql
as $$
declare
  v_chosen absurd.chosen;
  v_hints bigint[];
  v_boosts double precision[];
begin
  select array_agg(b.lane_id), array_agg(b.kind_id), array_agg(b.hint), array_agg(b.boost_ms)
    into v_chosen.lanes, v_chosen.kinds, v_hints, v_boosts
    from absurd.best_lanes(
             p_queues, p_kinds, p_hint_lanes, p_hints, p_limit, p_demanding) b;
  if v_chosen.lanes is not null then
    v_chosen.places := absurd.lock_ready(v_chosen.lanes, v_hints, v_boosts, p_limit);
  end if;
  return v_chosen;
end;
$$;

-- Claims up to p_limit tasks for a worker: as absurd.choose or, when the queues share their claims
-- (absurd.shares_claims), as absurd.choose_shared chooses them.
-- Locks ready rows. Rows of one lane come in the order of seq.
create or replace function absurd.claim(
  p_worker_id integer, p_epoch bigint, p_queues text[], p_kinds integer[],
  p_hint_lanes integer[], p_hints bigint[], p_limit integer, p_shared boolean,
  p_demanding integer[] default null
)
  returns table (
    task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text, trace_context text
  )
  language plpgsql
as $$
declare
  v_chosen absurd.chosen;
  v_at timestamptz;
begin
  if p_shared then
    v_chosen := absurd.choose_shared(
      p_queues, p_kinds, p_hint_lanes, p_hints, p_limit, p_demanding);
  else
    v_chosen := absurd.choose(p_queues, p_kinds, p_hint_lanes, p_hints, p_limit, p_demanding);
  end if;
  if v_chosen.places is null then
    return;
  end if;
  -- Not absurd.clock(): the statement may have waited for locks, and a rate counts from here.
  v_at := absurd.moment();
  return query
    with taken as materialized (
      delete from absurd.ready r where r.ctid = any(v_chosen.places)
      returning r.task_id, r.claim_no + 1 as claim_no, r.lane_id, r.seq
    ),
    body as materialized (
      select k.*, t.attempts_max, t.timeout_ms, t.params, t.trace_context
        from taken k
        cross join lateral (
          select b.attempts_max, b.timeout_ms, b.params, b.trace_context
            from absurd.task b where b.id = k.task_id
        ) t
    ),
    leased as (
      insert into absurd.lease (
        task_id, epoch, worker_id, claim_no, lane_id, claimed_at, kill_after
      )
      select b.task_id, p_epoch, p_worker_id, b.claim_no, b.lane_id, v_at,
             v_at + b.timeout_ms * interval '1 millisecond'
        from body b
    )
    select b.task_id, b.claim_no, b.lane_id, b.seq,
           v_chosen.kinds[array_position(v_chosen.lanes, b.lane_id)], b.attempts_max, b.timeout_ms,
           b.params::text, b.trace_context::text
      from body b;
end;
$$;

-- One round trip and one commit of a worker: reports what ended, then claims.
--
-- Rows of what = 's' are stale: ended attempts whose fence did not hold. One row of what = 'r' says
-- in claim_no how many tasks became ready because of what completed. Rows of what = 'c' are claims.
-- p_results, p_errors: JSON as text. p_classes: see absurd.fail_attempts.
-- Locks worker, lease, waiting rows, gates, ready rows, in this order.
-- Raises WF002 when the worker was declared dead.
create or replace function absurd.cycle(
  p_worker_id integer, p_epoch bigint,
  p_done_ids bigint[], p_done_claims integer[], p_results text[],
  p_failed_ids bigint[], p_failed_claims integer[], p_classes text[], p_errors text[],
  p_jitters double precision[],
  p_queues text[], p_kinds integer[], p_hint_lanes integer[], p_hints bigint[], p_limit integer
)
  returns table (
    what "char", task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text, trace_context text
  )
  language plpgsql
as $$
declare
  v_done bigint[];
  v_failed bigint[];
  v_released integer := 0;
  v_gated boolean := absurd.has_gates();
begin
  perform absurd.assert_worker(p_worker_id, p_epoch);
  if cardinality(p_done_ids) > 0 then
    v_done := absurd.complete_attempts(p_worker_id, p_epoch, p_done_ids, p_done_claims, p_results);
    v_released := absurd.resolve_dependents(v_done);
    if v_gated then
      perform absurd.free_gates(v_done);
    end if;
    if cardinality(v_done) < cardinality(p_done_ids) then
      return query
        select 's'::"char", g.task_id, g.claim_no, null::integer, null::bigint, null::integer,
               null::integer, null::bigint, null::text, null::text
          from unnest(p_done_ids, p_done_claims) as g(task_id, claim_no)
         where g.task_id <> all (v_done);
    end if;
  end if;
  if cardinality(p_failed_ids) > 0 then
    v_failed := absurd.fail_attempts(
      p_worker_id, p_epoch, p_failed_ids, p_failed_claims, p_classes, p_errors, p_jitters
    );
    return query
      select 's'::"char", g.task_id, g.claim_no, null::integer, null::bigint, null::integer,
             null::integer, null::bigint, null::text, null::text
        from unnest(p_failed_ids, p_failed_claims) as g(task_id, claim_no)
       where g.task_id <> all (v_failed);
  end if;
  if v_gated and p_limit > 0 then
    perform absurd.take_notes(100);
  end if;
  v_released := v_released + absurd.settle_gates();
  if v_released > 0 then
    return query
      select 'r'::"char", null::bigint, v_released, null::integer, null::bigint, null::integer,
             null::integer, null::bigint, null::text, null::text;
  end if;
  if p_limit > 0 and absurd.has_demanding_lanes(p_queues, p_kinds) then
    return query
      select 'c'::"char", c.*
        from absurd.claim_fitting(
          p_worker_id, p_epoch, p_queues, p_kinds, p_hint_lanes, p_hints, p_limit
        ) c;
  elsif p_limit > 0 then
    return query
      select 'c'::"char", c.*
        from absurd.claim(
          p_worker_id, p_epoch, p_queues, p_kinds, p_hint_lanes, p_hints, p_limit,
          absurd.shares_claims(p_queues)
        ) c;
  end if;
end;
$$;
