-- The longer way to claim: from queues with a limit of running tasks, with weights, or with
-- fairness keys (queue.special). The hot way, absurd.choose, stays free of all of it.

-- Leases of a queue, counted up to p_max. Reads the leases there are, of all queues.
create or replace function absurd.count_running(p_queue text, p_max bigint)
  returns bigint
  language sql stable
as $$
  select count(*)
    from (
      select 1
        from absurd.lease s
        cross join lateral (
          select from absurd.lane l where l.lane_id = s.lane_id and l.queue = p_queue offset 0
        ) l
       limit p_max
    ) found;
$$;

-- True when one of these queues has a limit of running tasks, a weight or fairness keys: claims from
-- them go through absurd.choose_shared.
create or replace function absurd.shares_claims(p_queues text[])
  returns boolean
  language sql stable
as $$
  select exists (select from absurd.queue q where q.special and q.name = any(p_queues));
$$;

-- Chooses like absurd.choose, and shares: queues by their weights, fairness keys by turns, and no
-- queue beyond its running_max.
--
-- Who claims from a queue with running_max holds the queue's turn until its transaction ends, and
-- counts leases after it got the turn: the limit is never passed, and what died left no count.
-- Takes those advisory locks in the order of queues, then ready rows, skipping locked ones.
create or replace function absurd.choose_shared(
  p_queues text[], p_kinds integer[], p_hint_lanes integer[], p_hints bigint[], p_limit integer,
  p_demanding integer[]
)
  returns absurd.chosen
  language plpgsql
as $$
declare
  v_names text[];
  v_rooms bigint[];
  v_weights integer[];
  v_heads absurd.shared_head[];
  v_chosen absurd.chosen;
  v_turn bigint := nextval('absurd.turn_seq') % 1000000000;
begin
  perform absurd.await_queue_turns(p_queues);
  select array_agg(q.name), array_agg(q.weight),
         array_agg(case when q.running_max is not null
                        then q.running_max - absurd.count_running(q.name, q.running_max) end)
    into v_names, v_weights, v_rooms
    from absurd.queue q where q.name = any(p_queues);
  -- Multiples of irrational numbers: any regular part of the turns is spread evenly, too, and the
  -- two are independent of each other.
  v_heads := absurd.shared_heads(
    v_names, v_rooms, v_weights, p_kinds, jsonb_object(p_hint_lanes::text[], p_hints::text[]),
    p_limit, v_turn * 0.4142135623730951 - floor(v_turn * 0.4142135623730951), p_demanding
  );
  select array_agg(l.lane_id), array_agg(l.kind_id) into v_chosen.lanes, v_chosen.kinds
    from unnest(v_heads) h join absurd.lane l on l.lane_id = h.lane_id;
  v_chosen.places := absurd.lock_shared(
    v_heads, p_limit, v_turn * 0.6180339887498949 - floor(v_turn * 0.6180339887498949)
  );
  return v_chosen;
end;
$$;

-- Waits for other claims from those of the queues that have a limit, until the transaction ends.
create or replace function absurd.await_queue_turns(p_queues text[])
  returns void
  language plpgsql
as $$
declare
  v_name text;
begin
  for v_name in
    select q.name from absurd.queue q
     where q.running_max is not null and q.name = any(p_queues) order by q.name
  loop
    perform pg_advisory_xact_lock(hashtext('absurd.queue.running'), hashtext(v_name));
  end loop;
end;
$$;

-- Lanes with work that these queues may give away now: of each queue the priorities (16 at most)
-- with the best heads. p_rooms: how many more tasks may run, null without limit. p_hints: by lane,
-- the seq to read from. p_demanding: as for absurd.best_lanes. Turns of keys begin at p_key_phase,
-- in [0, 1), of the keys.
-- Probes one row of each lane of the queues.
create or replace function absurd.shared_heads(
  p_queues text[], p_rooms bigint[], p_weights integer[], p_kinds integer[], p_hints jsonb,
  p_limit integer, p_key_phase double precision, p_demanding integer[]
)
  returns absurd.shared_head[]
  language plpgsql stable
as $$
begin
  return array(
    with eligible as materialized (
      select l.lane_id, coalesce((p_hints ->> l.lane_id::text)::bigint, 0) as hint, l.boost_ms,
             l.queue, l.priority, l.fair_key, s.room, s.weight
        from unnest(p_queues, p_rooms, p_weights) as s(name, room, weight)
        join absurd.lane l on l.queue = s.name
       where l.kind_id = any(p_kinds) and not l.paused
         and (not l.demanding or l.lane_id = any(p_demanding))
         and case when l.limited then coalesce(s.room, 0) else coalesce(s.room, 1) end > 0
    ),
    head as materialized (
      select e.*, first.at_ms - e.boost_ms as rank
        from eligible e
        cross join lateral absurd.lane_head(e.lane_id, e.hint, 2 * p_limit + 1000) first
    ),
    seated as materialized (
      select h.*, min(h.rank) over (partition by h.queue, h.priority) as best,
             dense_rank() over (partition by h.queue, h.priority order by h.fair_key) - 1 as seat
        from head h
    ),
    counted as materialized (
      select s.*, max(s.seat) over (partition by s.queue, s.priority) + 1 as seats,
             dense_rank() over (partition by s.queue order by s.best, s.priority) as place
        from seated s
    )
    select row(
             c.lane_id, c.hint, c.boost_ms, c.queue, c.priority, c.fair_key,
             (c.seat + c.seats - floor(p_key_phase * c.seats)::bigint) % c.seats, c.room, c.weight
           )::absurd.shared_head
      from counted c where c.place <= least(p_limit, 16)
  );
end;
$$;

-- Chooses up to p_limit ready rows of these lanes, locks them and returns their places.
--
-- Within a queue and priority each fairness key gives one task a turn; the turns decide who, the ages
-- when: the i-th in the order of turns has the rank of the i-th oldest. When a queue has a weight,
-- queues get p_limit * weight / sum of weights places, rounded up or down by p_queue_phase, in
-- [0, 1) (systematic sampling: over many claims exact); places that a queue cannot fill go to the
-- others. Of each of many lanes four times its part is read: enough unless nearly all the others are
-- empty, and then the claim comes back short.
create or replace function absurd.lock_shared(
  p_heads absurd.shared_head[], p_limit integer, p_queue_phase double precision
)
  returns tid[]
  language plpgsql
as $$
declare
  v_each integer := least(p_limit * 2, p_limit * 4 / greatest(cardinality(p_heads), 1) + 8);
begin
  return array(
    with candidate as materialized (
      select h.queue, h.priority, h.fair_key, h.key_turn, h.room, coalesce(h.weight, 1) as weight,
             c.place, c.seq, c.at_ms - h.boost_ms as rank
        from unnest(p_heads) h
        cross join lateral (
          select r.ctid as place, r.seq, absurd.ready_ms(r.at, r.task_id) as at_ms
            from absurd.ready r
           where r.lane_id = h.lane_id and r.seq >= h.hint order by r.seq limit v_each
        ) c
    ),
    keyed as materialized (
      select c.*, row_number() over (
               partition by c.queue, c.priority, c.fair_key order by c.rank, c.seq
             ) as turn
        from candidate c
    ),
    lined as materialized (
      select k.*, row_number() over (
               partition by k.queue, k.priority order by k.turn, k.key_turn, k.seq
             ) as position
        from keyed k
    ),
    age as materialized (
      select c.queue, c.priority, array_agg(c.rank order by c.rank) as ranks
        from candidate c group by 1, 2
    ),
    -- A step of its own: the array must not travel through the sort below.
    ranked as materialized (
      select n.queue, n.room, n.place, n.position, a.ranks[n.position] as rank
        from lined n join age a on a.queue = n.queue and a.priority = n.priority
    ),
    queued as materialized (
      select r.*, row_number() over (
               partition by r.queue order by r.rank, r.position
             ) as queue_turn
        from ranked r
    ),
    share as materialized (
      select w.queue, w.weight::double precision * p_limit / sum(w.weight) over () as part,
             sum(w.weight) over (order by w.queue)::double precision * p_limit
               / sum(w.weight) over () as upto
        from (select distinct c.queue, c.weight from candidate c) w
    ),
    best as materialized (
      select r.place, r.rank, r.position,
             (select bool_or(h.weight is not null) from unnest(p_heads) h)
             and r.queue_turn > ceil(s.upto - p_queue_phase) - ceil(s.upto - s.part - p_queue_phase)
               as is_extra
        from queued r join share s on s.queue = r.queue
       where r.room is null or r.queue_turn <= r.room
       order by is_extra, r.rank, r.position
       limit p_limit * 2
    )
    select r.ctid
      from best b join absurd.ready r on r.ctid = b.place
     order by b.is_extra, b.rank, b.position
     limit p_limit
       for update of r skip locked
  );
end;
$$;
