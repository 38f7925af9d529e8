-- What ended when and how fast, from the roll-ups.

-- What ended between two times by steps: of whole hours, or of minutes for the two days for which
-- these are kept. Of one queue and task name or of all (null); by queue and task name, or together
-- (p_together, both null then). Seconds are of tasks that were claimed; a wait counts from when the
-- task could first run to its last claim. Percentiles are within 9 %.
create or replace function absurd.stats_history(
  p_from timestamptz, p_to timestamptz, p_step interval default '1 hour',
  p_queue text default null, p_task_name text default null, p_together boolean default false
)
  returns table (
    since timestamptz, queue_name text, task_name text, completed bigint, failed bigint,
    cancelled bigint, wait_mean double precision, wait_p50 double precision,
    wait_p95 double precision, wait_p99 double precision, run_mean double precision,
    run_p50 double precision, run_p95 double precision, run_p99 double precision
  )
  language sql stable
as $$
  with chosen as (
    select r.hour as at, r.queue, r.kind_id, r.completed, r.failed, r.cancelled, r.claimed,
           r.wait_seconds, r.run_seconds, r.wait_histogram, r.run_histogram
      from absurd.rollup r
     where p_step >= interval '1 hour' and r.hour >= date_trunc('hour', p_from) and r.hour < p_to
    union all
    select m.minute, m.queue, m.kind_id, m.completed, m.failed, m.cancelled, m.claimed,
           m.wait_seconds, m.run_seconds, m.wait_histogram, m.run_histogram
      from absurd.rollup_minute m
     where p_step < interval '1 hour' and m.minute >= date_trunc('minute', p_from)
       and m.minute < p_to
  ),
  -- place: a number for each row of the answer, in its order. Numbers are compared faster than texts.
  step as materialized (
    select x.*, dense_rank() over (order by x.since, x.queue, x.name) as place
      from (
        select date_bin(p_step, c.at, date_trunc('hour', p_from)) as since,
               case when not p_together then c.queue end as queue,
               case when not p_together then k.name end as name, c.completed, c.failed,
               c.cancelled, c.claimed, c.wait_seconds, c.run_seconds, c.wait_histogram,
               c.run_histogram
          from chosen c join absurd.kind k on k.kind_id = c.kind_id
         where (p_queue is null or c.queue = p_queue)
           and (p_task_name is null or k.name = p_task_name)
      ) x
  ),
  summed as (
    select s.place, min(s.since) as since, min(s.queue) as queue, min(s.name) as name,
           sum(s.completed)::bigint as completed, sum(s.failed)::bigint as failed,
           sum(s.cancelled)::bigint as cancelled,
           sum(s.wait_seconds) / nullif(sum(s.claimed), 0)::double precision as wait_mean,
           sum(s.run_seconds) / nullif(sum(s.claimed), 0)::double precision as run_mean
      from step s group by s.place
  ),
  -- Waits have even numbers, runs odd ones.
  bucket as (
    select u.of, u.e >> 48 as bucket, sum((u.e & 281474976710655)::double precision) as n
      from (
        select 2 * s.place as of, unnest(s.wait_histogram) as e from step s
        union all
        select 2 * s.place + 1, unnest(s.run_histogram) from step s
      ) u
     group by 1, 2
  ),
  ranked as (
    select b.of, b.bucket, sum(b.n) over w as upto, sum(b.n) over (partition by b.of) as total
      from bucket b window w as (partition by b.of order by b.bucket)
  ),
  quantile as (
    select r.of,
           absurd.bucket_seconds(min(r.bucket) filter (where r.upto >= ceil(r.total * 0.5))) as p50,
           absurd.bucket_seconds(min(r.bucket) filter (where r.upto >= ceil(r.total * 0.95))) as p95,
           absurd.bucket_seconds(min(r.bucket) filter (where r.upto >= ceil(r.total * 0.99))) as p99
      from ranked r group by r.of
  )
  select s.since, s.queue, s.name, s.completed, s.failed, s.cancelled,
         s.wait_mean, w.p50, w.p95, w.p99, s.run_mean, r.p50, r.p95, r.p99
    from summed s
    left join quantile w on w.of = 2 * s.place
    left join quantile r on r.of = 2 * s.place + 1
   order by s.place;
$$;

-- What ended since a time not long ago, those that no roll-up has yet, too.
create or replace function absurd.recent_ends(p_since timestamptz)
  returns table (completed bigint, failed bigint, cancelled bigint)
  language sql stable
as $$
  select coalesce(sum(e.completed), 0)::bigint, coalesce(sum(e.failed), 0)::bigint,
         coalesce(sum(e.cancelled), 0)::bigint
    from (
      select m.completed, m.failed, m.cancelled
        from absurd.rollup_minute m where m.minute >= date_trunc('minute', p_since)
      union all
      select sum(u.tasks) filter (where u.kind = 'c'), sum(u.tasks) filter (where u.kind = 'd'),
             sum(u.tasks) filter (where u.kind = 'x')
        from absurd.unrolled_ends(p_since) u
    ) e;
$$;

-- How many tasks came and ended in the last whole minutes and the one that runs, by queue, and over
-- how many seconds: arrivals by their numbers, ends from the roll-ups and what these lack. Of more
-- than 200,000 that came it reads the newest, and takes the others to have come as fast.
create or replace function absurd.queue_pace(p_minutes integer)
  returns table (queue text, spawned bigint, ended bigint, seconds double precision)
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
declare
  c_read_max constant integer := 200000;
  v_now timestamptz := absurd.clock();
  v_from timestamptz := date_trunc('minute', v_now - make_interval(mins => p_minutes));
begin
  return query
  with came as materialized (
    select t.lane_id, t.id from absurd.task t
     where t.id >= absurd.first_task_number(v_from)
       and t.id < absurd.first_task_number(v_now + interval '1 minute')
     order by t.id desc limit c_read_max
  ),
  reach as (
    select case when count(*) < c_read_max then 1
                else extract(epoch from v_now - v_from)
                     / greatest(extract(epoch from v_now) - (min(c.id) >> 20) / 1000.0, 0.001)
           end as times
      from came c
  )
  select p.queue, sum(p.spawned)::bigint, sum(p.ended)::bigint,
         extract(epoch from v_now - v_from)::double precision
    from (
      select l.queue, round(count(*) * (select r.times from reach r)) as spawned, 0 as ended
        from came c join absurd.lane l on l.lane_id = c.lane_id group by 1
      union all
      select m.queue, 0, m.completed + m.failed + m.cancelled
        from absurd.rollup_minute m where m.minute >= v_from
      union all
      select l.queue, 0, u.tasks
        from absurd.unrolled_ends(v_from) u join absurd.lane l on l.lane_id = u.lane_id
    ) p
   group by p.queue;
end;
$$;

-- Everything there ever was, a row a queue and task name: counters that only grow, whatever history
-- is kept. A task that ends, is tried again and ends again counts twice among the ends. Claims: of
-- attempts that completed or failed, so not of a task that dies without one. Up to the last roll-up.
create or replace function absurd.totals()
  returns table (
    queue_name text, task_name text, completed bigint, failed bigint, cancelled bigint,
    claimed bigint, timed_out bigint, ran bigint, wait_seconds double precision,
    run_seconds double precision, wait_histogram bigint[], run_histogram bigint[]
  )
  language sql stable
as $$
  select t.queue, k.name, sum(t.completed)::bigint, sum(t.failed)::bigint,
         sum(t.cancelled)::bigint, (sum(t.completed) + sum(t.attempts_failed))::bigint,
         sum(t.timed_out)::bigint, sum(t.ran)::bigint, sum(t.wait_seconds), sum(t.run_seconds),
         absurd.sum_histograms(t.wait_histogram), absurd.sum_histograms(t.run_histogram)
    from absurd.ended_total t join absurd.kind k on k.kind_id = t.kind_id
   group by 1, 2 order by 1, 2;
$$;

-- How long tasks of each name ran that ended since a time, in the middle and at most but for 1 of 20.
create or replace function absurd.usual_runs(p_since timestamptz)
  returns table (task_name text, p50 double precision, p95 double precision)
  language sql stable
as $$
  select h.name, absurd.histogram_quantile(h.histogram, 0.5),
         absurd.histogram_quantile(h.histogram, 0.95)
    from (
      select b.name, array_agg((b.bucket << 48) + b.n order by b.bucket) as histogram
        from (
          select k.name, e >> 48 as bucket, sum(e & 281474976710655)::bigint as n
            from absurd.rollup r
            join absurd.kind k on k.kind_id = r.kind_id
            cross join unnest(r.run_histogram) e
           where r.hour >= p_since group by 1, 2
        ) b
       group by b.name
    ) h
   order by h.name;
$$;

-- How many tasks were ever spawned and do not wait: they are held, have ended or are gone.
create or replace function absurd.claimed_total()
  returns bigint
  language sql stable
as $$
  select (select count(*) from absurd.lease)
       + (select coalesce(sum(c.tasks), 0)::bigint from absurd.ended_count c)
       + (select coalesce(sum(u.tasks), 0)::bigint from absurd.unrolled_ends() u)
       + h.dropped
    from absurd.history h;
$$;

-- How many tasks were ever spawned: those that have not ended, those that ended, those that are
-- gone. Never less than before. As the leader counted them last, see absurd.lane_depths, where more
-- waits than can be counted for each who asks.
create or replace function absurd.spawned_total()
  returns bigint
  language plpgsql stable
as $$
declare
  v_noted bigint := (
    select n.spawned from absurd.depth_noted n where n.at > absurd.clock() - interval '30 seconds'
  );
begin
  if v_noted is not null then
    return v_noted;
  end if;
  return (
    select (select count(*) from absurd.ready) + (select count(*) from absurd.deferred)
           + (select count(*) from absurd.waiting) + (select count(*) from absurd.parked)
           + absurd.claimed_total()
  );
end;
$$;
