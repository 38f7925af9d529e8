-- Where searches read what they look at: see packages/absurd/src/task-source.ts. Their plans are kept,
-- and walk indexes in order, newest first, until there are enough: planned each time, over the days of
-- history, they cost ten times as much, and the planner would sort all that ever failed.

-- Tasks that ended so ('d' or 'x') with numbers from p_from to before p_before (null: no bound),
-- newest first.
create or replace function absurd.newest_ended(
  p_kind "char", p_from bigint, p_before bigint, p_limit integer
)
  returns setof bigint
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set enable_sort = off
  set jit = off
  set max_parallel_workers_per_gather = 0
as $$
begin
  return query
  select o.task_id from absurd.outcome o
   where o.kind = p_kind and o.kind <> 'c'
     and o.task_id >= coalesce(p_from, 0) and o.task_id < coalesce(p_before, 9223372036854775807)
   order by o.task_id desc limit p_limit;
end;
$$;

-- The same of tasks of which an attempt failed.
create or replace function absurd.newest_tried(p_from bigint, p_before bigint, p_limit integer)
  returns setof bigint
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set enable_sort = off
  set jit = off
  set enable_hashagg = off
  set max_parallel_workers_per_gather = 0
as $$
begin
  return query
  select distinct a.task_id from absurd.attempt a
   where a.task_id >= coalesce(p_from, 0) and a.task_id < coalesce(p_before, 9223372036854775807)
   order by a.task_id desc limit p_limit;
end;
$$;

-- The rows of these tasks.
create or replace function absurd.task_rows(p_ids bigint[])
  returns setof absurd.task
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select b.*
    from unnest(p_ids) i
    cross join lateral (select t.* from absurd.task t where t.id = i offset 0) b;
end;
$$;
