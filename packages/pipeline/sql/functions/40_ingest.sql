-- Ingest: what was seen, what it was found to be, which group it belongs to, what was spawned.

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
create or replace function contimg.record_verdicts(p_verdicts jsonb)
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

-- Groups to look at now, in order of observation.
create or replace function contimg.due_groups()
  returns setof text
  language sql
  stable
as $$
  select g.group_id from contimg.groups g where g.due_at <= absurd.clock() order by g.group_id;
$$;

-- What a decision about a group is made from. Its row is locked; none when there is no such group.
-- Call with lock_ingest held.
create or replace function contimg.group_facts(p_group_id text)
  returns table (
    state text, is_due boolean, now timestamptz, files jsonb, last_revision integer,
    last_members jsonb
  )
  language sql
as $$
  select g.state,
         g.due_at is not null and g.due_at <= absurd.clock(),
         absurd.clock(),
         (select coalesce(jsonb_agg(to_jsonb(f) order by f.subband, f.stamp), '[]')
            from contimg.subband_files f
           where f.group_id = g.group_id and f.state <> 'gone'),
         r.revision,
         r.members
    from contimg.groups g
    left join lateral (
      select * from contimg.group_runs r
       where r.group_id = g.group_id order by r.revision desc limit 1
    ) r on true
   where g.group_id = p_group_id
     for update of g;
$$;

-- Writes down what ingest decided about a group. From any decision but to wait, the id is for good
-- and the other stamps of its files are aliases. Call with lock_ingest held. Locks the group.
create or replace function contimg.decide_group(
  p_group_id text,
  p_state text,
  p_reason text,
  p_due_at timestamptz
)
  returns void
  language sql
as $$
  update contimg.groups g
     set state = p_state,
         reason = p_reason,
         due_at = p_due_at,
         fixed_at = case when p_state = 'collecting' then g.fixed_at
                         else coalesce(g.fixed_at, absurd.clock()) end
   where g.group_id = p_group_id;

  insert into contimg.group_aliases (stamp, group_id)
  select distinct f.stamp, f.group_id
    from contimg.subband_files f
    join contimg.groups g using (group_id)
   where f.group_id = p_group_id and g.fixed_at is not null and f.stamp <> f.group_id
  on conflict (stamp) do nothing;
$$;

-- Writes down what was spawned for a group, in the transaction that spawned it. A second run of the
-- same revision is refused, and its tasks with it.
create or replace function contimg.record_run(
  p_group_id text,
  p_revision integer,
  p_chain text,
  p_workflow_id uuid,
  p_members jsonb,
  p_reason text
)
  returns void
  language sql
as $$
  insert into contimg.group_runs (group_id, revision, chain, workflow_id, members, reason)
  values (p_group_id, p_revision, p_chain, p_workflow_id, p_members, p_reason);
$$;

-- Ends what is left of a group's earlier runs: its files have changed, and two runs would write the
-- same products. Locks as absurd.cancel_many does.
create or replace function contimg.cancel_group_runs(p_group_id text, p_reason text)
  returns void
  language sql
as $$
  select count(*)
    from contimg.group_runs r
   cross join lateral absurd.cancel_many(
           jsonb_build_object('workflow_id', r.workflow_id), p_reason) c
   where r.group_id = p_group_id;
$$;

-- The group that a stamp means: its own id, or the one that it is an alias of; null for neither.
create or replace function contimg.group_of_stamp(p_stamp text)
  returns text
  language sql
  stable
as $$
  select coalesce(
    (select a.group_id from contimg.group_aliases a where a.stamp = p_stamp),
    (select g.group_id from contimg.groups g where g.group_id = p_stamp));
$$;

-- Keeps whether files of a folder are taken. The time is that of the last change.
create or replace function contimg.set_ingest_pause(p_folder text, p_reason text)
  returns void
  language sql
as $$
  insert into contimg.ingest_folders as i (folder, paused_reason, paused_at)
  values (p_folder, p_reason, case when p_reason is not null then absurd.clock() end)
  on conflict (folder) do update
     set paused_reason = excluded.paused_reason,
         paused_at = case
           when excluded.paused_reason is null then null
           else coalesce(i.paused_at, excluded.paused_at)
         end;
$$;
