-- Counts for people, bounded.

-- How many tasks of these lanes (null: of all) there are by status, of the statuses that have any.
-- Reads at most p_limit + 1 rows of a plane: where it returns more than p_limit there may be more
-- still. What ended comes from the counts and the outcomes since the last roll-up. Takes no locks.
create or replace function absurd.count_tasks(p_lanes integer[], p_limit bigint)
  returns table (status text, tasks bigint)
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with unclaimed as materialized (
    (select r.task_id, r.claim_no from absurd.ready r
      where p_lanes is null or r.lane_id = any(p_lanes) limit p_limit + 1)
    union all
    (select d.task_id, d.claim_no from absurd.deferred d
      where p_lanes is null or d.lane_id = any(p_lanes) limit p_limit + 1)
    union all
    (select w.child, w.claim_no from absurd.waiting w
      where p_lanes is null or w.lane_id = any(p_lanes) limit p_limit + 1)
    union all
    (select p.task_id, p.claim_no from absurd.parked p
      where p_lanes is null or p.lane_id = any(p_lanes) limit p_limit + 1)
  ),
  counted as (
    select 'pending' as status, count(*) as n from unclaimed u where u.claim_no = 0
    union all
    select case when a.is_tried then 'retrying' else 'pending' end, count(*)
      from unclaimed u
      left join lateral (
        select true as is_tried from absurd.attempt x
         where x.task_id = u.task_id
           and x.claim_no > coalesce(
                 (select max(c.claim_no) from absurd.credit c
                   where c.task_id = u.task_id and absurd.is_new_start(c)), 0)
         limit 1
      ) a on true
     where u.claim_no > 0 group by 1
    union all
    select 'claimed', count(*)
      from (select from absurd.lease s
             where p_lanes is null or s.lane_id = any(p_lanes) limit p_limit + 1) s
    union all
    select absurd.end_text(e.kind), sum(e.tasks)::bigint
      from absurd.ended_count e
     where p_lanes is null or e.lane_id = any(p_lanes) group by e.kind
    union all
    select absurd.end_text(u.kind), sum(u.tasks)::bigint
      from absurd.unrolled_ends() u
     where p_lanes is null or u.lane_id = any(p_lanes) group by u.kind
  )
  select c.status, sum(c.n)::bigint from counted c group by 1 having sum(c.n) > 0;
end;
$$;

-- The status of a task that ended so.
create or replace function absurd.end_text(p_kind "char")
  returns text
  language sql immutable parallel safe
as $$
  select case p_kind when 'c' then 'completed' when 'd' then 'failed' when 'x' then 'cancelled' end;
$$;

-- Every queue with its settings and how much is in it, see absurd.lane_depths.
create or replace function absurd.list_queues()
  returns table (
    name text, paused boolean, draining boolean, pending_max integer, running_max integer,
    weight integer, priority_mode text, aging_seconds double precision, created_at timestamptz,
    ready bigint, deferred bigint, waiting bigint, running bigint, oldest_at timestamptz
  )
  language sql stable
as $$
  with counted as (
    select d.lane_id, d.place, d.tasks, d.oldest_at from absurd.lane_depths() d
    union all select s.lane_id, 'l', count(*), null from absurd.lease s group by 1
  ),
  by_queue as (
    select l.queue, c.place, sum(c.tasks)::bigint as n, min(c.oldest_at) as oldest_at
      from counted c join absurd.lane l on l.lane_id = c.lane_id group by 1, 2
  )
  select q.name, q.paused, q.draining, q.pending_max, q.running_max, q.weight, q.priority_mode,
         q.aging_seconds, q.created_at,
         coalesce(sum(b.n) filter (where b.place = 'r'), 0)::bigint,
         coalesce(sum(b.n) filter (where b.place = 'd'), 0)::bigint,
         coalesce(sum(b.n) filter (where b.place = 'w'), 0)::bigint,
         coalesce(sum(b.n) filter (where b.place = 'l'), 0)::bigint,
         min(b.oldest_at)
    from absurd.queue q left join by_queue b on b.queue = q.name
   group by q.name
   order by q.name;
$$;
