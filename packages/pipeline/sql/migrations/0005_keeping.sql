-- Keeping: what products weigh and how they end, and what each run of a stage took.
--
-- Lock order: groups, then products (by product_id), then stage_runs.

alter table contimg.products
  -- Of the bytes, as `crc32:<hex>`; null for products of before. See keeping/checksum.ts.
  add column checksum text,
  -- Why a product that no later run replaced is not current any more; null when one did.
  add column retired_as text,
  add constraint product_retired_as_known check (retired_as in ('missing', 'expired', 'moved')),
  add constraint product_retired_is_superseded check (
    retired_as is null or superseded_at is not null
  );

create index products_by_path on contimg.products (final_path, registered_at);
create index product_inputs_by_path on contimg.product_inputs (input_path);

-- One row an attempt of a stage: what it reserved while it runs, what it took when it ended. The
-- rows of live attempts are the reservations of their machine; the others teach the next estimate.
create table contimg.stage_runs (
  -- Names the stage folder.
  run_id                 text primary key,
  task_name              text not null,
  group_id               text not null,
  task_id                uuid,
  -- Null for a run by hand.
  fence                  text,
  host                   text not null,
  -- The file system of the stage folder.
  device                 text not null,
  -- What the functions of its params said, before experience was added.
  stated_memory_bytes    bigint not null,
  stated_disk_bytes      bigint not null,
  reserved_memory_bytes  bigint not null,
  reserved_disk_bytes    bigint not null,
  started_at             timestamptz not null default clock_timestamp(),
  ended_at               timestamptz,
  -- Null while it runs, and for ever when its worker died.
  outcome                text,
  peak_memory_bytes      bigint,
  written_bytes          bigint,
  seconds                double precision,
  constraint stage_run_outcome_known check (
    outcome in ('completed', 'failed', 'out-of-memory')
  ),
  constraint stage_run_ends_with_outcome check ((ended_at is null) = (outcome is null)),
  constraint stage_run_amounts_positive check (
    stated_memory_bytes > 0 and stated_disk_bytes >= 0
    and reserved_memory_bytes >= stated_memory_bytes
    and reserved_disk_bytes >= stated_disk_bytes
  )
);

create index stage_runs_open on contimg.stage_runs (host) where ended_at is null;
create index stage_runs_of_stage on contimg.stage_runs (task_name, ended_at desc)
  where ended_at is not null;
create index stage_runs_of_task on contimg.stage_runs (task_id) where task_id is not null;
