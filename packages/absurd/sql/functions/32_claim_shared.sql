-- The longer way to claim: from queues with a limit of running tasks, with weights, or with
-- fairness keys (queue.special). The hot way, absurd.claim, stays free of all of it.

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

-- Claims like absurd.claim, and shares: queues by their weights, fairness keys by turns, and no
-- queue beyond its running_max.
--
-- Who claims from a queue with running_max holds the queue's turn until its transaction ends, and
-- counts leases after it got the turn: the limit is never passed, and what died left no count.
-- Takes those advisory locks in the order of queues, then ready rows, skipping locked ones.
create or replace function absurd.claim_shared(
  p_worker_id integer, p_epoch bigint, p_queues text[], p_kinds integer[],
  p_hint_lanes integer[], p_hints bigint[], p_limit integer
)
  returns table (
    task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text
  )
  language plpgsql
as $$
#variable_conflict use_column
declare
  v_name text;
  v_names text[];
  v_rooms bigint[];
  v_weights integer[];
  v_turn bigint := nextval('absurd.turn_seq') % 1000000000;
begin
  for v_name in
    select q.name from absurd.queue q
     where q.running_max is not null and q.name = any(p_queues) order by q.name
  loop
    perform pg_advisory_xact_lock(hashtext('absurd.queue.running'), hashtext(v_name));
  end loop;
  select array_agg(q.name), array_agg(q.weight),
         array_agg(q.running_max - absurd.count_running(q.name, q.running_max))
    into v_names, v_weights, v_rooms
    from absurd.queue q where q.name = any(p_queues);
  -- Multiples of irrational numbers: any regular part of the turns is spread evenly, too, and the
  -- two are independent of each other.
  return query
    select * from absurd.claim_turn(
      p_worker_id, p_epoch, p_kinds,
      jsonb_object(p_hint_lanes::text[], p_hints::text[]), p_limit,
      v_names, v_rooms, v_weights,
      v_turn * 0.6180339887498949 - floor(v_turn * 0.6180339887498949),
      v_turn * 0.4142135623730951 - floor(v_turn * 0.4142135623730951)
    );
end;
$$;

-- The statement of absurd.claim_shared. p_rooms: null without limit. p_weights: null without weight;
-- when no queue has one, all stand in one line.
--
-- Within a queue and priority each fairness key gives one task a turn, beginning at p_key_phase of
-- the keys; the turns decide who, the ages when: the i-th in the order of turns has the rank of the
-- i-th oldest. Queues get p_limit * weight / sum of weights places, rounded up or down by
-- p_queue_phase (systematic sampling: over many claims exact); places that a queue cannot fill go to
-- the others. Phases are in [0, 1).
create or replace function absurd.claim_turn(
  p_worker_id integer, p_epoch bigint, p_kinds integer[], p_hints jsonb, p_limit integer,
  p_queues text[], p_rooms bigint[], p_weights integer[],
  p_queue_phase double precision, p_key_phase double precision
)
  returns table (
    task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text
  )
  language sql
as $$
  with served as materialized (
    select * from unnest(p_queues, p_rooms, p_weights) as q(name, room, weight)
  ),
  eligible as materialized (
    select l.lane_id, l.kind_id, l.boost_ms, l.queue, l.priority, l.fair_key, s.room,
           coalesce(s.weight, 1) as weight,
           coalesce((p_hints ->> l.lane_id::text)::bigint, 0) as hint
      from served s
      join absurd.lane l on l.queue = s.name
     where l.kind_id = any(p_kinds) and not l.paused
       and case when l.limited then coalesce(s.room, 0) else coalesce(s.room, 1) end > 0
  ),
  head as materialized (
    select e.*, count(*) over () as lanes,
           dense_rank() over (partition by e.queue, e.priority order by e.fair_key) - 1 as place
      from eligible e
      cross join lateral (
        select 1 from absurd.ready r
         where r.lane_id = e.lane_id and r.seq >= e.hint order by r.seq limit 1
      ) first
  ),
  seated as materialized (
    select h.*, max(h.place) over (partition by h.queue, h.priority) + 1 as places from head h
  ),
  -- Of each of many lanes eight times its part: enough unless nearly all the others are empty.
  candidate as materialized (
    select h.lane_id, h.queue, h.priority, h.fair_key, h.room, h.weight, c.seq,
           date_part('epoch', c.at) * 1000 - h.boost_ms as rank,
           (h.place + h.places - floor(p_key_phase * h.places)::bigint) % h.places as place
      from seated h
      cross join lateral (
        select r.seq, r.at from absurd.ready r
         where r.lane_id = h.lane_id and r.seq >= h.hint
         order by r.seq limit least(p_limit * 2, p_limit * 8 / h.lanes + 16)
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
             partition by k.queue, k.priority order by k.turn, k.place, k.seq
           ) as position
      from keyed k
  ),
  ages as materialized (
    select c.queue, c.priority, array_agg(c.rank order by c.rank) as ranks
      from candidate c group by 1, 2
  ),
  ranked as materialized (
    select n.lane_id, n.seq, n.queue, n.room, n.position, a.ranks[n.position] as rank,
           row_number() over (
             partition by n.queue order by a.ranks[n.position], n.position
           ) as queue_turn
      from lined n join ages a on a.queue = n.queue and a.priority = n.priority
  ),
  share as materialized (
    select w.queue, w.weight::double precision * p_limit / sum(w.weight) over () as part,
           sum(w.weight) over (order by w.queue)::double precision * p_limit
             / sum(w.weight) over () as upto
      from (select distinct c.queue, c.weight from candidate c) w
  ),
  best as materialized (
    select r.lane_id, r.seq, r.rank, r.position,
           exists (select from served s where s.weight is not null)
           and r.queue_turn > ceil(s.upto - p_queue_phase) - ceil(s.upto - s.part - p_queue_phase)
             as is_extra
      from ranked r join share s on s.queue = r.queue
     where r.room is null or r.queue_turn <= r.room
     order by is_extra, r.rank, r.position
     limit p_limit * 2
  ),
  chosen as materialized (
    select r.lane_id, r.seq
      from best b
      join absurd.ready r on r.lane_id = b.lane_id and r.seq = b.seq
     order by b.is_extra, b.rank, b.position
     limit p_limit
       for update of r skip locked
  ),
  taken as materialized (
    delete from absurd.ready r using chosen c
     where r.lane_id = c.lane_id and r.seq = c.seq
    returning r.task_id, r.claim_no, r.lane_id, r.seq, r.at
  ),
  body as materialized (
    select k.*, t.attempts_max, t.timeout_ms, t.params::text as params
      from taken k
      cross join lateral (
        select b.attempts_max, b.timeout_ms, b.params from absurd.task b where b.id = k.task_id
      ) t
  ),
  leased as (
    insert into absurd.lease (
      task_id, epoch, worker_id, claim_no, lane_id, at, claimed_at, kill_after
    )
    select b.task_id, p_epoch, p_worker_id, b.claim_no + 1, b.lane_id, b.at, absurd.clock(),
           absurd.clock() + b.timeout_ms * interval '1 millisecond'
      from body b
  )
  select b.task_id, b.claim_no + 1, b.lane_id, b.seq, h.kind_id, b.attempts_max, b.timeout_ms,
         b.params
    from body b join head h on h.lane_id = b.lane_id
   order by b.seq;
$$;
