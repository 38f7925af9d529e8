-- Roll-ups: sums that outlive the tasks.

-- What ended since the last roll-up, at p_since or later: finds transactions by index, whatever the
-- planner thinks of a number that it does not know.
create or replace function absurd.unrolled_ends(p_since timestamptz default '-infinity')
  returns table (lane_id integer, kind "char", tasks bigint)
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set jit = off
as $$
declare
  v_rolled bigint := (select h.rolled_xid from absurd.history h);
begin
  return query
  select t.lane_id, o.kind, count(*)
    from absurd.outcome o
    cross join lateral (
      select b.lane_id from absurd.task b where b.id = o.task_id offset 0
    ) t
   where o.xid >= v_rolled and o.finished_at >= p_since
   group by 1, 2;
end;
$$;

-- The unit of time by which an end is rolled up: minutes are kept for two days, so what ended before
-- then, of which there is much when nobody has rolled up for long, is put together by the hour.
create or replace function absurd.rollup_grain(p_at timestamptz)
  returns text
  language sql stable
as $$
  select case when p_at >= absurd.clock() - interval '2 days' then 'minute' else 'hour' end;
$$;

-- Adds what ended, by minutes or, long ago, by hours, to the roll-ups of minutes and hours and to
-- the totals. Locks their rows, in the order of their keys.
create or replace function absurd.add_rollups(p_minutes absurd.rollup_minute[])
  returns void
  language sql
as $$
  insert into absurd.rollup_minute as r
  select m.* from unnest(p_minutes) m
   where absurd.rollup_grain(m.minute) = 'minute'
   order by m.minute, m.queue, m.kind_id
  on conflict on constraint rollup_minute_pkey do update
     set completed = r.completed + excluded.completed, failed = r.failed + excluded.failed,
         cancelled = r.cancelled + excluded.cancelled, claimed = r.claimed + excluded.claimed,
         wait_seconds = r.wait_seconds + excluded.wait_seconds,
         run_seconds = r.run_seconds + excluded.run_seconds,
         wait_histogram = absurd.add_histograms(r.wait_histogram, excluded.wait_histogram),
         run_histogram = absurd.add_histograms(r.run_histogram, excluded.run_histogram);

  insert into absurd.rollup as r (
    hour, queue, kind_id, completed, failed, cancelled, claimed, wait_seconds, run_seconds,
    wait_histogram, run_histogram
  )
  select date_trunc('hour', m.minute at time zone 'UTC') at time zone 'UTC', m.queue, m.kind_id,
         sum(m.completed), sum(m.failed), sum(m.cancelled), sum(m.claimed), sum(m.wait_seconds),
         sum(m.run_seconds), absurd.sum_histograms(m.wait_histogram),
         absurd.sum_histograms(m.run_histogram)
    from unnest(p_minutes) m group by 1, 2, 3 order by 1, 2, 3
  on conflict on constraint rollup_pkey do update
     set completed = r.completed + excluded.completed, failed = r.failed + excluded.failed,
         cancelled = r.cancelled + excluded.cancelled, claimed = r.claimed + excluded.claimed,
         wait_seconds = r.wait_seconds + excluded.wait_seconds,
         run_seconds = r.run_seconds + excluded.run_seconds,
         wait_histogram = absurd.add_histograms(r.wait_histogram, excluded.wait_histogram),
         run_histogram = absurd.add_histograms(r.run_histogram, excluded.run_histogram);

  insert into absurd.ended_total as r (
    queue, kind_id, completed, failed, cancelled, ran, wait_seconds, run_seconds, wait_histogram,
    run_histogram
  )
  select m.queue, m.kind_id, sum(m.completed), sum(m.failed), sum(m.cancelled), sum(m.claimed),
         sum(m.wait_seconds), sum(m.run_seconds), absurd.sum_histograms(m.wait_histogram),
         absurd.sum_histograms(m.run_histogram)
    from unnest(p_minutes) m group by 1, 2 order by 1, 2
  on conflict on constraint ended_total_pkey do update
     set completed = r.completed + excluded.completed, failed = r.failed + excluded.failed,
         cancelled = r.cancelled + excluded.cancelled, ran = r.ran + excluded.ran,
         wait_seconds = r.wait_seconds + excluded.wait_seconds,
         run_seconds = r.run_seconds + excluded.run_seconds,
         wait_histogram = absurd.add_histograms(r.wait_histogram, excluded.wait_histogram),
         run_histogram = absurd.add_histograms(r.run_histogram, excluded.run_histogram);
$$;

-- Adds attempts that failed in transactions from p_from to before p_below to the totals.
create or replace function absurd.add_attempts(p_from bigint, p_below bigint)
  returns void
  language sql
as $$
  insert into absurd.ended_total as r (queue, kind_id, attempts_failed, timed_out)
  select l.queue, l.kind_id, count(*), count(*) filter (where a.class = 'timeout')
    from absurd.attempt a
    join absurd.task t on t.id = a.task_id
    join absurd.lane l on l.lane_id = t.lane_id
   where a.xid >= p_from and a.xid < p_below and a.class <> 'completed'
   group by 1, 2 order by 1, 2
  on conflict on constraint ended_total_pkey do update
     set attempts_failed = r.attempts_failed + excluded.attempts_failed,
         timed_out = r.timed_out + excluded.timed_out;
$$;
