-- Schedules: what is to be spawned when, and what became of each instant.

create table absurd.schedule (
  schedule_id        integer generated always as identity primary key,
  name               text not null constraint schedule_name_known_once unique,
  -- {"cron": text, "time_zone": text} or {"every_seconds": number, "anchor": timestamp}.
  spec               jsonb not null,
  -- One element of what spawn_tasks takes. A top-level value of its params that is {"$fireAt": true}
  -- becomes the instant.
  spawn              jsonb not null,
  overlap            text not null default 'skip' constraint schedule_overlap_known
                       check (overlap in ('skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allow')),
  catch_up           text not null default 'all' constraint schedule_catch_up_known
                       check (catch_up in ('all', 'last')),
  -- Instants that are older when the leader gets to them are missed.
  catch_up_seconds   double precision not null default 3600
                       constraint schedule_catch_up_bounded check (catch_up_seconds >= 10),
  jitter_seconds     double precision not null default 0
                       constraint schedule_jitter_not_negative check (jitter_seconds >= 0),
  starts_at          timestamptz,
  ends_at            timestamptz,
  -- Firings left; null: no limit.
  remaining          integer constraint schedule_remaining_not_negative check (remaining >= 0),
  paused             boolean not null default false,
  note               text,
  -- Every instant up to here was decided.
  considered_at      timestamptz not null default absurd.clock(),
  -- When the leader must look; null: paused, or over.
  due_at             timestamptz default absurd.clock(),
  -- Moves with each change, so that a decision made from an old row has no effect.
  revision           integer not null default 1,
  -- Why the last try to fire it failed; null: it did not.
  error              text,
  created_at         timestamptz not null default absurd.clock()
);

create index schedule_due on absurd.schedule (due_at) where due_at is not null;

-- What became of an instant. The key is the promise: one task an instant, whoever fires it.
create table absurd.fire (
  schedule_id    integer not null,
  fire_at        timestamptz not null,
  origin         text not null constraint fire_origin_known
                   check (origin in ('schedule', 'trigger', 'backfill')),
  -- buffered: waits for the task before it. failed: the spawn was refused, reason says why.
  state          text not null constraint fire_state_known
                   check (state in ('spawned', 'buffered', 'skipped', 'missed', 'failed')),
  task_id        bigint,
  -- The task has not been seen to end.
  open           boolean not null default false,
  -- A missed row stands for all instants from fire_at to before this one.
  missed_before  timestamptz,
  reason         text,
  decided_at     timestamptz not null default absurd.clock(),
  primary key (schedule_id, fire_at)
);

create index fire_open on absurd.fire (schedule_id) where open;
create index fire_buffered on absurd.fire (schedule_id, fire_at) where state = 'buffered';
