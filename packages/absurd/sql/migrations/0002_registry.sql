-- What tasks refer to by number: kinds, lanes, workers; and the leader's row.

-- A kind is a registered task name. Nothing can be spawned under a name that is not here.
create table absurd.kind (
  kind_id         integer generated always as identity primary key,
  name            text not null constraint kind_name_known_once unique,
  queue           text not null default 'default',
  attempts_max    integer not null default 4 constraint kind_attempts_positive check (attempts_max > 0),
  timeout_ms      bigint,
  params_schema   jsonb,
  registered_at   timestamptz not null default absurd.clock()
);

-- A lane is an append-only row of ready tasks that any worker able to run one can run all of.
-- Ready rows carry its number instead of strings. Lanes merge by (at - boost_ms): a boost of
-- 100,000 s a priority step makes priorities strict in practice; smaller steps make them age.
create table absurd.lane (
  lane_id    integer generated always as identity primary key,
  queue      text not null,
  kind_id    integer not null,
  class_id   integer not null default 0,
  priority   smallint not null default 0,
  fair_key   text not null default '',
  boost_ms   double precision not null default 0,
  paused     boolean not null default false,
  constraint lane_known_once unique (queue, kind_id, class_id, priority, fair_key)
);

-- One row a worker process. The epoch is random at registration and moves when the worker is
-- declared dead, so nothing a dead worker still sends can match.
create table absurd.worker (
  worker_id    integer generated always as identity primary key,
  name         text not null,
  epoch        bigint not null,
  beat_at      timestamptz not null,
  lease_ms     integer not null,
  queues       text[] not null,
  concurrency  integer not null,
  host         text,
  pid          integer,
  version      text,
  started_at   timestamptz not null default absurd.clock(),
  gone_at      timestamptz,
  -- No lease of it is left.
  buried       boolean not null default false
) with (fillfactor = 30);

create index worker_to_watch on absurd.worker (worker_id) where not buried;

-- Requests to a worker about a task it holds. Removed once the lease is gone.
create table absurd.signal (
  task_id     bigint not null,
  claim_no    integer not null,
  kind        text not null constraint signal_kind_known check (kind in ('cancel')),
  worker_id   integer not null,
  reason      text not null,
  at          timestamptz not null default absurd.clock(),
  primary key (task_id, claim_no, kind)
);

create index signal_of_worker on absurd.signal (worker_id);

-- Who does the maintenance. Written by the leader only; the term grows with each change of hands.
create table absurd.control (
  name        text primary key,
  worker_id   integer,
  epoch       bigint,
  term        bigint not null default 0,
  expires_at  timestamptz not null default '-infinity'
);

insert into absurd.control (name) values ('leader');
