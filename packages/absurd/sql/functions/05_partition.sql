-- The tables that have a partition a day, by task number: all partitioned tables of the schema. task
-- comes last, so that its partition stands for all.
create or replace function absurd.partitioned_tables()
  returns setof text
  language sql stable
as $$
  select c.relname::text from pg_class c
   where c.relnamespace = 'absurd'::regnamespace and c.relkind = 'p'
   order by c.relname = 'task', c.relname;
$$;

-- The days for which there are partitions.
create or replace function absurd.partition_days()
  returns table (day date)
  language sql stable
as $$
  -- The case keeps a planner that looks at names before parents from reading dates in other names.
  select case when c.relname ~ '^task_[0-9]{8}$' then to_date(right(c.relname, 8), 'YYYYMMDD') end
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'absurd.task'::regclass;
$$;

-- The day of birth of a task, which names its partition.
create or replace function absurd.day_of(p_task_number bigint)
  returns date
  language sql immutable strict parallel safe
as $$
  select date '1970-01-01' + (p_task_number / (86400000::bigint << 20))::integer;
$$;

-- The first number of the tasks that are born on a day.
create or replace function absurd.first_of_day(p_day date)
  returns bigint
  language sql immutable strict parallel safe
as $$
  select absurd.first_task_number(p_day::timestamp at time zone 'UTC');
$$;

-- Creates the daily partitions from today to p_days ahead.
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
    for v_table in select p.name from absurd.partitioned_tables() p(name) loop
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
        absurd.first_of_day(v_day), absurd.first_of_day(v_day + 1)
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
