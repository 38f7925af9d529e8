-- What follows from an attempt that did not complete. Nothing here writes.

-- The retry rule for an error: the more special one wins, field by field, and of two equally special
-- ones the task's wins over its kind's.
--
-- A policy is { "retry": { "default": rule, "<class>": rule, "by_tag": { "<tag>": rule } } }, a rule
-- { max_retries, backoff_seconds, factor, backoff_seconds_max, jitter, repair }. "name" in the result
-- says whose max_retries it is; null when the task's own limit holds.
create or replace function absurd.retry_rule(
  p_kind jsonb, p_task jsonb, p_class text, p_tag text
)
  returns jsonb
  language sql immutable
as $$
  select l.plain || l.of_class || l.of_tag || jsonb_build_object('name', case
           when l.of_tag ? 'max_retries' then 'tag ' || p_tag
           when l.of_class ? 'max_retries' then 'class ' || p_class
         end)
    from (
      select coalesce(p_kind #> '{retry,default}', '{}')
             || jsonb_strip_nulls(jsonb_build_object(
                  'backoff_seconds', p_task -> 'backoff_seconds',
                  'backoff_seconds_max', p_task -> 'backoff_seconds_max'
                ))
             || coalesce(p_task #> '{retry,default}', '{}') as plain,
             coalesce(p_kind #> array['retry', p_class], '{}')
             || coalesce(p_task #> array['retry', p_class], '{}') as of_class,
             coalesce(p_kind #> array['retry', 'by_tag', p_tag], '{}')
             || coalesce(p_task #> array['retry', 'by_tag', p_tag], '{}') as of_tag
    ) l;
$$;

-- The wait after the p_failures-th failure: backoff_seconds (2), times factor (2) with each further
-- one, at most backoff_seconds_max (300). The part jitter (0.5) of it is spread by p_random, 0 to 1.
create or replace function absurd.backoff(
  p_failures integer, p_rule jsonb, p_random double precision
)
  returns interval
  language sql immutable
as $$
  select make_interval(secs => (1 - r.jitter * (1 - r.random)) * least(
           r.longest,
           -- In logarithms: a power that overflows would be an error.
           case when r.first = 0 then 0
                else exp(least(ln(r.first) + (greatest(p_failures, 1) - 1) * ln(r.factor), 50)) end
         ))
    from (
      -- To the microsecond: the product of smaller numbers can be too small for its type.
      select round(coalesce((p_rule ->> 'backoff_seconds')::numeric, 2), 6)::double precision
               as first,
             coalesce((p_rule ->> 'factor')::double precision, 2) as factor,
             round(coalesce((p_rule ->> 'backoff_seconds_max')::numeric, 300), 6)::double precision
               as longest,
             round(coalesce((p_rule ->> 'jitter')::numeric, 0.5), 6)::double precision as jitter,
             round(coalesce(p_random, 0.5)::numeric, 6)::double precision as random
    ) r;
$$;

-- When the next attempt may begin. An error that says retry_after_seconds knows better than a rule.
create or replace function absurd.next_try_at(
  p_failures integer, p_rule jsonb, p_random double precision, p_error jsonb
)
  returns timestamptz
  language sql stable
as $$
  select absurd.clock() + case
           when jsonb_typeof(p_error -> 'retry_after_seconds') = 'number'
           then make_interval(secs => least(greatest(
                  (p_error ->> 'retry_after_seconds')::double precision, 0), 30 * 86400.0))
           else absurd.backoff(p_failures, p_rule, p_random)
         end;
$$;

-- How often a task was repaired in a row, since its last new start.
create or replace function absurd.repairs_in_a_row(p_task_id bigint, p_reset_no integer)
  returns integer
  language sql stable
as $$
  select count(*)::integer
    from absurd.attempt a
   where a.task_id = p_task_id and a.repair_id is not null and a.claim_no > p_reset_no
     and not exists (
           select from absurd.attempt b
            where b.task_id = a.task_id and b.claim_no > a.claim_no and b.repair_id is null
         );
$$;

-- Judges attempts that just lost their lease.
--
-- An attempt counts from its claim, so a task that kills its workers comes to its end, too. Errors
-- whose rule has a limit of its own count against that; all others share the task's. One that was
-- asked to stop is not tried again, whatever its worker made of the request, and none is tried again
-- past its deadline.
create or replace function absurd.judge(p_ended absurd.ended_attempt[])
  returns absurd.judged_attempt[]
  language plpgsql stable
as $$
begin
  return (
  with known as materialized (
    select e.*, t.attempts_max, k.name as task_name, s.reason as cancel_reason,
           t.deadline_at <= absurd.clock() as is_late, c.credited, c.reset_no,
           absurd.retry_rule(k.policy, t.policy, e.class, e.error ->> 'tag') as rule
      from unnest(p_ended) e
      join absurd.task t on t.id = e.task_id
      join absurd.lane l on l.lane_id = t.lane_id
      join absurd.kind k on k.kind_id = l.kind_id
      left join absurd.signal s
        on s.task_id = e.task_id and s.claim_no = e.claim_no and s.kind = 'cancel'
      cross join lateral (
        select coalesce(sum(r.attempts), 0) as credited,
               coalesce(max(r.claim_no) filter (where r.is_reset), 0) as reset_no
          from absurd.credit r where r.task_id = e.task_id
      ) c
  ),
  counted as materialized (
    select n.*, (n.rule ->> 'max_retries')::integer + 1 as rule_max,
           case when n.rule ->> 'name' is null then n.claim_no - n.credited - a.of_rules
                else a.of_this + 1 end as failures
      from known n
      cross join lateral (
        select count(*) filter (where b.rule = n.rule ->> 'name') as of_this, count(*) as of_rules
          from absurd.attempt b
         where b.task_id = n.task_id and b.claim_no > n.reset_no and b.rule is not null
      ) a
  ),
  judged as materialized (
    select c.*,
           case
             when c.class = 'cancelled' then 'cancelled'
             when c.class in ('fatal', 'validation') then 'dead'
             when c.class <> 'released' and c.failures
                  >= case when c.rule ->> 'name' is null then c.attempts_max else c.rule_max end
             then 'dead'
             when c.cancel_reason is not null then 'cancelled'
             when c.is_late then 'late'
             when c.class = 'released' then 'released'
             when c.class = 'lost' then 'at once'
             when not c.rule ? 'repair' then 'again'
             when absurd.repairs_in_a_row(c.task_id, c.reset_no)
                  < coalesce((c.rule #>> '{repair,max_repairs}')::integer, 3)
             then 'repair'
             else 'dead'
           end as verdict
      from counted c
  ),
  worded as materialized (
    select j.*,
           case
             when j.verdict = 'cancelled' and j.class <> 'cancelled'
             then absurd.error_json('TaskCancelled', 'cancelled', j.cancel_reason)
             when j.verdict = 'late' and (j.error is null or j.class in ('released', 'lost'))
             then absurd.error_json('DeadlineExceeded', 'timeout', 'its deadline passed while it ran')
             else j.error
           end as final_error
      from judged j
  )
  select array_agg(row(
           w.task_id, w.claim_no, w.worker_id, w.lane_id, w.claimed_at, w.class, w.final_error,
           w.verdict,
           case when w.verdict = 'again'
                then absurd.next_try_at(w.failures::integer, w.rule, w.jitter, w.error) end,
           w.rule ->> 'name',
           case when w.verdict = 'repair' then w.rule -> 'repair' end,
           case when w.verdict not in ('cancelled', 'released')
                then absurd.fingerprint(w.task_name, w.final_error) end
         )::absurd.judged_attempt order by w.task_id)
    from worded w
  );
end;
$$;
