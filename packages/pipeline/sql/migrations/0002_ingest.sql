-- What ingest knows: each subband file it has seen, the group each belongs to, what was spawned for
-- a group and why, and whether it has stopped taking files. A process that ingests keeps nothing
-- else, so it may die on any line.
--
-- Lock order of every ingest transaction: contimg.lock_ingest(), then groups, then files.

alter table contimg.groups drop constraint group_state_known;
alter table contimg.groups
  -- Since when the id is for good. Null while files arrive and an earlier one may still give the
  -- group its name; whoever makes a row without ingest fixes it at once.
  add column fixed_at timestamptz default now(),
  -- When ingest must look at the group again; null when only a change of its files can matter.
  add column due_at   timestamptz,
  -- Why it is in this state, for a person.
  add column reason   text,
  -- collecting: files arrive. complete: all subbands. partial: run without some of them.
  -- refused: given up; a straggler changes that.
  add constraint group_state_known check (state in ('collecting', 'complete', 'partial', 'refused')),
  add constraint group_collecting_or_fixed check (state = 'collecting' or fixed_at is not null);

create index groups_due on contimg.groups (due_at) where due_at is not null;
create index groups_open on contimg.groups (group_id) where fixed_at is null;

create function contimg.keep_group_id() returns trigger
  language plpgsql
as $$
begin
  if new.group_id <> old.group_id or new.fixed_at is null then
    raise exception 'group % has had its id for good since %', old.group_id, old.fixed_at
      using errcode = 'restrict_violation';
  end if;
  return new;
end;
$$;

create trigger group_id_immutable before update on contimg.groups
  for each row when (old.fixed_at is not null) execute function contimg.keep_group_id();

-- One row a path. What was found in the file belongs to the content that was judged last; while
-- is_pending, there is another content that nobody has looked into yet.
create table contimg.subband_files (
  file_id         bigint generated always as identity primary key,
  path            text not null,
  folder          text not null,
  -- As in the name: 2026-01-25T22:26:05, UTC.
  stamp           text not null,
  subband         smallint not null,
  size_bytes      bigint not null,
  -- Milliseconds since 1970, as the file system says.
  mtime_unix_ms   bigint not null,
  group_id        text references contimg.groups (group_id),
  -- arriving: not judged, or judged good and not yet placed. whole: its group's file of the
  -- subband. duplicate: another one is.
  -- quarantined: bad; it stays where it is. gone: no longer in its folder.
  state           text not null default 'arriving',
  reason          text,
  is_pending      boolean not null default true,
  -- Of the content that was judged: a hash over samples of it.
  content_digest  text,
  start_mjd       double precision,
  end_mjd         double precision,
  declination_rad double precision,
  seen_at         timestamptz not null default absurd.clock(),
  -- When size or time of the file were last seen to change.
  changed_at      timestamptz not null default absurd.clock(),
  judged_at       timestamptz,
  constraint subband_file_once unique (path),
  constraint subband_file_path_absolute check (path ~ '^/'),
  constraint subband_file_stamp_is_a_time check (stamp ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$'),
  constraint subband_file_subband_known check (subband between 0 and 99),
  constraint subband_file_size_not_negative check (size_bytes >= 0),
  constraint subband_file_state_known check (
    state in ('arriving', 'whole', 'duplicate', 'quarantined', 'gone')
  ),
  constraint subband_file_judged check ((state in ('whole', 'duplicate')) <= (judged_at is not null)),
  constraint subband_file_refused_why check ((state = 'quarantined') <= (reason is not null))
);

create unique index subband_files_member on contimg.subband_files (group_id, subband)
  where state = 'whole';
create index subband_files_of_group on contimg.subband_files (group_id);
create index subband_files_pending on contimg.subband_files (folder) where is_pending;
create index subband_files_ungrouped on contimg.subband_files (file_id) where group_id is null;

-- Other stamps that files of a group carry: whoever asks for one of them means the group.
create table contimg.group_aliases (
  stamp     text primary key,
  group_id  text not null references contimg.groups (group_id),
  constraint group_alias_is_another check (stamp <> group_id)
);

create index group_aliases_of_group on contimg.group_aliases (group_id);

-- What was spawned for a group. The key is what makes a spawn happen once.
create table contimg.group_runs (
  group_id     text not null references contimg.groups (group_id),
  -- 0 for the first; stragglers and replaced files make more.
  revision     integer not null,
  chain        text not null,
  workflow_id  uuid not null,
  -- [{subband, digest}] of the files it was given.
  members      jsonb not null,
  reason       text not null,
  spawned_at   timestamptz not null default absurd.clock(),
  primary key (group_id, revision),
  constraint group_run_counts_from_zero check (revision >= 0),
  constraint group_run_has_members check (jsonb_array_length(members) > 0)
);

-- One row a folder that is watched.
create table contimg.ingest_folders (
  folder        text primary key,
  looked_at     timestamptz not null default absurd.clock(),
  -- Why no files are taken at the moment, and since when; null while they are.
  paused_reason text,
  paused_at     timestamptz,
  constraint ingest_pause_has_reason check ((paused_reason is null) = (paused_at is null))
);
