-- Statistics: roll-ups of what ended, and the counts and reports that are read from them.

-- Adds what ended since the last time to ended_count, the roll-ups and the totals. Returns how many
-- tasks, null when another session is at it.
--
-- Takes the outcomes of all transactions below the oldest one that is still open. Each of those has
-- ended, so none of its rows can appear later; a row of one that is still open waits for a later
-- time, however old its finished_at is. The cursor moves in the same transaction: exactly once.
-- Locks the row of history, for which uncount_outcomes waits.
create or replace function absurd.roll_up()
  returns bigint
  language plpgsql
as $$
declare
  v_from bigint;
  v_below bigint;
  v_count bigint;
  v_minutes absurd.rollup_minute[];
begin
  select h.rolled_xid into v_from from absurd.history h for update skip locked;
  if not found then
    return null;
  end if;
  -- The statements below take later snapshots, which show all that these transactions committed.
  v_below := txid_snapshot_xmin(txid_current_snapshot());
  if v_below <= v_from then
    return 0;
  end if;
  with ended as materialized (
    select absurd.day_of(o.task_id) as day, t.lane_id, l.queue, l.kind_id, o.kind,
           date_trunc(absurd.rollup_grain(o.finished_at), o.finished_at, 'UTC') as minute,
           extract(epoch from o.claimed_at - coalesce(t.available_at, t.created_at, absurd.number_at(t.id)))
             ::double precision as wait_seconds,
           extract(epoch from o.finished_at - o.claimed_at)::double precision as run_seconds
      from absurd.outcome o
      join absurd.task t on t.id = o.task_id
      join absurd.lane l on l.lane_id = t.lane_id
     where o.xid >= v_from and o.xid < v_below
  ),
  counted as (
    insert into absurd.ended_count as c (day, lane_id, kind, tasks)
    select e.day, e.lane_id, e.kind, count(*) from ended e group by 1, 2, 3 order by 1, 2, 3
    on conflict on constraint ended_count_pkey do update set tasks = c.tasks + excluded.tasks
  )
  select array_agg(m.*::absurd.rollup_minute), coalesce(sum(m.completed + m.failed + m.cancelled), 0)
    into v_minutes, v_count
    from (
      select e.minute, e.queue, e.kind_id, count(*) filter (where e.kind = 'c') as completed,
             count(*) filter (where e.kind = 'd') as failed,
             count(*) filter (where e.kind not in ('c', 'd')) as cancelled,
             count(e.run_seconds) as claimed, coalesce(sum(e.wait_seconds), 0) as wait_seconds,
             coalesce(sum(e.run_seconds), 0) as run_seconds,
             absurd.histogram_of(array_agg(e.wait_seconds)) as wait_histogram,
             absurd.histogram_of(array_agg(e.run_seconds)) as run_histogram
        from ended e group by 1, 2, 3
    ) m;
  perform absurd.add_rollups(v_minutes);
  perform absurd.add_attempts(v_from, v_below);
  update absurd.history h set rolled_xid = v_below;
  return v_count;
end;
$$;

-- To be called before the outcomes of tasks are removed, because the tasks get a new start: takes
-- them from the counts. Locks the outcomes, and the row of history against a roll-up meanwhile.
-- Raises WF034 when one of them is of a day that is being removed.
create or replace function absurd.uncount_outcomes(p_ids bigint[])
  returns void
  language plpgsql
as $$
declare
  v_day date;
  v_rolled bigint;
begin
  select h.rolled_xid into v_rolled from absurd.history h for share;
  select c.day into v_day from absurd.closing_day c
   where c.day in (select absurd.day_of(i) from unnest(p_ids) i) limit 1;
  if found then
    raise exception using
      errcode = 'WF034', message = format('the history of %s is being removed', v_day);
  end if;
  with held as materialized (
    select o.task_id, o.kind, o.xid from absurd.outcome o
     where o.task_id = any(p_ids) order by o.task_id
       for update
  ),
  gone as materialized (
    select absurd.day_of(h.task_id) as day, t.lane_id, h.kind, count(*) as tasks
      from held h join absurd.task t on t.id = h.task_id
     where h.xid < v_rolled
     group by 1, 2, 3
  ),
  rows as materialized (
    select c.day, c.lane_id, c.kind, g.tasks
      from gone g
      join absurd.ended_count c on c.day = g.day and c.lane_id = g.lane_id and c.kind = g.kind
     order by 1, 2, 3
       for update of c
  )
  update absurd.ended_count c set tasks = c.tasks - r.tasks
    from rows r where c.day = r.day and c.lane_id = r.lane_id and c.kind = r.kind;
end;
$$;

-- Tasks of each lane by place: p pending, r retrying, l claimed, and the kinds of outcomes. Reads what
-- ended from the counts and the outcomes since the last roll-up, and what waits from
-- absurd.lane_depths: the cost depends neither on history nor on how much waits.
create or replace function absurd.count_lanes()
  returns table (lane_id integer, place text, tasks bigint)
  language sql stable
as $$
  select d.lane_id, x.place, x.tasks
    from absurd.lane_depths() d
    cross join lateral (
      values ('p', d.tasks - d.retrying), ('r', d.retrying)
    ) x(place, tasks)
   where x.tasks > 0
  union all
  select s.lane_id, 'l', count(*) from absurd.lease s group by 1
  union all
  select e.lane_id, e.kind::text, e.tasks from absurd.ended_count e where e.tasks > 0
  union all
  select u.lane_id, u.kind::text, u.tasks from absurd.unrolled_ends() u;
$$;

-- Counts of a queue's tasks by status, or of all queues when p_queue is null. The same as counting
-- the view, at the cost of count_lanes.
create or replace function absurd.get_queue_stats(p_queue text default null)
  returns table (
    queue_name text, pending bigint, claimed bigint, completed bigint, failed bigint,
    cancelled bigint, retrying bigint, total bigint
  )
  language sql stable
as $$
  select l.queue,
         coalesce(sum(c.tasks) filter (where c.place = 'p'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'l'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'c'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'd'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'x'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'r'), 0)::bigint,
         sum(c.tasks)::bigint
    from absurd.count_lanes() c join absurd.lane l on l.lane_id = c.lane_id
   where p_queue is null or l.queue = p_queue
   group by l.queue
   order by l.queue;
$$;

-- The same by task name.
create or replace function absurd.get_name_stats()
  returns table (
    task_name text, pending bigint, claimed bigint, completed bigint, failed bigint,
    cancelled bigint, retrying bigint, total bigint
  )
  language sql stable
as $$
  select k.name,
         coalesce(sum(c.tasks) filter (where c.place = 'p'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'l'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'c'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'd'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'x'), 0)::bigint,
         coalesce(sum(c.tasks) filter (where c.place = 'r'), 0)::bigint,
         sum(c.tasks)::bigint
    from absurd.count_lanes() c
    join absurd.lane l on l.lane_id = c.lane_id
    join absurd.kind k on k.kind_id = l.kind_id
   group by k.name
   order by k.name;
$$;
