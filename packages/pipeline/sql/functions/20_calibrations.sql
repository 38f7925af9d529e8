-- The calibration registry: what there is. Which of it applies to a tile is decided in
-- src/registry/decide.ts; nothing here chooses.

-- Registers a table, or what a new run of the same table says; it is unverified until its file was
-- opened. Locks that one row.
--
-- From the metadata, all optional: solve (default: the group), set_name (default: the table),
-- calibrator_rank (default 0). The grade is that of the solve's verdict, which publishing records
-- before it comes here: good, warn, or fail for what a gate did not let pass.
create or replace function contimg.register_calibration(
  p_table_path text,
  p_group_id text,
  p_calibrator text,
  p_mid_mjd double precision,
  p_start_mjd double precision,
  p_end_mjd double precision,
  p_declination_rad double precision,
  p_metadata jsonb
)
  returns uuid
  language sql
as $$
  insert into contimg.calibrations (
    table_path, group_id, calibrator, mid_mjd, start_mjd, end_mjd, declination_rad, metadata,
    solve, set_name, calibrator_rank, grade)
  values (
    p_table_path, p_group_id, p_calibrator, p_mid_mjd, p_start_mjd, p_end_mjd, p_declination_rad,
    p_metadata, coalesce(p_metadata->>'solve', p_group_id),
    coalesce(p_metadata->>'set_name', p_table_path),
    coalesce((p_metadata->>'calibrator_rank')::integer, 0),
    -- What is held registers nothing until a person has released it.
    (select case q.grade when 'pass' then 'good' when 'warn' then 'warn' when 'hold' then 'warn'
                         else 'fail' end
       from contimg.quality_verdicts q
      where q.group_id = p_group_id
        and q.task_name = 'calibration-solve'))
  on conflict (table_path) do update
     set group_id = excluded.group_id,
         calibrator = excluded.calibrator,
         mid_mjd = excluded.mid_mjd,
         start_mjd = excluded.start_mjd,
         end_mjd = excluded.end_mjd,
         declination_rad = excluded.declination_rad,
         solve = excluded.solve,
         set_name = excluded.set_name,
         calibrator_rank = excluded.calibrator_rank,
         grade = excluded.grade,
         status = 'active',
         status_reason = null,
         status_by = null,
         status_at = null,
         verified_at = null,
         metadata = excluded.metadata,
         task_id = excluded.task_id,
         created_at = clock_timestamp()
  returning calibration_id;
$$;

-- What is registered around a time, whatever its state and declination: the nearest p_limit within
-- p_reach_days, and the one that a person assigned to the group, if any, however far it is.
create or replace function contimg.calibrations_around(
  p_mjd double precision,
  p_reach_days double precision,
  p_limit integer,
  p_assigned_id uuid
)
  returns setof contimg.calibrations
  language sql
  stable
as $$
  (select c.*
     from contimg.calibrations c
    where c.mid_mjd between p_mjd - p_reach_days and p_mjd + p_reach_days
      and c.calibration_id is distinct from p_assigned_id
    order by abs(c.mid_mjd - p_mjd), c.calibration_id
    limit p_limit)
  union all
  select c.* from contimg.calibrations c where c.calibration_id = p_assigned_id;
$$;

-- Where the telescope pointed in an interval of time, by the groups it left.
create or replace function contimg.pointings_between(
  p_start_mjd double precision,
  p_end_mjd double precision
)
  returns table (mjd double precision, declination_rad double precision)
  language sql
  stable
as $$
  select g.mid_mjd, g.declination_rad
    from contimg.groups g
   where g.declination_rad is not null
     and g.mid_mjd between p_start_mjd and p_end_mjd
   order by g.mid_mjd;
$$;

-- Takes a calibration out of use with all tables of its set, for a reason that decisions will show.
-- Those that are out of use already keep their own. Returns what it changed. Locks the set's rows
-- in calibration_id order.
create or replace function contimg.end_calibration_set(
  p_calibration_id uuid,
  p_status text,
  p_reason text,
  p_by text
)
  returns setof contimg.calibrations
  language sql
as $$
  with members as materialized (
    select c.calibration_id
      from contimg.calibrations c
     where c.set_name = (
             select own.set_name from contimg.calibrations own
              where own.calibration_id = p_calibration_id)
       and c.status = 'active'
     order by c.calibration_id
       for update
  )
  update contimg.calibrations c
     set status = p_status,
         status_reason = p_reason,
         status_by = p_by,
         status_at = clock_timestamp()
    from members m
   where c.calibration_id = m.calibration_id
  returning c.*;
$$;

-- Says that a table was found in place and opened.
create or replace function contimg.mark_calibration_verified(p_calibration_id uuid)
  returns void
  language sql
as $$
  update contimg.calibrations c
     set verified_at = clock_timestamp()
   where c.calibration_id = p_calibration_id;
$$;
