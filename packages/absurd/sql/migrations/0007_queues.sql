-- Queues with settings, versions of kinds, workers that can be asked to stop.

-- Made when the first lane of a queue is. What a claim or a spawn must know of it stands on its
-- lanes as well, put there by absurd.sync_lanes and by nothing else.
create table absurd.queue (
  name           text primary key,
  -- Nothing is claimed; what runs goes on.
  paused         boolean not null default false,
  -- Nothing new is spawned; what is there is done.
  draining       boolean not null default false,
  -- Ready tasks; a spawn beyond is refused.
  pending_max    integer constraint queue_pending_max_positive check (pending_max > 0),
  -- Leases over all workers.
  running_max    integer constraint queue_running_max_positive check (running_max > 0),
  -- Share of a worker that serves several queues. Null: one line with the other queues, by priority
  -- and age.
  weight         integer constraint queue_weight_in_range check (weight between 1 and 1000),
  priority_mode  text not null default 'strict'
                 constraint queue_priority_mode_known check (priority_mode in ('strict', 'aging')),
  -- Of one priority step: so much older, a task ranks with one of the next priority.
  aging_seconds  double precision not null default 60
                 constraint queue_aging_seconds_positive check (aging_seconds > 0),
  -- It has lanes of fairness keys.
  fair           boolean not null default false,
  created_at     timestamptz not null default absurd.clock(),
  -- Claims from it take the longer way (absurd.claim_shared).
  special        boolean not null generated always as
                 (running_max is not null or weight is not null or fair) stored
);

create index queue_special on absurd.queue (name) where special;

-- limited: of a queue with running_max. guarded: a spawn into it asks absurd.admit_spawns first.
alter table absurd.lane
  add column limited boolean not null default false,
  add column guarded boolean not null default false;

insert into absurd.queue (name) select distinct l.queue from absurd.lane l;
-- Strict as absurd.lane_boost has it: 317 years a step. A day was a step before.
update absurd.lane set boost_ms = priority * 1e13 where priority <> 0;

-- Turns of claims that share a worker between queues or fairness keys. A number a claim, kept by
-- nobody's row: claimers do not wait for each other.
create sequence absurd.turn_seq;

-- A lane with work, as claims that share see it. key_turn: when its fairness key has its turn, from 0.
-- weight: null without. room: how many more of its queue may run, null without limit.
create type absurd.shared_head as (
  lane_id   integer,
  hint      bigint,
  boost_ms  double precision,
  queue     text,
  priority  smallint,
  fair_key  text,
  key_turn  bigint,
  room      bigint,
  weight    integer
);

-- A name may have several versions; a spawn takes the current one. scope: what idempotency keys are
-- unique in; the same for all versions of a name.
alter table absurd.kind
  add column version text not null default '',
  add column current boolean not null default true,
  add column scope integer,
  drop constraint kind_name_known_once,
  add constraint kind_version_known_once unique (name, version);
update absurd.kind set scope = kind_id;
alter table absurd.kind alter column scope set not null;

create unique index kind_current on absurd.kind (name) where current;

-- The kinds it can run.
alter table absurd.worker add column kinds integer[] not null default '{}';

-- Requests to a worker itself. They stand until they are taken back or the worker is gone.
create table absurd.worker_signal (
  worker_id      integer not null,
  -- drain: claim nothing, stay. stop: end, as on SIGTERM.
  kind           text not null constraint worker_signal_kind_known check (kind in ('drain', 'stop')),
  grace_seconds  double precision not null default 30,
  at             timestamptz not null default absurd.clock(),
  primary key (worker_id, kind)
);

-- What they return changes.
drop function if exists absurd.register_kinds(jsonb);
drop function if exists absurd.intern_lanes(absurd.spawn_row[]);
drop function if exists absurd.plain_lane(text, integer, smallint);
drop function if exists absurd.begin_copy(text, text, smallint);
