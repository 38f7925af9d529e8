-- The calibration registry: which table applies to a time and a declination.

-- Registers a table, or what a new run of the same table says. Locks that one row.
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
    table_path, group_id, calibrator, mid_mjd, start_mjd, end_mjd, declination_rad, metadata)
  values (p_table_path, p_group_id, p_calibrator, p_mid_mjd, p_start_mjd, p_end_mjd,
          p_declination_rad, p_metadata)
  on conflict (table_path) do update
     set group_id = excluded.group_id,
         calibrator = excluded.calibrator,
         mid_mjd = excluded.mid_mjd,
         start_mjd = excluded.start_mjd,
         end_mjd = excluded.end_mjd,
         declination_rad = excluded.declination_rad,
         status = 'active',
         metadata = excluded.metadata,
         task_id = excluded.task_id,
         created_at = clock_timestamp()
  returning calibration_id;
$$;

-- The calibration to apply at a time (UTC, MJD) for a pointing declination: of the active ones
-- whose window holds the time, else of those whose middle is at most p_reach_days away, the one
-- whose middle is nearest, the newest of two that are equally near. Windows are half a day wide
-- either way, so the newest of those that hold the time may be ten hours off, and the gains with
-- it. No row when there is none: explain_no_calibration says why.
create or replace function contimg.select_calibration(
  p_mjd double precision,
  p_declination_rad double precision,
  p_declination_tolerance_rad double precision,
  p_reach_days double precision
)
  returns table (table_path text, calibrator text, distance_days double precision, valid boolean)
  language sql
  stable
as $$
  select c.table_path,
         c.calibrator,
         abs(c.mid_mjd - p_mjd),
         p_mjd between c.start_mjd and c.end_mjd
    from contimg.calibrations c
   where c.status = 'active'
     and abs(c.declination_rad - p_declination_rad) <= p_declination_tolerance_rad
     and (p_mjd between c.start_mjd and c.end_mjd or abs(c.mid_mjd - p_mjd) <= p_reach_days)
   order by (p_mjd between c.start_mjd and c.end_mjd) desc,
            abs(c.mid_mjd - p_mjd),
            c.created_at desc,
            c.calibration_id
   limit 1;
$$;

-- What stands in the way of a calibration, for a person: of the tables there are, how many are
-- active, how many of those at this declination, and how far the nearest of these is.
create or replace function contimg.explain_no_calibration(
  p_mjd double precision,
  p_declination_rad double precision,
  p_declination_tolerance_rad double precision
)
  returns table (
    table_count integer,
    active_count integer,
    at_declination_count integer,
    nearest_hours double precision
  )
  language sql
  stable
as $$
  select count(*)::integer,
         count(*) filter (where c.status = 'active')::integer,
         count(*) filter (where c.status = 'active' and near.declination)::integer,
         24 * min(abs(c.mid_mjd - p_mjd)) filter (where c.status = 'active' and near.declination)
    from contimg.calibrations c
   cross join lateral (
     select abs(c.declination_rad - p_declination_rad) <= p_declination_tolerance_rad
   ) as near (declination);
$$;
