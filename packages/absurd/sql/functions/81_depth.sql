-- How much waits, by lane. Where more waits than can be counted for each who asks, the leader counts
-- now and then, and what it counted is read.

-- Tasks that nobody holds and that have not ended, a row a lane and place: r ready, d deferred,
-- w waiting, p parked. retrying: of these, those of which an attempt failed since their last new
-- start. oldest_at: since when the first of the ready ones is. Reads all of them.
create or replace function absurd.count_unclaimed()
  returns setof absurd.lane_depth
  language sql stable
as $$
  with unclaimed as not materialized (
    select r.lane_id, 'r'::"char" as place, r.task_id, r.claim_no, r.at from absurd.ready r
    union all select d.lane_id, 'd', d.task_id, d.claim_no, null from absurd.deferred d
    union all select w.lane_id, 'w', w.child, w.claim_no, null from absurd.waiting w
    union all select p.lane_id, 'p', p.task_id, p.claim_no, null from absurd.parked p
  ),
  counted as (
    select u.lane_id, u.place, count(*) as tasks, 0 as retrying,
           least(min(u.at), absurd.number_at(min(u.task_id) filter (where u.at is null))) as at
      from unclaimed u where u.claim_no = 0 group by 1, 2
    union all
    select u.lane_id, u.place, count(*), count(a.is_tried),
           least(min(u.at), absurd.number_at(min(u.task_id) filter (where u.at is null)))
      from unclaimed u
      -- Looked up task by task: a hash would be of all attempts.
      left join lateral (
        select true as is_tried from absurd.attempt x
         where x.task_id = u.task_id
           and x.claim_no > coalesce(
                 (select max(c.claim_no) from absurd.credit c
                   where c.task_id = u.task_id and absurd.is_new_start(c)), 0)
         limit 1
      ) a on true
     where u.claim_no > 0 group by 1, 2
  )
  select c.lane_id, c.place, sum(c.tasks)::bigint, sum(c.retrying)::bigint,
         min(c.at) filter (where c.place = 'r')
    from counted c group by 1, 2;
$$;

-- The leader's part: counts when the tables have p_bytes or more (about 50,000 tasks), else forgets
-- what it counted. Locks nothing that others wait for.
create or replace function absurd.note_depths(p_bytes bigint default 4194304)
  returns void
  language plpgsql
as $$
begin
  if pg_relation_size('absurd.ready') + pg_relation_size('absurd.deferred')
     + pg_relation_size('absurd.waiting') + pg_relation_size('absurd.parked') < p_bytes then
    delete from absurd.lane_depth;
    delete from absurd.depth_noted;
    return;
  end if;
  delete from absurd.lane_depth;
  -- Of one snapshot: a task that is claimed meanwhile is counted once.
  with counted as materialized (
    select * from absurd.count_unclaimed()
  ),
  kept as (
    insert into absurd.lane_depth select * from counted
  )
  insert into absurd.depth_noted as n (at, spawned)
  select absurd.clock(),
         (select coalesce(sum(c.tasks), 0)::bigint from counted c) + absurd.claimed_total()
  on conflict (is_only) do update set at = excluded.at, spawned = excluded.spawned;
end;
$$;

-- The same as absurd.count_unclaimed. Up to half a minute old where the leader has counted, which it
-- does every ten seconds; without a leader all is counted.
create or replace function absurd.lane_depths()
  returns setof absurd.lane_depth
  language plpgsql stable
as $$
begin
  if exists (
    select from absurd.depth_noted n where n.at > absurd.clock() - interval '30 seconds'
  ) then
    return query select * from absurd.lane_depth;
  else
    return query select * from absurd.count_unclaimed();
  end if;
end;
$$;
