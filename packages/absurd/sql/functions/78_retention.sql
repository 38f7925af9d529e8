-- Retention: history goes by the day, whole partitions at a time.
--
-- A day goes once all its tasks have ended: old tasks that still wait keep their day. The rows that
-- belong to its tasks in other tables go first, in batches; then the partitions, all at once.

-- What there is of history, a row a day of birth: tasks, how many of them have not ended, bytes.
-- Reads all of the days that it counts.
create or replace function absurd.history_days(p_before date default 'infinity')
  returns table (day date, tasks bigint, unended bigint, bytes bigint, closing boolean)
  language sql stable
as $$
  select d.day, t.n, t.n - e.n, b.bytes,
         exists (select from absurd.closing_day c where c.day = d.day)
    from absurd.partition_days() d
    cross join lateral (
      select absurd.first_of_day(d.day) as first, absurd.first_of_day(d.day + 1) as next
    ) r
    cross join lateral (
      select count(*) as n from absurd.task t where t.id >= r.first and t.id < r.next
    ) t
    cross join lateral (
      select count(*) as n from absurd.outcome o where o.task_id >= r.first and o.task_id < r.next
    ) e
    cross join lateral (
      select sum(pg_total_relation_size(to_regclass(
               'absurd.' || p.name || '_' || to_char(d.day, 'YYYYMMDD'))))::bigint as bytes
        from absurd.partitioned_tables() p(name)
    ) b
   where d.day < p_before
   order by d.day;
$$;

-- Does one step of removing the history of days before p_before, and says what it did: 'closed' a
-- day, 'purged' so many rows that belong to its tasks, 'dropped' its partitions. No row: nothing is
-- left to do. p_batch: rows a step.
-- Locks the row of history; for 'dropped' the partitioned tables, for half a second at most: who
-- cannot have them raises 55P03 and comes again later.
create or replace function absurd.prune_step(p_before date, p_batch integer default 10000)
  returns table (day date, what text, rows bigint)
  language plpgsql
as $$
declare
  v_day date;
  v_rows bigint;
begin
  select c.day into v_day from absurd.closing_day c order by c.day limit 1;
  if not found then
    for v_day in select d.day from absurd.partition_days() d where d.day < p_before order by 1 loop
      if absurd.close_day(v_day) then
        return query select v_day, 'closed', 0::bigint;
        return;
      end if;
    end loop;
    return;
  end if;
  v_rows := absurd.purge_rows(
    absurd.first_of_day(v_day), absurd.first_of_day(v_day + 1), p_batch
  );
  if v_rows > 0 then
    return query select v_day, 'purged', v_rows;
    return;
  end if;
  return query select v_day, 'dropped', absurd.drop_day(v_day);
end;
$$;

-- Closes a day: from then on none of its tasks gets a new start. False when one has not ended, or
-- ended and is not rolled up yet. Locks the row of history: who gives tasks a new start holds it
-- (uncount_outcomes), so this waits for them and they find the day closed afterwards.
create or replace function absurd.close_day(p_day date)
  returns boolean
  language plpgsql
as $$
declare
  v_from bigint := absurd.first_of_day(p_day);
  v_to bigint := absurd.first_of_day(p_day + 1);
  v_rolled bigint;
begin
  select h.rolled_xid into v_rolled from absurd.history h for update;
  if (select count(*) from absurd.task t where t.id >= v_from and t.id < v_to)
     <> (select count(*) from absurd.outcome o
          where o.task_id >= v_from and o.task_id < v_to and o.xid < v_rolled) then
    return false;
  end if;
  insert into absurd.closing_day (day) values (p_day) on conflict do nothing;
  return true;
end;
$$;

-- Removes up to p_limit rows, of each table that is not partitioned by day, that belong to the tasks
-- from p_from to before p_to. Returns how many; 0 when none is left.
create or replace function absurd.purge_rows(p_from bigint, p_to bigint, p_limit integer)
  returns bigint
  language plpgsql
as $$
declare
  v_nodes bigint[] := array(
    select n.task_id from absurd.workflow_node n
     where n.task_id >= p_from and n.task_id < p_to order by n.task_id limit p_limit
  );
  v_workflows bigint := absurd.purge_workflows(p_from, p_to, v_nodes, p_limit);
  v_rows bigint;
begin
  with nodes as (
    delete from absurd.workflow_node n where n.task_id = any(v_nodes) returning 1
  ),
  fan_outs as (
    delete from absurd.fan_out f where f.task_id = any(v_nodes) returning 1
  ),
  edges as (
    delete from absurd.dep d
     where d.ctid = any(
             array(select e.ctid from absurd.dep e
                    where e.parent >= p_from and e.parent < p_to limit p_limit)
             || array(select e.ctid from absurd.dep e
                       where e.child >= p_from and e.child < p_to limit p_limit))
    returning 1
  ),
  waits as (
    delete from absurd.wait_event w
     where w.ctid = any(array(
             select v.ctid from absurd.wait_event v where v.task_id >= p_from and v.task_id < p_to
              limit p_limit))
    returning 1
  ),
  credits as (
    delete from absurd.credit c
     where c.ctid = any(array(
             select k.ctid from absurd.credit k where k.task_id >= p_from and k.task_id < p_to
              limit p_limit))
    returning 1
  ),
  keys as (
    delete from absurd.dedup d
     where d.ctid = any(array(
             select k.ctid from absurd.dedup k where k.task_id >= p_from and k.task_id < p_to
              limit p_limit))
    returning 1
  ),
  notes as (
    delete from absurd.progress p
     where p.ctid = any(array(
             select n.ctid from absurd.progress n where n.task_id >= p_from and n.task_id < p_to
              limit p_limit))
    returning 1
  ),
  gate_days as (
    delete from absurd.gate_day d
     where d.ctid = any(array(
             select g.ctid from absurd.gate_day g where g.day = absurd.day_of(p_from)
              limit p_limit))
    returning 1
  )
  select sum(r.n)::bigint into v_rows
    from (
      select count(*) from nodes union all select count(*) from fan_outs
      union all select count(*) from edges union all select count(*) from waits
      union all select count(*) from credits union all select count(*) from keys
      union all select count(*) from notes union all select count(*) from gate_days
    ) r(n);
  return v_workflows + v_rows;
end;
$$;

-- Removes workflows that lose all the nodes that they have left, and those born among these tasks
-- that have none. p_nodes: tasks whose nodes go. Returns how many. Locks workflow rows in order,
-- skipping those to which somebody adds.
create or replace function absurd.purge_workflows(
  p_from bigint, p_to bigint, p_nodes bigint[], p_limit integer
)
  returns bigint
  language plpgsql
as $$
declare
  v_ids uuid[];
  v_count bigint;
begin
  v_ids := array(
    select w.id from absurd.workflow w
     where w.id in (
             select n.workflow_id from absurd.workflow_node n where n.task_id = any(p_nodes)
             union
             (select o.id from absurd.workflow o
               where o.id >= absurd.task_uuid(p_from) and o.id < absurd.task_uuid(p_to)
                 and not exists (
                       select from absurd.workflow_node n where n.workflow_id = o.id
                     )
               limit p_limit)
           )
     order by w.id
       for update skip locked
  );
  -- Locked, and looked at again: nobody adds a node meanwhile.
  delete from absurd.workflow w
   where w.id = any(v_ids)
     and not exists (
           select from absurd.workflow_node n
            where n.workflow_id = w.id and (n.task_id < p_from or n.task_id >= p_to)
         );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- Drops the partitions of a closed day, and its counts. Returns how many tasks went.
-- The tables are locked in the order in which a spawn and a completion take them, each for half a
-- second at most.
create or replace function absurd.drop_day(p_day date)
  returns bigint
  language plpgsql
as $$
declare
  v_table text;
  v_tasks bigint;
begin
  perform set_config('lock_timeout', '500ms', true);
  for v_table in select p.name from absurd.partitioned_tables() p(name) order by p.name desc loop
    execute format('drop table if exists absurd.%I', v_table || '_' || to_char(p_day, 'YYYYMMDD'));
  end loop;
  select coalesce(sum(c.tasks), 0) into v_tasks from absurd.ended_count c where c.day = p_day;
  delete from absurd.ended_count c where c.day = p_day;
  update absurd.history h set dropped = h.dropped + v_tasks;
  delete from absurd.closing_day c where c.day = p_day;
  return v_tasks;
end;
$$;

-- Makes the BRIN indexes of days that are over whole: their last pages are in none until then, and
-- whoever looks for a transaction reads these pages of each day. Does each day again for two days,
-- because tasks end after the day on which they were spawned. Called by the leader.
create or replace function absurd.summarise_days()
  returns void
  language plpgsql
as $$
declare
  v_today date := (clock_timestamp() at time zone 'UTC')::date;
  v_done date;
begin
  select h.summarised_to into v_done from absurd.history h for update skip locked;
  if not found or v_done >= v_today then
    return;
  end if;
  perform brin_summarize_range(x.indexrelid, greatest(0, pg_relation_size(x.indrelid)
            / current_setting('block_size')::integer - 1))
     from absurd.partition_days() d
     cross join absurd.partitioned_tables() p(name)
     join pg_index x
       on x.indrelid = to_regclass('absurd.' || p.name || '_' || to_char(d.day, 'YYYYMMDD'))
     join pg_class c on c.oid = x.indexrelid
     join pg_am m on m.oid = c.relam and m.amname = 'brin'
    where d.day < v_today and d.day >= coalesce(v_done - 2, '-infinity');
  update absurd.history h set summarised_to = v_today;
end;
$$;

-- The leader's step: removes what is older than the setting. As prune_step; first removes roll-ups
-- and firings past their time, in batches of p_batch.
create or replace function absurd.keep_history(p_batch integer default 10000)
  returns table (day date, what text, rows bigint)
  language plpgsql
as $$
declare
  v_history absurd.history;
begin
  select * into v_history from absurd.history;
  perform absurd.summarise_days();
  delete from absurd.rollup r
   where r.ctid = any(array(
           select o.ctid from absurd.rollup o
            where o.hour < absurd.clock() - make_interval(days => v_history.rollup_days)
            limit p_batch));
  delete from absurd.rollup_minute r
   where r.ctid = any(array(
           select o.ctid from absurd.rollup_minute o
            where o.minute < absurd.clock() - interval '2 days' limit p_batch));
  delete from absurd.kept_change k
   where k.ctid = any(array(
           select o.ctid from absurd.kept_change o
            where o.at < absurd.clock() - make_interval(days => v_history.retention_days)
            limit p_batch));
  delete from absurd.fire f
   where f.ctid = any(array(
           select o.ctid from absurd.fire o
            where o.decided_at < absurd.clock() - make_interval(days => v_history.retention_days)
              and not o.open and o.state <> 'buffered'
            limit p_batch));
  return query
    select p.* from absurd.prune_step(
      (absurd.clock() at time zone 'UTC')::date - v_history.retention_days, p_batch
    ) p;
end;
$$;
