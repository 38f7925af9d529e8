-- Registering and publishing products.

-- Makes sure that a group has its row and its id is for good; what is already known of it stays.
-- Locks that row until the end of the transaction, so two runs of one group register one after the
-- other.
create or replace function contimg.lock_group(p_group_id text)
  returns void
  language sql
as $$
  insert into contimg.groups as g (group_id) values (p_group_id)
  on conflict (group_id) do update set fixed_at = coalesce(g.fixed_at, now());
$$;

-- Supersedes the current products that a run of p_task_name on p_group_id replaces: those under
-- one of its final paths, and those of its kinds that it made earlier under other paths. Returns
-- the paths that nobody needs after the commit: final paths that no current product names, and
-- stage paths of superseded products that never were published. The caller removes both before it
-- moves its own files, so that a process which was stopped in the middle of publishing the earlier
-- run finds nothing to rename when it goes on.
--
-- Locks the group, then the superseded rows in product_id order.
create or replace function contimg.supersede_products(
  p_group_id text,
  p_task_name text,
  p_kinds text[],
  p_final_paths text[]
)
  returns setof text
  language plpgsql
as $$
begin
  perform contimg.lock_group(p_group_id);
  return query
  with replaced as materialized (
    select p.product_id
      from contimg.products p
     where p.superseded_at is null
       and (p.final_path = any(p_final_paths)
            or (p.group_id = p_group_id
                and p.task_name = p_task_name
                and p.kind = any(p_kinds)))
     order by p.product_id
       for update
  ), superseded as (
    update contimg.products p
       set superseded_at = clock_timestamp()
      from replaced r
     where p.product_id = r.product_id
    returning p.final_path, p.stage_path, p.published_at
  )
  select s.final_path from superseded s where s.final_path <> all(p_final_paths)
  union all
  select s.stage_path from superseded s where s.published_at is null;
end;
$$;

-- Inserts the products of one run with their inputs; they are unpublished until their files stand.
-- Call supersede_products first, in the same transaction.
--
-- p_outputs: [{kind, ordinal, final_path, stage_path, metadata, size_bytes, checksum}]
-- p_inputs:  [{path, product_id or null}]; each product of a run has all inputs of the run. Where
-- the product is not named, it is the current one with that path, if any.
create or replace function contimg.register_products(
  p_group_id text,
  p_task_name text,
  p_task_id uuid,
  p_attempt integer,
  p_fence text,
  p_software jsonb,
  p_outputs jsonb,
  p_inputs jsonb
)
  returns table (product_id uuid, final_path text)
  language sql
as $$
  with registered as (
    insert into contimg.products (
      kind, group_id, ordinal, final_path, stage_path, task_name, task_id, attempt, fence,
      metadata, software, size_bytes, checksum)
    select o.kind, p_group_id, o.ordinal, o.final_path, o.stage_path, p_task_name, p_task_id,
           p_attempt, p_fence, o.metadata, p_software, o.size_bytes, o.checksum
      from jsonb_to_recordset(p_outputs) as o (
             kind text, ordinal integer, final_path text, stage_path text,
             metadata jsonb, size_bytes bigint, checksum text)
    returning product_id, final_path
  ), linked as (
    insert into contimg.product_inputs (product_id, input_path, input_product_id)
    select r.product_id, i.path, coalesce(i.product_id, p.product_id)
      from registered r
     cross join jsonb_to_recordset(p_inputs) as i (path text, product_id uuid)
      left join contimg.products p on p.final_path = i.path and p.superseded_at is null
  )
  select r.product_id, r.final_path from registered r;
$$;

-- Locks a product that is registered but not published and returns its paths; no row when there is
-- nothing to do (published already, or superseded by a later run). The lock makes renaming one
-- product the business of one process at a time.
create or replace function contimg.lock_unpublished(p_product_id uuid)
  returns table (stage_path text, final_path text)
  language sql
as $$
  select p.stage_path, p.final_path
    from contimg.products p
   where p.product_id = p_product_id
     and p.published_at is null
     and p.superseded_at is null
     for update;
$$;

create or replace function contimg.mark_published(p_product_id uuid)
  returns void
  language sql
as $$
  update contimg.products p
     set published_at = clock_timestamp()
   where p.product_id = p_product_id
     and p.published_at is null;
$$;

-- Replaces the verdict of one stage on one group. Locks that one row.
create or replace function contimg.record_verdict(
  p_group_id text,
  p_task_name text,
  p_grade text,
  p_findings text[],
  p_metrics jsonb,
  p_task_id uuid,
  p_fence text
)
  returns void
  language sql
as $$
  insert into contimg.quality_verdicts (
    group_id, task_name, grade, findings, metrics, task_id, fence)
  values (p_group_id, p_task_name, p_grade, p_findings, p_metrics, p_task_id, p_fence)
  on conflict (group_id, task_name) do update
     set grade = excluded.grade,
         findings = excluded.findings,
         metrics = excluded.metrics,
         task_id = excluded.task_id,
         fence = excluded.fence,
         recorded_at = clock_timestamp();
$$;

-- What a conversion learned of its group. Locks that one row.
create or replace function contimg.describe_group(
  p_group_id text,
  p_directory text,
  p_start_mjd double precision,
  p_mid_mjd double precision,
  p_end_mjd double precision,
  p_declination_rad double precision
)
  returns void
  language sql
as $$
  insert into contimg.groups (
    group_id, directory, start_mjd, mid_mjd, end_mjd, declination_rad)
  values (p_group_id, p_directory, p_start_mjd, p_mid_mjd, p_end_mjd, p_declination_rad)
  on conflict (group_id) do update
     set directory = excluded.directory,
         start_mjd = excluded.start_mjd,
         mid_mjd = excluded.mid_mjd,
         end_mjd = excluded.end_mjd,
         declination_rad = excluded.declination_rad;
$$;
