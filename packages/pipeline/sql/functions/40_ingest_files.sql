-- Ingest: what was seen, what it was found to be, which group it belongs to.

-- Makes ingest transactions happen one after the other, whoever runs them, until the end of the
-- transaction. They are short; files are read outside of them.
create or replace function contimg.lock_ingest()
  returns void
  language sql
as $$
  select pg_advisory_xact_lock(hashtext('contimg.lock_ingest'));
$$;

-- Writes down files that a look into a folder found new or changed, and those that it missed.
-- Telling twice does no harm: a file whose size and time are as recorded is left alone. A missing
-- file leaves a group whose id may still change; of any other it stays what it was.
-- Call with lock_ingest held. Locks the groups of the missing files, then the files.
--
-- p_seen: [{path, stamp, subband, size_bytes, mtime_unix_ms}]
create or replace function contimg.record_look(p_folder text, p_seen jsonb, p_gone text[])
  returns void
  language sql
as $$
  insert into contimg.ingest_folders (folder) values (p_folder)
  on conflict (folder) do update set looked_at = absurd.clock();

  update contimg.groups g
     set due_at = absurd.clock()
   where g.group_id in (select f.group_id from contimg.subband_files f where f.path = any(p_gone));

  update contimg.subband_files f
     set state = 'gone',
         is_pending = false,
         reason = 'no longer in its folder',
         group_id = (select g.group_id from contimg.groups g
                      where g.group_id = f.group_id and g.fixed_at is not null)
   where f.path = any(p_gone);

  insert into contimg.subband_files as f (
    path, folder, stamp, subband, size_bytes, mtime_unix_ms)
  select s.path, p_folder, s.stamp, s.subband, s.size_bytes, s.mtime_unix_ms
    from jsonb_to_recordset(p_seen) as s (
           path text, stamp text, subband smallint, size_bytes bigint, mtime_unix_ms bigint)
   order by s.path
  on conflict (path) do update
     set size_bytes = excluded.size_bytes,
         mtime_unix_ms = excluded.mtime_unix_ms,
         is_pending = true,
         changed_at = absurd.clock(),
         state = case when f.state = 'gone' then 'arriving' else f.state end,
         reason = case when f.state = 'gone' then null else f.reason end
   where (f.size_bytes, f.mtime_unix_ms) is distinct from
         (excluded.size_bytes, excluded.mtime_unix_ms)
      or f.state = 'gone';
$$;

-- Writes down what was found in files. A verdict on a content that has changed since counts for
-- nothing. Returns the groups of the files, which are due. Call with lock_ingest held. Locks the
-- files, then the groups: nobody else locks both.
--
-- p_verdicts: [{file_id, size_bytes, mtime_unix_ms, refusal, may_mend, digest, start_mjd, end_mjd,
--   declination_rad}]; refusal says why a file is bad, may_mend that it is too young to tell.
create or replace function contimg.record_probes(p_verdicts jsonb)
  returns setof text
  language sql
as $$
  with judged as (
    update contimg.subband_files f
       set state = case
             when v.refusal is null and f.state = 'quarantined' then 'arriving'
             when v.refusal is null or v.may_mend then f.state
             else 'quarantined'
           end,
           reason = coalesce(v.refusal, case when f.state = 'duplicate' then f.reason end),
           is_pending = v.may_mend,
           judged_at = case when v.refusal is null then absurd.clock() else f.judged_at end,
           content_digest = coalesce(v.digest, f.content_digest),
           start_mjd = coalesce(v.start_mjd, f.start_mjd),
           end_mjd = coalesce(v.end_mjd, f.end_mjd),
           declination_rad = coalesce(v.declination_rad, f.declination_rad)
      from jsonb_to_recordset(p_verdicts) as v (
             file_id bigint, size_bytes bigint, mtime_unix_ms bigint, refusal text,
             may_mend boolean, digest text, start_mjd double precision, end_mjd double precision,
             declination_rad double precision)
     where f.file_id = v.file_id
       and f.size_bytes = v.size_bytes
       and f.mtime_unix_ms = v.mtime_unix_ms
       and f.state <> 'gone'
    returning f.group_id, f.is_pending
  )
  update contimg.groups g
     set due_at = absurd.clock()
   where g.group_id in (select j.group_id from judged j where not j.is_pending)
  returning g.group_id;
$$;

-- Files of a folder whose present content nobody has judged, in order of time.
create or replace function contimg.pending_files(p_folder text)
  returns setof contimg.subband_files
  language sql
  stable
as $$
  select f.*
    from contimg.subband_files f
   where f.folder = p_folder and f.is_pending
   order by f.stamp, f.subband;
$$;

-- Files whose place among the groups can still change: those of groups whose id is not for good,
-- and those without a group.
create or replace function contimg.loose_files()
  returns setof contimg.subband_files
  language sql
  stable
as $$
  select f.*
    from contimg.subband_files f
    join contimg.groups g using (group_id)
   where g.fixed_at is null and f.state <> 'gone'
   union all
  select f.* from contimg.subband_files f where f.group_id is null and f.state <> 'gone';
$$;

-- Groups whose id is for good and is at most so far from one of the stamps.
create or replace function contimg.fixed_groups_near(p_stamps text[], p_seconds double precision)
  returns setof text
  language sql
  stable
as $$
  select distinct g.group_id
    from unnest(p_stamps) as s (stamp)
   cross join lateral (
     select to_char(s.stamp::timestamp - make_interval(secs => p_seconds),
                    'YYYY-MM-DD"T"HH24:MI:SS'),
            to_char(s.stamp::timestamp + make_interval(secs => p_seconds),
                    'YYYY-MM-DD"T"HH24:MI:SS')
   ) as near (first_id, last_id)
    join contimg.groups g
      on g.group_id between near.first_id and near.last_id and g.fixed_at is not null;
$$;

-- The files of those of the groups whose id is for good.
create or replace function contimg.settled_files(p_group_ids text[])
  returns setof contimg.subband_files
  language sql
  stable
as $$
  select f.*
    from contimg.subband_files f
    join contimg.groups g using (group_id)
   where f.group_id = any(p_group_ids) and g.fixed_at is not null and f.state <> 'gone';
$$;

-- Puts files into groups and makes groups that are new; groups that gain or lose a file are due.
-- Call with lock_ingest held. Locks the groups, then the files.
--
-- p_files: [{file_id, group_id, state, reason}]
create or replace function contimg.place_files(p_files jsonb)
  returns void
  language plpgsql
as $$
declare
  v_ids bigint[];
  v_groups text[];
begin
  select array_agg(p.file_id), array_agg(distinct p.group_id) into v_ids, v_groups
    from jsonb_to_recordset(p_files) as p (file_id bigint, group_id text);

  insert into contimg.groups (group_id, state, fixed_at)
  select unnest(v_groups), 'collecting', null
  on conflict (group_id) do nothing;

  update contimg.groups g
     set due_at = absurd.clock()
   where g.group_id = any(v_groups)
      or g.group_id in (select f.group_id from contimg.subband_files f
                         where f.file_id = any(v_ids));

  -- A group has one whole file a subband, so all make room before any takes it.
  update contimg.subband_files f
     set state = 'duplicate'
   where f.file_id = any(v_ids) and f.state = 'whole';
  update contimg.subband_files f
     set group_id = p.group_id, state = p.state, reason = p.reason
    from jsonb_to_recordset(p_files) as p (
           file_id bigint, group_id text, state text, reason text)
   where f.file_id = p.file_id;

  -- The stamp of a file that came late for a group whose id is for good.
  insert into contimg.group_aliases (stamp, group_id)
  select distinct f.stamp, f.group_id
    from contimg.subband_files f
    join contimg.groups g using (group_id)
   where f.file_id = any(v_ids) and g.fixed_at is not null and f.stamp <> f.group_id
  on conflict (stamp) do nothing;
end;
$$;

-- Groups that no file belongs to any more and that nobody has a reason to remember.
create or replace function contimg.drop_empty_groups()
  returns void
  language sql
as $$
  delete from contimg.groups g
   where g.fixed_at is null
     and not exists (select from contimg.subband_files f where f.group_id = g.group_id);
$$;
