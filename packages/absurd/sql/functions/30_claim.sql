-- Claiming. The cost of a claim depends on neither backlog, nor history, nor dead rows.

-- True when one of these queues has a limit of running tasks, a weight or fairness keys: claims from
-- them go through absurd.claim_shared. absurd.claim leaves out lanes with a limit, so what was
-- changed a moment ago cannot be passed.
create or replace function absurd.shares_claims(p_queues text[])
  returns boolean
  language sql stable
as $$
  select exists (select from absurd.queue q where q.special and q.name = any(p_queues));
$$;

-- Claims up to p_limit tasks for a worker, best lanes first, oldest first within a lane.
--
-- Two phases: unlocked probes find the best lanes and their heads, then the chosen rows are locked
-- by primary key, so the lock never covers a row that is not claimed. p_hints holds for each of
-- p_hint_lanes the seq to read from, below which this worker expects dead rows only; a hint that is
-- too high delays a task until the next claim without hints and has no other effect.
-- Every limit sits in a materialized CTE: inside a join the planner may read past it.
-- Locks ready rows, skipping locked ones: claimers never wait for each other.
create or replace function absurd.claim(
  p_worker_id integer, p_epoch bigint, p_queues text[], p_kinds integer[],
  p_hint_lanes integer[], p_hints bigint[], p_limit integer
)
  returns table (
    task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer,
    attempts_max integer, timeout_ms bigint, params text
  )
  language sql
as $$
  with eligible as materialized (
    select l.lane_id, l.kind_id, l.boost_ms, coalesce(h.hint, 0) as hint
      from absurd.lane l
      left join unnest(p_hint_lanes, p_hints) as h(lane_id, hint) on h.lane_id = l.lane_id
     where l.queue = any(p_queues) and l.kind_id = any(p_kinds) and not l.paused and not l.limited
  ),
  head as materialized (
    select e.*
      from eligible e
      cross join lateral (
        select r.at from absurd.ready r
         where r.lane_id = e.lane_id and r.seq >= e.hint order by r.seq limit 1
      ) first
     order by date_part('epoch', first.at) * 1000 - e.boost_ms
     limit least(p_limit, 16)
  ),
  candidate as materialized (
    select c.lane_id, c.seq, date_part('epoch', c.at) * 1000 - h.boost_ms as rank
      from head h
      cross join lateral (
        select r.lane_id, r.seq, r.at from absurd.ready r
         where r.lane_id = h.lane_id and r.seq >= h.hint order by r.seq limit p_limit * 2
      ) c
     order by rank, c.seq
     limit p_limit * 2
  ),
  chosen as materialized (
    select r.lane_id, r.seq
      from candidate c
      join absurd.ready r on r.lane_id = c.lane_id and r.seq = c.seq
     order by c.rank, c.seq
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

-- One round trip and one commit of a worker: reports what ended, then claims.
--
-- Rows of what = 's' are stale: ended attempts whose fence did not hold. One row of what = 'r' says
-- in claim_no how many tasks became ready because of what completed. Rows of what = 'c' are claims.
-- p_results, p_errors: JSON as text. p_classes: see absurd.fail_attempts.
-- Locks worker, lease, waiting, ready rows, in this order.
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
    attempts_max integer, timeout_ms bigint, params text
  )
  language plpgsql
as $$
declare
  v_done bigint[];
  v_failed bigint[];
  v_released integer := 0;
begin
  perform absurd.assert_worker(p_worker_id, p_epoch);
  if cardinality(p_done_ids) > 0 then
    v_done := absurd.complete_attempts(p_worker_id, p_epoch, p_done_ids, p_done_claims, p_results);
    v_released := absurd.release_dependents(v_done);
    if cardinality(v_done) < cardinality(p_done_ids) then
      return query
        select 's'::"char", g.task_id, g.claim_no, null::integer, null::bigint, null::integer,
               null::integer, null::bigint, null::text
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
             null::integer, null::bigint, null::text
        from unnest(p_failed_ids, p_failed_claims) as g(task_id, claim_no)
       where g.task_id <> all (v_failed);
  end if;
  if v_released > 0 then
    return query
      select 'r'::"char", null::bigint, v_released, null::integer, null::bigint, null::integer,
             null::integer, null::bigint, null::text;
  end if;
  if p_limit > 0 and absurd.shares_claims(p_queues) then
    return query
      select 'c'::"char", c.*
        from absurd.claim_shared(
          p_worker_id, p_epoch, p_queues, p_kinds, p_hint_lanes, p_hints, p_limit
        ) c;
  elsif p_limit > 0 then
    return query
      select 'c'::"char", c.*
        from absurd.claim(
          p_worker_id, p_epoch, p_queues, p_kinds, p_hint_lanes, p_hints, p_limit
        ) c;
  end if;
end;
$$;
