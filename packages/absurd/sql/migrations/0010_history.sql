-- History: roll-ups that outlive the tasks, counts of what ended, and what retention needs.

-- The transaction that wrote the row. Once every transaction below a number is over, no row below it
-- can still appear: that is what lets the roll-up take each row exactly once.
alter table absurd.outcome add column xid bigint not null default txid_current();

-- Rows come in the order of xid but for a few: block summaries find the newest at no cost a row.
create index outcome_by_xid on absurd.outcome using brin (xid)
  with (pages_per_range = 32, autosummarize = on);

create index task_by_correlation on absurd.task (correlation_id, id)
  where correlation_id is not null;
create index task_by_workflow on absurd.task (workflow_id, id) where workflow_id is not null;
create index task_by_tag on absurd.task using gin (tags) where tags is not null;

-- Which block ranges hold tasks of a lane: finds those of a rare one, and costs a spawn nothing.
create index task_by_lane on absurd.task using brin (lane_id int4_bloom_ops)
  with (pages_per_range = 32, autosummarize = on);

-- Keys come in the order of task numbers.
create index dedup_by_task on absurd.dedup using brin (task_id) with (pages_per_range = 32);

-- One row: how long history is kept, and how far it was rolled up.
create table absurd.history (
  singleton       boolean primary key default true constraint history_is_one check (singleton),
  retention_days  integer not null default 30 constraint history_kept_a_day check (retention_days > 0),
  rollup_days     integer not null default 400 constraint rollup_kept_a_day check (rollup_days > 0),
  -- Every outcome of a lower transaction is in ended_count and rollup.
  rolled_xid      bigint not null default 0
);

insert into absurd.history default values;

-- Days whose tasks have all ended for good: nothing gets a new start there, their rows go.
create table absurd.closing_day (
  day        date primary key,
  closed_at  timestamptz not null default absurd.clock()
);

-- What ended and still exists, by day of birth.
create table absurd.ended_count (
  day      date not null,
  lane_id  integer not null,
  kind     "char" not null,
  tasks    bigint not null,
  primary key (day, lane_id, kind)
);

-- What ended in an hour, for good. The histograms count by powers of the fourth root of 2, from 1 ms
-- on: see absurd.histogram_bucket. A task that ends, is tried again and ends again counts twice.
create table absurd.rollup (
  hour            timestamptz not null,
  queue           text not null,
  kind_id         integer not null,
  completed       bigint not null,
  failed          bigint not null,
  cancelled       bigint not null,
  -- Of those that a worker had claimed.
  claimed         bigint not null,
  wait_seconds    double precision not null,
  run_seconds     double precision not null,
  wait_histogram  bigint[] not null,
  run_histogram   bigint[] not null,
  primary key (hour, queue, kind_id)
);
