-- The calibration registry: sets, verification, and what was decided from it.

alter table contimg.calibrations
  -- Names the observation that was solved; its tables of several calibrators share it.
  add column solve text,
  -- Tables that belong together are used and retired together.
  add column set_name text,
  -- 0 for the first choice of calibrator of its solve, 1 for the first backup, and so on.
  add column calibrator_rank integer not null default 0,
  -- Of the solve's verdict; null when nobody judged it.
  add column grade text,
  -- Why it is not active.
  add column status_reason text,
  add column status_by text,
  add column status_at timestamptz,
  -- When its file was last found in place and opened.
  add column verified_at timestamptz,
  add constraint calibration_rank_counts_from_zero check (calibrator_rank >= 0),
  add constraint calibration_grade_known check (grade in ('good', 'warn', 'fail'));

update contimg.calibrations set solve = group_id, set_name = table_path;
alter table contimg.calibrations
  alter column solve set not null,
  alter column set_name set not null;

create index calibrations_around on contimg.calibrations (mid_mjd);
create index calibrations_unverified on contimg.calibrations (calibration_id)
  where status = 'active' and verified_at is null;
create index groups_by_time on contimg.groups (mid_mjd) where declination_rad is not null;

-- Which calibration a tile got and why, or why it waits. One row a decision, never changed but for
-- when a wait ended. A decision that made a product was inserted in its transaction.
create table contimg.calibration_decisions (
  decision_id    bigint generated always as identity primary key,
  group_id       text not null references contimg.groups (group_id),
  -- Null when the stage ran without a queue.
  task_id        uuid default contimg.current_task_id(),
  -- The calibrated set; null while the tile waits.
  product_id     uuid references contimg.products (product_id),
  kind           text not null,
  reason         text not null,
  warnings       text[] not null,
  -- The whole decision, with what was refused and why.
  decision       jsonb not null,
  -- The policy it was made by.
  policy         jsonb not null,
  decided_at     timestamptz not null default clock_timestamp(),
  -- Of a wait: how often its task looked in vain.
  looked_count   integer not null default 1,
  -- Of a wait: when the task went on.
  released_at    timestamptz,
  constraint decision_kind_known check (kind in (
    'given', 'assigned', 'interpolated', 'nearest', 'backup', 'last-known-good', 'hold')),
  constraint decision_made_a_product_or_waits check ((kind = 'hold') = (product_id is null)),
  constraint decision_looked_at_least_once check (looked_count >= 1),
  constraint decision_released_only_waits check (released_at is null or kind = 'hold')
);

create index calibration_decisions_of_group
  on contimg.calibration_decisions (group_id, decision_id desc);
create unique index calibration_decisions_of_product
  on contimg.calibration_decisions (product_id) where product_id is not null;
-- One open wait a group and task.
create unique index calibration_holds_open
  on contimg.calibration_decisions (group_id, coalesce(task_id, '00000000-0000-0000-0000-000000000000'))
  where kind = 'hold' and released_at is null;

-- What a decision used, for the way from a table to the tiles.
create table contimg.calibration_uses (
  decision_id     bigint not null references contimg.calibration_decisions (decision_id),
  calibration_id  uuid not null references contimg.calibrations (calibration_id),
  weight          double precision not null,
  primary key (decision_id, calibration_id),
  constraint use_weight_is_a_share check (weight > 0 and weight <= 1)
);

create index calibration_uses_of on contimg.calibration_uses (calibration_id);

-- A person's choice of calibration for one tile. The latest of a group counts.
create table contimg.calibration_assignments (
  assignment_id   bigint generated always as identity primary key,
  group_id        text not null references contimg.groups (group_id),
  -- Null takes an earlier assignment back.
  calibration_id  uuid references contimg.calibrations (calibration_id),
  assigned_by     text not null,
  reason          text not null,
  assigned_at     timestamptz not null default clock_timestamp(),
  constraint assignment_has_a_reason check (reason <> '' and assigned_by <> '')
);

create index calibration_assignments_of_group
  on contimg.calibration_assignments (group_id, assignment_id desc);

-- Tiles that were given to the queue again because a better calibration came. One row a tile and
-- better calibration, so finding it twice spawns once.
create table contimg.calibration_supersessions (
  group_id       text not null references contimg.groups (group_id),
  -- The word of the new chain; made of the tables it should use.
  revision       text not null,
  decision_id    bigint not null references contimg.calibration_decisions (decision_id),
  workflow_id    uuid not null,
  reason         text not null,
  better         jsonb not null,
  spawned_at     timestamptz not null default clock_timestamp(),
  primary key (group_id, revision)
);

create index calibration_supersessions_by_time
  on contimg.calibration_supersessions (spawned_at);

drop function if exists contimg.select_calibration(
  double precision, double precision, double precision, double precision);
drop function if exists contimg.explain_no_calibration(double precision, double precision, double precision);
