-- Ingest: what is decided about a group, and what was spawned for it.

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

-- Writes down what ingest decided about a group; without a reason it has that of its last run.
-- From any decision but to wait, the id is for good and the other stamps of its files are aliases.
-- Call with lock_ingest held. Locks the group.
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
         reason = coalesce(p_reason, (
           select r.reason from contimg.group_runs r
            where r.group_id = p_group_id order by r.revision desc limit 1)),
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
