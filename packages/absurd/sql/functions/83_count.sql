-- Counts for people, bounded.

-- How many tasks of these lanes (null: of all) there are by status, of the statuses that have any.
-- Reads at most p_limit + 1 rows of a plane: where it returns more than p_limit there may be more
-- still. What ended comes from the counts and the outcomes since the last roll-up. Takes no locks.
create or replace function absurd.count_tasks(p_lanes integer[], p_limit bigint)
  returns table (status text, tasks bigint)
  language plpgsql stable
as $$
declare
  v_rolled bigint := (select h.rolled_xid from absurd.history h);
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
    select case when u.claim_no > 0 and exists (
             select from absurd.attempt a
              where a.task_id = u.task_id
                and a.claim_no > coalesce(
                      (select max(c.claim_no) from absurd.credit c
                        where c.task_id = u.task_id and absurd.is_new_start(c)), 0)
           ) then 'retrying' else 'pending' end as status, count(*) as n
      from unclaimed u group by 1
    union all
    select 'claimed', count(*)
      from (select from absurd.lease s
             where p_lanes is null or s.lane_id = any(p_lanes) limit p_limit + 1) s
    union all
    select absurd.end_text(e.kind), sum(e.tasks)::bigint
      from absurd.ended_count e
     where p_lanes is null or e.lane_id = any(p_lanes) group by 1
    union all
    select absurd.end_text(o.kind), count(*)
      from absurd.outcome o join absurd.task t on t.id = o.task_id
     where o.xid >= v_rolled and (p_lanes is null or t.lane_id = any(p_lanes)) group by 1
  )
  select c.status, sum(c.n)::bigint from counted c group by 1 having sum(c.n) > 0;
end;
$$;

-- The status of a task that ended so.
create or replace function absurd.end_text(p_kind "char")
  returns text
  language sql immutable strict parallel safe
as $$
  select case p_kind when 'c' then 'completed' when 'd' then 'failed' else 'cancelled' end;
$$;
