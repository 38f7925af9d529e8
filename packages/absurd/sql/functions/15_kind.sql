-- Registers task names with what a spawn needs to know of them; known names are brought up to date.
--
-- p_kinds: [{ task_name, queue_name, max_retries, timeout_seconds, params_schema, demand }].
-- demand: what its tasks ask for, as in absurd.spawn_tasks, where they say nothing else.
-- Writes only what differs, in the order of names, so that workers starting together do not wait
-- for each other in a circle. Locks kind rows.
create or replace function absurd.register_kinds(p_kinds jsonb)
  returns table (task_name text, kind_id integer)
  language sql
as $$
  with given as materialized (
    select g.task_name, coalesce(g.queue_name, 'default') as queue,
           coalesce(g.max_retries, 3) + 1 as attempts_max,
           (g.timeout_seconds * 1000)::bigint as timeout_ms, g.params_schema, g.demand
      from jsonb_to_recordset(p_kinds) as g(
             task_name text, queue_name text, max_retries integer,
             timeout_seconds double precision, params_schema jsonb,
             demand jsonb
           )
  ),
  changed as (
    insert into absurd.kind as k (name, queue, attempts_max, timeout_ms, params_schema, demand)
    select g.task_name, g.queue, g.attempts_max, g.timeout_ms, g.params_schema, g.demand
      from given g
     where not exists (
             select from absurd.kind o
              where o.name = g.task_name and o.queue = g.queue
                and o.attempts_max = g.attempts_max
                and o.timeout_ms is not distinct from g.timeout_ms
                and o.params_schema is not distinct from g.params_schema
                and o.demand is not distinct from g.demand
           )
     order by g.task_name
    on conflict (name) do update
       set queue = excluded.queue, attempts_max = excluded.attempts_max,
           timeout_ms = excluded.timeout_ms, params_schema = excluded.params_schema,
           demand = excluded.demand, registered_at = absurd.clock()
    returning k.name, k.kind_id
  )
  select c.name, c.kind_id from changed c
  union all
  select k.name, k.kind_id
    from absurd.kind k join given g on g.task_name = k.name
   where k.name not in (select c.name from changed c);
$$;
