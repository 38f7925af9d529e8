-- The planes. Location is state: a task is in exactly one of waiting, deferred, ready, lease and
-- outcome, and every move is a delete whose row count is the guard. There are no foreign keys
-- between planes (multixacts, lock order) and no triggers.

-- The immutable body. Partitioned by day of its number, which holds the time of its birth.
create table absurd.task (
  id                bigint not null primary key,
  lane_id           integer not null,
  attempts_max      integer not null,
  timeout_ms        bigint,
  created_at        timestamptz not null,
  available_at      timestamptz not null,
  deadline_at       timestamptz,
  expires_at        timestamptz,
  parent_id         bigint,
  workflow_id       uuid,
  params            jsonb not null,
  policy            jsonb,
  trace_context     jsonb,
  idempotency_key   text,
  correlation_id    text,
  tags              text[]
) partition by range (id);

-- People look for tasks in the view by what it calls task_id.
create index task_by_uuid on absurd.task (absurd.task_uuid(id));

create sequence absurd.ready_seq cache 1;

-- Append-only within a lane: a task that comes back gets a new seq. That is what lets a claimer
-- remember how far it has read.
create table absurd.ready (
  lane_id   integer not null,
  claim_no  integer not null default 0,
  seq       bigint not null default nextval('absurd.ready_seq'),
  task_id   bigint not null,
  at        timestamptz not null,
  primary key (lane_id, seq)
) with (
  fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);

create table absurd.lease (
  task_id     bigint primary key,
  epoch       bigint not null,
  worker_id   integer not null,
  claim_no    integer not null,
  lane_id     integer not null,
  at          timestamptz not null,
  claimed_at  timestamptz not null,
  kill_after  timestamptz
) with (
  fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);

create index lease_of_worker on absurd.lease (worker_id);
create index lease_to_time_out on absurd.lease (kill_after) where kill_after is not null;

-- Delays and back-off, in the order they fall due.
create table absurd.deferred (
  run_at    timestamptz not null,
  task_id   bigint not null,
  claim_no  integer not null default 0,
  lane_id   integer not null,
  primary key (run_at, task_id)
) with (
  fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);

create index deferred_by_task on absurd.deferred (task_id);

-- Tasks with unmet dependencies; need counts them.
create table absurd.waiting (
  child     bigint primary key,
  need      integer not null constraint waiting_need_not_negative check (need >= 0),
  claim_no  integer not null default 0,
  lane_id   integer not null,
  run_at    timestamptz not null
) with (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);

-- Edges stay when they are met: they are the workflow's shape. cond 's': the parent must succeed.
create table absurd.dep (
  parent  bigint not null,
  child   bigint not null,
  cond    "char" not null default 's',
  primary key (parent, child)
);

create index dep_by_child on absurd.dep (child);

-- Edges to parents that may have ended while the edge was not committed yet. The leader counts
-- their children again once every transaction of that time is over (see absurd.audit_edges).
create table absurd.late_edge (
  child     bigint primary key,
  -- Null until the leader has seen the row.
  horizon   xid8
);

-- The end of a task: completed, dead (failed for good) or cancelled (x).
create table absurd.outcome (
  task_id      bigint not null primary key,
  claim_no     integer not null,
  kind         "char" not null constraint outcome_kind_known check (kind in ('c', 'd', 'x')),
  worker_id    integer,
  claimed_at   timestamptz,
  finished_at  timestamptz not null,
  result       jsonb,
  error        jsonb
) partition by range (task_id);

-- The few that somebody looks for among the many that went well.
create index outcome_not_completed on absurd.outcome (kind, task_id) where kind <> 'c';

-- Attempts that did not complete, each with its error { tag, class, message, fields, stack }.
create table absurd.attempt (
  task_id      bigint not null,
  claim_no     integer not null,
  worker_id    integer not null,
  claimed_at   timestamptz not null,
  finished_at  timestamptz not null,
  class        text not null,
  error        jsonb not null,
  primary key (task_id, claim_no)
) partition by range (task_id);

-- Attempts that do not count against attempts_max: given back unstarted, or before a retry by hand.
create table absurd.credit (
  task_id   bigint not null,
  claim_no  integer not null,
  attempts  integer not null,
  primary key (task_id, claim_no)
);

-- A key names one task of its scope (the kind) for good. bucket is for windows.
create table absurd.dedup (
  scope    integer not null,
  key      text not null,
  bucket   bigint not null default 0,
  task_id  bigint not null,
  primary key (scope, key, bucket)
);

create unlogged table absurd.progress (
  task_id   bigint primary key,
  claim_no  integer not null,
  fraction  real not null,
  note      text not null,
  at        timestamptz not null
) with (fillfactor = 50);

-- What spawn_tasks works on between its steps. number is what the task would get, final what the
-- caller gets: they differ when the idempotency key was known.
create type absurd.spawn_row as (
  ordinal          integer,
  number           bigint,
  final            bigint,
  kind_id          integer,
  queue            text,
  priority         smallint,
  params           jsonb,
  attempts_max     integer,
  timeout_ms       bigint,
  available_at     timestamptz,
  idempotency_key  text,
  correlation_id   text,
  workflow_id      uuid,
  tags             text[],
  policy           jsonb,
  depends_on       jsonb
);

-- An attempt that ended without completing, on its way to its next plane.
create type absurd.ended_attempt as (
  task_id     bigint,
  claim_no    integer,
  worker_id   integer,
  lane_id     integer,
  claimed_at  timestamptz,
  class       text,
  error       jsonb,
  jitter      double precision
);
