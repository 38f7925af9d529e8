-- Histograms of waits and runs, for who adds them up and shows them to others.

-- The roll-ups of the hours from p_from on, a row each of hour, queue and task name. Bucket 0 is
-- below 1 ms, bucket i below 1 ms times 2 to the power of i/4; the last one is open.
create or replace function absurd.rollup_histograms(p_from timestamptz)
  returns table (
    hour timestamptz, queue_name text, task_name text, claimed bigint,
    wait_seconds double precision, run_seconds double precision,
    wait_histogram bigint[], run_histogram bigint[]
  )
  language sql stable
as $$
  select r.hour, r.queue, k.name, sum(r.claimed)::bigint, sum(r.wait_seconds), sum(r.run_seconds),
         absurd.sum_histograms(r.wait_histogram), absurd.sum_histograms(r.run_histogram)
    from absurd.rollup r join absurd.kind k on k.kind_id = r.kind_id
   where r.hour >= date_trunc('hour', p_from at time zone 'UTC') at time zone 'UTC'
   group by 1, 2, 3
   order by 1, 2, 3;
$$;
