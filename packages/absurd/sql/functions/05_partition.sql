-- Creates the daily partitions of task and of what is written about it from today to p_days ahead.
--
-- There is no default partition (it would have to be scanned at each attach), so this runs ahead:
-- at migration, by the leader, and by spawn_tasks itself should today's be missing. Tables are
-- attached, not created in place, because attaching does not block readers and writers.
-- Serialized by a transaction-level advisory lock.
create or replace function absurd.ensure_partitions(p_days integer default 7)
  returns integer
  language plpgsql
as $$
declare
  v_day date;
  v_table text;
  v_name text;
  v_created integer := 0;
  v_today date := (clock_timestamp() at time zone 'UTC')::date;
begin
  for v_day in select v_today + i from generate_series(0, p_days) i loop
    foreach v_table in array array['outcome', 'attempt', 'checkpoint', 'task_log', 'task'] loop
      v_name := v_table || '_' || to_char(v_day, 'YYYYMMDD');
      continue when to_regclass('absurd.' || v_name) is not null;
      perform pg_advisory_xact_lock(hashtext('absurd.ensure_partitions'));
      continue when to_regclass('absurd.' || v_name) is not null;
      execute format(
        'create table absurd.%I (like absurd.%I including defaults including constraints)',
        v_name, v_table
      );
      execute format(
        'alter table absurd.%I attach partition absurd.%I for values from (%s) to (%s)',
        v_table, v_name,
        absurd.first_task_number(v_day::timestamp at time zone 'UTC'),
        absurd.first_task_number((v_day + 1)::timestamp at time zone 'UTC')
      );
      v_created := v_created + 1;
    end loop;
  end loop;
  return v_created;
end;
$$;

-- True when a task can be born now. The partition of task is created last, so it stands for all.
create or replace function absurd.has_partition_today()
  returns boolean
  language sql stable
as $$
  select to_regclass(
    'absurd.task_' || to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDD')
  ) is not null;
$$;
