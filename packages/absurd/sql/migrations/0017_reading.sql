-- What the API and the dashboard read.

-- The children of a task, for its lineage. Tasks that no task spawned are not in it.
create index task_by_parent on absurd.task (parent_id, id) where parent_id is not null;

-- The transaction that wrote the row, as in outcome: who reads changes takes each once, however late
-- it commits. Null: written before this migration.
alter table absurd.attempt add column xid bigint;
alter table absurd.attempt alter column xid set default txid_current();
create index attempt_by_xid on absurd.attempt (xid);

-- Tasks that were given a new start, which leaves no other trace. Kept for an hour.
create table absurd.new_start (
  start_id  bigint generated always as identity primary key,
  task_id   bigint not null,
  claim_no  integer not null,
  xid       bigint not null default txid_current(),
  at        timestamptz not null default absurd.clock()
);

create index new_start_by_xid on absurd.new_start (xid);
create index new_start_to_forget on absurd.new_start (at);

-- How far a reader of changes was told of one transaction.
create type absurd.change_place as (xid bigint, task_id bigint, claim_no integer, status text);

-- Histograms are written sparse (see absurd.histogram_of): their sums over a week are read in a
-- tenth of the time.
update absurd.rollup set
  wait_histogram = array(
    select ((u.i - 1) << 48) + u.n from unnest(wait_histogram) with ordinality u(n, i)
     where u.n > 0 order by u.i),
  run_histogram = array(
    select ((u.i - 1) << 48) + u.n from unnest(run_histogram) with ordinality u(n, i)
     where u.n > 0 order by u.i);

-- What ended in a minute, as absurd.rollup has it for an hour. Kept for two days.
create table absurd.rollup_minute (
  minute          timestamptz not null,
  queue           text not null,
  kind_id         integer not null,
  completed       bigint not null,
  failed          bigint not null,
  cancelled       bigint not null,
  claimed         bigint not null,
  wait_seconds    double precision not null,
  run_seconds     double precision not null,
  wait_histogram  bigint[] not null,
  run_histogram   bigint[] not null,
  primary key (minute, queue, kind_id)
);

-- What ever ended. Only grows: retention takes nothing from it.
create table absurd.ended_total (
  queue            text not null,
  kind_id          integer not null,
  completed        bigint not null default 0,
  failed           bigint not null default 0,
  cancelled        bigint not null default 0,
  -- Of these, those that a worker had claimed.
  ran              bigint not null default 0,
  -- Attempts that did not complete, the last ones of failed tasks, too.
  attempts_failed  bigint not null default 0,
  timed_out        bigint not null default 0,
  wait_seconds     double precision not null default 0,
  run_seconds      double precision not null default 0,
  wait_histogram   bigint[] not null default '{}',
  run_histogram    bigint[] not null default '{}',
  primary key (queue, kind_id)
);

-- Failed attempts were not counted before: each failed task had one at least.
insert into absurd.ended_total (
  queue, kind_id, completed, failed, cancelled, ran, attempts_failed, wait_seconds, run_seconds
)
select queue, kind_id, sum(completed), sum(failed), sum(cancelled), sum(claimed), sum(failed),
       sum(wait_seconds), sum(run_seconds)
  from absurd.rollup group by 1, 2;

-- Tasks whose history was removed.
alter table absurd.history add column dropped bigint not null default 0;

-- It takes whether queues and task names are put together.
drop function if exists absurd.stats_history(timestamptz, timestamptz, interval, text, text);

-- What a change of many tasks took from each, to give it back. Kept as long as history is.
create table absurd.kept_change (
  batch     uuid not null,
  task_id   bigint not null,
  action    text not null constraint kept_change_action_known
              check (action in ('cancel', 'retry', 'move', 'discard')),
  -- As it was before. With another claim number the task has run since.
  claim_no  integer not null,
  run_at    timestamptz,
  lane_id   integer,
  kind      "char",
  worker_id integer,
  claimed_at  timestamptz,
  finished_at timestamptz,
  result    jsonb,
  error     jsonb,
  fingerprint text,
  at        timestamptz not null default absurd.clock(),
  primary key (batch, task_id)
);

create index kept_change_to_forget on absurd.kept_change (at);

-- It can put tasks back to where they were.
drop function if exists absurd.revive(bigint[], boolean);

-- They return more, or take more.
drop function if exists absurd.workflow_nodes(uuid);
drop function if exists absurd.find_dead(jsonb, integer);

-- Resident bytes of the worker's process, as its last beat said.
alter table absurd.worker add column memory_bytes bigint;
drop function if exists absurd.beat(integer, bigint);
drop function if exists absurd.list_workers();

-- How many tasks of each lane wait, as the leader counted them last. See 81_depth.sql.
create table absurd.lane_depth (
  lane_id    integer not null,
  place      "char" not null,
  tasks      bigint not null,
  retrying   bigint not null,
  oldest_at  timestamptz,
  primary key (lane_id, place)
);

-- When it did; no row: there was little to count.
create table absurd.depth_noted (
  is_only  boolean primary key default true constraint depth_noted_is_one check (is_only),
  at       timestamptz not null
);

-- Days before this one have whole BRIN indexes, see absurd.summarise_days; null: none has.
alter table absurd.history add column summarised_to date;

-- Groups of errors are counted from the index alone.
create index outcome_by_fingerprint on absurd.outcome (fingerprint, finished_at, task_id)
  where kind = 'd';

-- absurd.totals says the same, and only grows.
drop function if exists absurd.rollup_histograms(timestamptz);
