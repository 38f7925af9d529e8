-- Histograms of seconds. Buckets are powers of the fourth root of 2 (19 % wide): 0 below 1 ms, 127 from
-- 42 days on. An array with an element a bucket that counted something: bucket * 2^48 + count.

create or replace function absurd.histogram_bucket(p_seconds double precision)
  returns integer
  language sql immutable parallel safe
as $$
  -- Not strict: of a strict function PostgreSQL puts no case into the statement that calls it.
  select case when p_seconds is null then null
              when p_seconds < 0.001 then 0
              else least(127, floor(4 * ln(p_seconds * 1000) / ln(2.0::double precision))::integer + 1)
         end;
$$;

create or replace function absurd.histogram_of(p_seconds double precision[])
  returns bigint[]
  language sql immutable
as $$
  select array(
    select (absurd.histogram_bucket(s)::bigint << 48) + count(*)
      from unnest(p_seconds) s where s is not null
     group by absurd.histogram_bucket(s) order by 1
  );
$$;

create or replace function absurd.add_histograms(p_one bigint[], p_other bigint[])
  returns bigint[]
  language sql immutable
as $$
  select array(
    select ((e >> 48) << 48) + sum(e & 281474976710655)::bigint
      from unnest(coalesce(p_one, '{}') || p_other) e group by e >> 48 order by 1
  );
$$;

create or replace aggregate absurd.sum_histograms(bigint[]) (
  sfunc = absurd.add_histograms, stype = bigint[]
);

-- What is counted in the middle of a bucket counts as.
create or replace function absurd.bucket_seconds(p_bucket bigint)
  returns double precision
  language sql immutable parallel safe
as $$
  select case p_bucket when 0 then 0.0005
                       else 0.001 * 2.0::double precision ^ ((p_bucket - 0.5) / 4) end;
$$;

-- The seconds below which p_fraction of the counted are, within 9 %; null of an empty histogram.
create or replace function absurd.histogram_quantile(
  p_histogram bigint[], p_fraction double precision
)
  returns double precision
  language sql immutable
as $$
  select absurd.bucket_seconds(h.bucket)
    from (
      select e >> 48 as bucket, sum(e & 281474976710655) over (order by e) as upto,
             sum(e & 281474976710655) over () as total
        from unnest(p_histogram) e
    ) h
   where h.total > 0 and h.upto >= greatest(1, ceil(h.total * p_fraction))
   order by h.bucket limit 1;
$$;
