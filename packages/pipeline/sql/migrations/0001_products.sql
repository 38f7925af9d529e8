-- What the pipeline knows about its files: groups, products, their lineage and their quality,
-- calibrations, sources and measurements.
--
-- Paths are relative to the data root. A product row is written in the transaction that completes
-- its task; the file is renamed into place after that, and published_at says that it is there.
-- A re-run supersedes rows, it never edits history: exactly one row per path is current.
--
-- Lock order of every function: groups, then products (by product_id), then the rest.

create schema if not exists contimg;

-- The task that writes in this transaction; publishing sets it, so that rows which a stage
-- registers itself carry their task without being told.
create function contimg.current_task_id() returns uuid
  language sql stable
  return nullif(current_setting('contimg.task_id', true), '')::uuid;

create table contimg.groups (
  -- Time of the earliest member, as in file names: 2026-01-25T22:26:05.
  group_id         text primary key,
  -- Where its subband files lie; null when they came by explicit paths.
  directory        text,
  start_mjd        double precision,
  mid_mjd          double precision,
  end_mjd          double precision,
  declination_rad  double precision,
  -- How far its files are. What was made of them is in products and tasks.
  state            text not null default 'complete',
  created_at       timestamptz not null default now(),
  constraint group_id_is_a_time check (group_id ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$'),
  constraint group_state_known check (state in ('collecting', 'complete', 'refused')),
  constraint group_times_ordered check (start_mjd <= mid_mjd and mid_mjd <= end_mjd),
  constraint group_declination_on_sphere check (abs(declination_rad) <= pi() / 2)
);

create table contimg.products (
  product_id     uuid primary key default gen_random_uuid(),
  kind           text not null,
  group_id       text not null references contimg.groups (group_id),
  -- 0 for the first output of its kind that the stage listed: the one that find() returns.
  ordinal        integer not null,
  final_path     text not null,
  stage_path     text not null,
  task_name      text not null,
  -- Null when the stage ran without a queue.
  task_id        uuid,
  attempt        integer,
  fence          text not null,
  metadata       jsonb not null default '{}',
  software       jsonb not null default '{}',
  size_bytes     bigint not null,
  registered_at  timestamptz not null default clock_timestamp(),
  -- Null until the file stands under its final path.
  published_at   timestamptz,
  superseded_at  timestamptz,
  constraint product_paths_relative check (
    final_path !~ '(^/|(^|/)\.\.(/|$))' and stage_path !~ '(^/|(^|/)\.\.(/|$))'
  ),
  constraint product_ordinal_counts_from_zero check (ordinal >= 0),
  constraint product_size_not_negative check (size_bytes >= 0),
  constraint product_task_has_attempt check ((task_id is null) = (attempt is null))
);

create unique index products_current_path on contimg.products (final_path)
  where superseded_at is null;
create unique index products_current_of_group on contimg.products (group_id, kind, ordinal)
  where superseded_at is null;
create index products_unpublished on contimg.products (product_id)
  where superseded_at is null and published_at is null;
create index products_of_task on contimg.products (task_id) where task_id is not null;

-- What a product was made from; walked both ways.
create table contimg.product_inputs (
  product_id        uuid not null references contimg.products (product_id),
  input_path        text not null,
  -- Null for files the registry does not know, such as raw subbands.
  input_product_id  uuid references contimg.products (product_id),
  primary key (product_id, input_path)
);

create index product_inputs_used_by on contimg.product_inputs (input_product_id)
  where input_product_id is not null;

-- The last verdict of each stage on each group.
create table contimg.quality_verdicts (
  group_id     text not null references contimg.groups (group_id),
  task_name    text not null,
  grade        text not null,
  findings     text[] not null,
  metrics      jsonb not null,
  task_id      uuid,
  fence        text not null,
  recorded_at  timestamptz not null default clock_timestamp(),
  primary key (group_id, task_name),
  constraint quality_grade_known check (grade in ('good', 'warn', 'fail'))
);

create table contimg.calibrations (
  calibration_id   uuid primary key default gen_random_uuid(),
  table_path       text not null,
  group_id         text not null references contimg.groups (group_id),
  calibrator       text not null,
  mid_mjd          double precision not null,
  -- The window in which the table may be applied without being an extrapolation.
  start_mjd        double precision not null,
  end_mjd          double precision not null,
  declination_rad  double precision not null,
  status           text not null default 'active',
  metadata         jsonb not null default '{}',
  task_id          uuid default contimg.current_task_id(),
  created_at       timestamptz not null default clock_timestamp(),
  constraint calibration_table_once unique (table_path),
  constraint calibration_status_known check (status in ('active', 'retired', 'failed')),
  constraint calibration_window_holds_its_middle check (
    start_mjd <= mid_mjd and mid_mjd <= end_mjd
  ),
  constraint calibration_declination_on_sphere check (abs(declination_rad) <= pi() / 2)
);

create index calibrations_by_time on contimg.calibrations (mid_mjd) where status = 'active';

create table contimg.sources (
  source_name             text primary key,
  ra_deg                  double precision not null,
  dec_deg                 double precision not null,
  -- The reference catalogue's flux, at its own frequency.
  flux_jy                 double precision,
  reference_frequency_hz  double precision,
  spectral_index          double precision,
  constraint source_on_sphere check (
    ra_deg >= 0 and ra_deg < 360 and abs(dec_deg) <= 90
  )
);

-- Forced photometry: one row a source and group, so a re-run replaces its points.
create table contimg.measurements (
  group_id         text not null references contimg.groups (group_id),
  source_name      text not null,
  ra_deg           double precision not null,
  dec_deg          double precision not null,
  mjd              double precision not null,
  frequency_hz     double precision not null,
  flux_jy          double precision not null,
  flux_error_jy    double precision not null,
  snr              double precision not null,
  local_rms_jy     double precision not null,
  -- Scaled to frequency_hz; null when the catalogue has none.
  catalog_flux_jy  double precision,
  -- From the catalogue position to the fitted one; null where no fit was possible.
  offset_arcsec    double precision,
  task_id          uuid default contimg.current_task_id(),
  measured_at      timestamptz not null default clock_timestamp(),
  primary key (group_id, source_name),
  constraint measurement_on_sphere check (
    ra_deg >= 0 and ra_deg < 360 and abs(dec_deg) <= 90
  ),
  constraint measurement_errors_positive check (flux_error_jy > 0 and local_rms_jy > 0),
  constraint measurement_offset_not_negative check (offset_arcsec >= 0)
);

create index measurements_light_curve on contimg.measurements (source_name, mjd);
