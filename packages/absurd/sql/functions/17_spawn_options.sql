-- What only some spawned tasks ask for: checks of their options, content that is spawned once in a
-- window, deadlines and expiry.

-- "<field> is <value>, expected <...>" unless the field is absent or a number in the range.
create or replace function absurd.number_problem(
  p jsonb, p_field text, p_min double precision, p_max double precision, p_expected text,
  p_whole boolean default false
)
  returns text
  language sql immutable
as $$
  select case
    when not p ? p_field or p -> p_field = 'null' then null
    when jsonb_typeof(p -> p_field) <> 'number'
      or not (p ->> p_field)::numeric between p_min::numeric and p_max::numeric
      or p_whole and (p ->> p_field)::numeric % 1 <> 0
    then format('%s is %s, expected %s', p_field, left((p -> p_field)::text, 100), p_expected)
  end;
$$;

-- The same for text that must match.
create or replace function absurd.text_problem(
  p jsonb, p_field text, p_pattern text, p_expected text
)
  returns text
  language sql immutable
as $$
  select case
    when not p ? p_field or p -> p_field = 'null' then null
    when jsonb_typeof(p -> p_field) <> 'string' or (p ->> p_field) !~ p_pattern
    then format('%s is %s, expected %s', p_field, left((p -> p_field)::text, 100), p_expected)
  end;
$$;

-- The same for times.
create or replace function absurd.time_problem(p jsonb, p_field text)
  returns text
  language plpgsql stable
as $$
begin
  perform (p ->> p_field)::timestamptz;
  return null;
exception when data_exception then
  return format('%s is %s, expected a time', p_field, left((p -> p_field)::text, 100));
end;
$$;

-- What is wrong with a retry policy, or null. See absurd.retry_rule.
create or replace function absurd.policy_problem(p_policy jsonb)
  returns text
  language sql stable
as $$
  with rule as (
    select 'retry.' || e.key as path, e.value as rule
      from jsonb_each(case jsonb_typeof(p_policy -> 'retry') when 'object'
                           then p_policy -> 'retry' else '{}' end) e
     where e.key <> 'by_tag'
    union all
    select 'retry.by_tag.' || e.key, e.value
      from jsonb_each(case jsonb_typeof(p_policy #> '{retry,by_tag}') when 'object'
                           then p_policy #> '{retry,by_tag}' else '{}' end) e
  ),
  problem as (
    select r.path, case
             when r.path !~ '^retry\.(default|retryable|recoverable|timeout|lost|by_tag\..+)$'
             then 'is unknown, expected default, retryable, recoverable, timeout, lost or by_tag'
             when jsonb_typeof(r.rule) <> 'object' then 'is no object'
             when r.path = 'retry.default' and r.rule ? 'max_retries'
             then 'has max_retries, expected it as max_retries of the task'
             when r.rule ? 'repair' and r.path !~ '^retry\.(recoverable|by_tag\..+)$'
             then 'has a repair, expected one of recoverable or of a tag'
             when r.rule ? 'repair' and not exists (
                    select from absurd.kind k where k.name = r.rule #>> '{repair,task}')
             then format('has a repair by %s, expected a registered task name',
                         coalesce(r.rule #> '{repair,task}', 'null'))
             when r.rule #> '{repair,params}' is not null
                  and jsonb_typeof(r.rule #> '{repair,params}') <> 'object'
             then 'has a repair with params that are no object'
             else ': ' || coalesce(
               absurd.number_problem(r.rule -> 'repair', 'max_repairs', 1, 1e6,
                                     'a whole number from 1', true),
               absurd.number_problem(r.rule, 'max_retries', 0, 1e6, 'a whole number from 0', true),
               absurd.number_problem(r.rule, 'backoff_seconds', 0, 1e9, 'a number from 0 to 1e9'),
               absurd.number_problem(r.rule, 'factor', 1, 100, 'a number from 1 to 100'),
               absurd.number_problem(r.rule, 'backoff_seconds_max', 0, 1e9,
                                     'a number from 0 to 1e9'),
               absurd.number_problem(r.rule, 'jitter', 0, 1, 'a number from 0 to 1'),
               (select key || ' is unknown, expected max_retries, backoff_seconds, factor, '
                           || 'backoff_seconds_max, jitter or repair'
                  from jsonb_object_keys(r.rule) key
                 where key not in ('max_retries', 'backoff_seconds', 'factor',
                                   'backoff_seconds_max', 'jitter', 'repair')
                 limit 1)
             )
           end as what
      from rule r
  )
  select coalesce(
    case when p_policy is not null and jsonb_typeof(p_policy) not in ('object', 'null')
         then 'policy is no object' end,
    case when jsonb_typeof(p_policy -> 'retry') <> 'object' then 'policy.retry is no object' end,
    absurd.number_problem(p_policy, 'backoff_seconds', 0, 1e9, 'a number from 0 to 1e9'),
    absurd.number_problem(p_policy, 'backoff_seconds_max', 0, 1e9, 'a number from 0 to 1e9'),
    (select format(case when p.what like ':%' then 'policy.%s%s' else 'policy.%s %s' end,
                   p.path, p.what)
       from problem p where p.what is not null order by p.path limit 1)
  );
$$;

-- What is wrong with the dedupe option of a task, or null.
create or replace function absurd.dedupe_problem(p jsonb)
  returns text
  language sql immutable
as $$
  select case
    when not p ? 'dedupe' or p -> 'dedupe' = 'null' then null
    when jsonb_typeof(p -> 'dedupe') <> 'object' or p #> '{dedupe,window_seconds}' is null
    then format('dedupe is %s, expected { window_seconds, by }', left((p -> 'dedupe')::text, 100))
    when p ->> 'idempotency_key' is not null
    then 'dedupe and idempotency_key are set, expected one of them'
    when p #> '{dedupe,by}' is not null and p #> '{dedupe,by}' <> '"params"'
         and (jsonb_typeof(p #> '{dedupe,by}') <> 'array' or p #> '{dedupe,by}' = '[]'
              or p #> '{dedupe,by}' @? '$[*] ? (@.type() != "string" || @ == "")')
    then format('dedupe.by is %s, expected "params" or a list of paths into them',
                left((p #> '{dedupe,by}')::text, 100))
    else 'dedupe.' || absurd.number_problem(
           p -> 'dedupe', 'window_seconds', 1, 1e9, 'seconds from 1 to 1e9')
  end;
$$;

-- What is wrong with one element of what absurd.spawn_tasks is given, or null.
create or replace function absurd.spawn_problem(p jsonb)
  returns text
  language sql stable
as $$
  select coalesce(
    case when jsonb_typeof(p) <> 'object' then 'it is no object' end,
    absurd.text_problem(p, 'queue_name', '.', 'text'),
    absurd.number_problem(p, 'priority', -32768, 32767, 'a whole number from -32768 to 32767', true),
    absurd.number_problem(p, 'max_retries', 0, 1e6, 'a whole number from 0 to 1000000', true),
    absurd.number_problem(p, 'timeout_seconds', 0.001, 1e9, 'seconds from 0.001 to 1e9'),
    absurd.number_problem(p, 'delay_seconds', 0, 1e9, 'seconds from 0 to 1e9'),
    absurd.time_problem(p, 'available_at'),
    absurd.text_problem(p, 'idempotency_key', '.', 'text'),
    absurd.number_problem(p, 'idempotency_key_ttl_seconds', 1, 1e9, 'seconds from 1 to 1e9'),
    case when p -> 'idempotency_key_ttl_seconds' <> 'null' and p ->> 'idempotency_key' is null
         then 'idempotency_key_ttl_seconds is set, expected an idempotency_key with it' end,
    absurd.text_problem(p, 'correlation_id', '.', 'text'),
    absurd.text_problem(p, 'workflow_id',
      '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$', 'a UUID'),
    case when p -> 'tags' <> 'null' and (jsonb_typeof(p -> 'tags') <> 'array'
              or p -> 'tags' @? '$[*] ? (@.type() != "string" || @ == "")')
         then format('tags is %s, expected a list of texts that are not empty',
                     left((p -> 'tags')::text, 100)) end,
    case when p -> 'depends_on' <> 'null' and jsonb_typeof(p -> 'depends_on') <> 'array'
         then format('depends_on is %s, expected a list', left((p -> 'depends_on')::text, 100)) end,
    absurd.policy_problem(p -> 'policy'),
    absurd.time_problem(p, 'deadline_at'),
    absurd.time_problem(p, 'expires_at'),
    absurd.number_problem(p, 'expires_in_seconds', 0.001, 1e9, 'seconds from 0.001 to 1e9'),
    case when p ->> 'expires_at' is not null and p ->> 'expires_in_seconds' is not null
         then 'expires_at and expires_in_seconds are set, expected one of them' end,
    absurd.dedupe_problem(p),
    case when jsonb_typeof(p -> 'trace_context') not in ('object', 'null')
         then format('trace_context is %s, expected { traceparent, tracestate }',
                     left((p -> 'trace_context')::text, 100)) end,
    'trace_context.' || absurd.text_problem(p -> 'trace_context', 'traceparent',
      '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
      'a W3C traceparent: version-trace-parent-flags in hexadecimal'),
    'trace_context.' || absurd.text_problem(p -> 'trace_context', 'tracestate', '', 'text'),
    case when length(p #>> '{trace_context,tracestate}') > 512
         then 'trace_context.tracestate is longer than 512 characters' end
  );
$$;

-- The indexes of tasks whose options need a closer look: what is rare or seems wrong. The many
-- without such options cost a comparison each.
create or replace function absurd.doubtful_spawns(p_rows absurd.spawn_row[], p_now timestamptz)
  returns integer[]
  language sql immutable
as $$
  select array_agg(r.ordinal - 1)
    from unnest(p_rows) r
   where r.attempts_max < 1 or r.timeout_ms <= 0 or r.available_at < p_now
      or r.idempotency_key = '' or r.queue = ''
      or '' = any(r.tags) or array_position(r.tags, null) is not null
      or r.policy is not null
      or r.request ?| array['dedupe', 'deadline_at', 'expires_at', 'expires_in_seconds',
                            'trace_context', 'idempotency_key_ttl_seconds'];
$$;

-- Raises WF035 for the first of the tasks that has a bad option. p_indexes: null for all.
create or replace function absurd.check_spawns(p_tasks jsonb, p_indexes integer[])
  returns void
  language plpgsql
as $$
declare
  v_bad record;
begin
  if cardinality(p_indexes) = 0 then
    return;
  end if;
  select e.ordinality - 1 as index, p.problem into v_bad
    from jsonb_array_elements(p_tasks) with ordinality e
    cross join lateral absurd.spawn_problem(e.value) as p(problem)
   where (p_indexes is null or e.ordinality - 1 = any(p_indexes)) and p.problem is not null
   order by e.ordinality limit 1;
  if found then
    raise exception using
      errcode = 'WF035',
      message = format('task %s of the batch: %s', v_bad.index, v_bad.problem);
  end if;
end;
$$;

-- When a task that nobody claimed ends; null: never.
create or replace function absurd.expiry_of(p_request jsonb, p_now timestamptz)
  returns timestamptz
  language sql immutable
as $$
  select coalesce(
    (p_request ->> 'expires_at')::timestamptz,
    p_now + make_interval(secs => (p_request ->> 'expires_in_seconds')::double precision)
  );
$$;

-- Writes what the leader looks at when the time of a deadline or an expiry has come.
create or replace function absurd.note_expiry(p_rows absurd.spawn_row[])
  returns void
  language sql
as $$
  insert into absurd.expiry (at, task_id, kind)
  select e.at, t.id, e.kind
    from unnest(p_rows) r
    join absurd.task t on t.id = r.number
    cross join lateral (
      values (t.deadline_at, 'd'::"char"), (t.expires_at, 'e'::"char")
    ) as e(at, kind)
   where r.number = r.final and e.at is not null
     and r.request ?| array['deadline_at', 'expires_at', 'expires_in_seconds'];
$$;
