-- How products end that no later run replaces, how they move, and where they come from.

-- Takes a product off the current ones: its file is gone, or about to be. The row stays, so that
-- lineage goes on through it. False when it is not current. Locks that row.
create or replace function contimg.retire_product(p_product_id uuid, p_retired_as text)
  returns boolean
  language plpgsql
as $$
begin
  update contimg.products p
     set superseded_at = clock_timestamp(), retired_as = p_retired_as
   where p.product_id = p_product_id
     and p.superseded_at is null;
  return found;
end;
$$;

-- Registers the product under another path; the file is still where it was, which is the new row's
-- stage path, and finish_publication moves it. Whatever was made from the product is from now on
-- made from the moved one, and calibrations follow their table. Null when the product is not
-- current, not published, or the path is taken. Locks the group, then the product.
create or replace function contimg.move_product(p_product_id uuid, p_final_path text)
  returns uuid
  language plpgsql
as $$
declare
  v_old contimg.products;
  v_moved uuid;
begin
  perform contimg.lock_group(p.group_id) from contimg.products p where p.product_id = p_product_id;
  select p.* into v_old
    from contimg.products p
   where p.product_id = p_product_id and p.superseded_at is null and p.published_at is not null
     for update;
  if not found or exists (
    select from contimg.products p where p.final_path = p_final_path and p.superseded_at is null
  ) then
    return null;
  end if;
  perform contimg.retire_product(p_product_id, 'moved');
  insert into contimg.products (
    kind, group_id, ordinal, final_path, stage_path, task_name, task_id, attempt, fence, metadata,
    software, size_bytes, checksum)
  values (v_old.kind, v_old.group_id, v_old.ordinal, p_final_path, v_old.final_path,
          v_old.task_name, v_old.task_id, v_old.attempt, v_old.fence, v_old.metadata,
          v_old.software, v_old.size_bytes, v_old.checksum)
  returning product_id into v_moved;
  insert into contimg.product_inputs (product_id, input_path, input_product_id)
  select v_moved, i.input_path, i.input_product_id
    from contimg.product_inputs i where i.product_id = p_product_id;
  update contimg.product_inputs i
     set input_product_id = v_moved
   where i.input_product_id = p_product_id;
  update contimg.calibrations c
     set table_path = p_final_path
   where c.table_path = v_old.final_path;
  update contimg.calibration_decisions d
     set product_id = v_moved
   where d.product_id = p_product_id;
  return v_moved;
end;
$$;

-- All that a product was made from (up) or all that was made from it (down), with the edges: one
-- row a product and input. Raw files have no product of their own.
create or replace function contimg.lineage_edges(p_product_id uuid, p_up boolean)
  returns table (product_id uuid, input_path text, input_product_id uuid)
  language sql stable
as $$
  with recursive reached (product_id) as (
    values (p_product_id)
    union
    select case when p_up then i.input_product_id else i.product_id end
      from reached r
      join contimg.product_inputs i
        on case when p_up then i.product_id else i.input_product_id end = r.product_id
     where i.input_product_id is not null
  )
  select i.product_id, i.input_path, i.input_product_id
    from contimg.product_inputs i
   where case when p_up then i.product_id else i.input_product_id end
         in (select r.product_id from reached r);
$$;

-- The groups of which some task has not ended: nothing of them may go.
create or replace function contimg.busy_groups()
  returns setof text
  language sql stable
as $$
  with unfinished (task_number) as (
    select l.task_id from absurd.lease l
    union all select r.task_id from absurd.ready r
    union all select d.task_id from absurd.deferred d
    union all select w.child from absurd.waiting w
    union all select p.task_id from absurd.parked p
  )
  select distinct t.params::jsonb ->> 'group_id'
    from unfinished u
    join absurd.task t on t.id = u.task_number
   where t.params::jsonb ->> 'group_id' is not null
  union
  select r.group_id from contimg.stage_runs r where r.ended_at is null and r.fence is null;
$$;

-- Takes a product off because its time is over, and its calibration with it. False when it is not
-- current or some task of its group has not ended. Locks the group, so that no run of it registers
-- meanwhile, then the product.
create or replace function contimg.expire_product(p_product_id uuid)
  returns boolean
  language plpgsql
as $$
declare
  v_product contimg.products;
begin
  select p.* into v_product from contimg.products p where p.product_id = p_product_id;
  perform contimg.lock_group(v_product.group_id);
  if v_product.group_id in (select contimg.busy_groups())
     or not contimg.retire_product(p_product_id, 'expired') then
    return false;
  end if;
  update contimg.calibrations c
     set status = 'retired',
         status_reason = 'its table is older than the retention',
         status_at = clock_timestamp()
   where c.table_path = v_product.final_path and c.status = 'active';
  return true;
end;
$$;

-- The product that had a path when another was made; null when there was none.
create or replace function contimg.product_used(p_product contimg.products, p_path text)
  returns uuid
  language sql stable
as $$
  select o.product_id
    from contimg.products o
   where o.final_path = p_path
     and o.registered_at <= p_product.registered_at
     and (o.superseded_at is null or o.superseded_at >= p_product.registered_at)
   order by o.registered_at desc
   limit 1;
$$;

-- Gives inputs of a product that are known by path only the product they were. Locks those rows.
create or replace function contimg.link_inputs(p_product_id uuid)
  returns void
  language sql
as $$
  update contimg.product_inputs i
     set input_product_id = contimg.product_used(p, i.input_path)
    from contimg.products p
   where p.product_id = p_product_id
     and i.product_id = p_product_id
     and i.input_product_id is null;
$$;

-- Raw files in incoming/ of which each Measurement Set was published more than p_days ago. Those of
-- groups that are at work are not among them.
create or replace function contimg.expired_raw_files(p_now timestamptz, p_days double precision)
  returns setof text
  language sql stable
as $$
  select i.input_path
    from contimg.product_inputs i
    join contimg.products p using (product_id)
   where i.input_product_id is null
     and starts_with(i.input_path, 'incoming/')
   group by i.input_path
  having bool_and(p.kind = 'measurement-set'
                  and p.published_at < p_now - make_interval(secs => p_days * 86400)
                  and p.group_id not in (select contimg.busy_groups()))
   order by i.input_path;
$$;

-- What experience says of a stage: the ratio, in 95 of 100 of its last 50 good runs, of what they
-- took to what the functions of their params stated; never below 1.
create or replace function contimg.stage_experience(p_task_name text)
  returns table (memory_factor double precision, disk_factor double precision)
  language sql stable
as $$
  with last as (
    select r.peak_memory_bytes::double precision / r.stated_memory_bytes as memory,
           r.written_bytes / nullif(r.stated_disk_bytes, 0)::double precision as disk
      from contimg.stage_runs r
     where r.task_name = p_task_name and r.outcome = 'completed'
     order by r.ended_at desc limit 50
  )
  select greatest(1, percentile_cont(0.95) within group (order by l.memory)),
         greatest(1, percentile_cont(0.95) within group (order by l.disk))
    from last l;
$$;

-- What live runs of a machine have reserved. A run is live while its task is leased and has not
-- begun again, or, by hand, until it is closed.
create or replace function contimg.live_stage_runs(p_host text)
  returns setof contimg.stage_runs
  language sql stable
as $$
  select r.*
    from contimg.stage_runs r
   where r.host = p_host
     and r.ended_at is null
     and (r.fence is null or exists (
           select from absurd.lease l
            where absurd.fence_text(l.task_id, l.claim_no, l.worker_id, l.epoch) = r.fence));
$$;

-- Begins a run: reserves its memory and disk when the machine's runs leave room for them. Returns
-- what the others have reserved; the row was inserted when there is room. One machine begins one
-- run at a time (advisory lock), so two cannot take the same room.
create or replace function contimg.begin_stage_run(
  p_run contimg.stage_runs,
  p_machine_memory_bytes bigint,
  p_free_disk_bytes bigint,
  -- Of what others reserved on the device, what they have written already.
  p_written_disk_bytes bigint
)
  returns table (has_begun boolean, others_memory_bytes bigint, others_disk_bytes bigint)
  language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(hashtext('contimg.stage_runs'), hashtext(p_run.host));
  select coalesce(sum(r.reserved_memory_bytes), 0),
         greatest(0, coalesce(sum(r.reserved_disk_bytes) filter (where r.device = p_run.device), 0)
                     - p_written_disk_bytes)
    into others_memory_bytes, others_disk_bytes
    from contimg.live_stage_runs(p_run.host) r;
  has_begun := others_memory_bytes + p_run.reserved_memory_bytes <= p_machine_memory_bytes
           and others_disk_bytes + p_run.reserved_disk_bytes <= p_free_disk_bytes;
  if has_begun then
    insert into contimg.stage_runs (
      run_id, task_name, group_id, task_id, fence, host, device, stated_memory_bytes,
      stated_disk_bytes, reserved_memory_bytes, reserved_disk_bytes)
    values (p_run.run_id, p_run.task_name, p_run.group_id, p_run.task_id, p_run.fence, p_run.host,
            p_run.device, p_run.stated_memory_bytes, p_run.stated_disk_bytes,
            p_run.reserved_memory_bytes, p_run.reserved_disk_bytes);
  end if;
  return next;
end;
$$;

-- Ends a run; nothing happens when it has ended. Locks that one row.
create or replace function contimg.end_stage_run(
  p_run_id text,
  p_outcome text,
  p_peak_memory_bytes bigint,
  p_written_bytes bigint,
  p_seconds double precision
)
  returns void
  language sql
as $$
  update contimg.stage_runs r
     set ended_at = clock_timestamp(),
         outcome = p_outcome,
         peak_memory_bytes = p_peak_memory_bytes,
         written_bytes = p_written_bytes,
         seconds = p_seconds
   where r.run_id = p_run_id and r.ended_at is null;
$$;

-- How many attempts of a task ran out of memory, and the most that one of them had.
create or replace function contimg.memory_failures(p_task_id uuid)
  returns table (failure_count integer, reserved_bytes bigint)
  language sql stable
as $$
  select count(*)::integer, coalesce(max(r.reserved_memory_bytes), 0)
    from contimg.stage_runs r
   where r.task_id = p_task_id and r.outcome = 'out-of-memory';
$$;

-- Forgets runs that began before a time: experience is of the last ones, and whatever is still open
-- then has no lease any more.
create or replace function contimg.forget_stage_runs(p_before timestamptz)
  returns void
  language sql
as $$
  delete from contimg.stage_runs r where r.started_at < p_before;
$$;
