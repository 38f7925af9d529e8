-- Quality gates: verdicts that stop a chain, what people decide on them, and the history of metrics.
--
-- Lock order: groups, products, then cases, verdicts, metrics, then the task's own rows.

-- The gate's word takes the place of the stage's. What failed before gates stopped nothing, so it
-- was a warning.
alter table contimg.quality_verdicts drop constraint quality_grade_known;
update contimg.quality_verdicts set grade = 'pass' where grade = 'good';
update contimg.quality_verdicts set grade = 'warn' where grade = 'fail';
alter table contimg.quality_verdicts
  add constraint quality_grade_known check (grade in ('pass', 'warn', 'hold', 'reject')),
  -- [{verdict, quantity, kind, value, limit, unit, text}], worst first; findings has their texts.
  add column details jsonb not null default '[]';

-- Every value that a stage measured, for ever: what is usual is known from it.
create table contimg.quality_metrics (
  group_id     text not null references contimg.groups (group_id),
  task_name    text not null,
  metric       text not null,
  value        double precision not null,
  -- The run that measured it: one value a metric and run.
  fence        text not null,
  recorded_at  timestamptz not null default clock_timestamp(),
  primary key (task_name, metric, fence)
);

create index quality_metrics_history on contimg.quality_metrics (task_name, metric, recorded_at);
create index quality_metrics_of_group on contimg.quality_metrics (group_id, task_name);

-- A run that its gate did not let pass: what it had to say, and what became of it.
--
--   held ──► released (a person)      rejected        (the gate itself)
--        └─► rejected (a person)      recovering ──► recovered | failed
create table contimg.quality_cases (
  case_id           uuid primary key default gen_random_uuid(),
  group_id          text not null references contimg.groups (group_id),
  task_name         text not null,
  -- Null when the stage ran without a queue.
  task_id           uuid,
  fence             text not null,
  verdict           text not null,
  details           jsonb not null,
  state             text not null,
  -- What the stage's own rows and the task's result are made of on release.
  params            jsonb not null,
  result            jsonb not null,
  task_result       jsonb not null,
  -- The way round that was taken instead, and the task that goes it.
  route             text,
  recovery_task_id  uuid,
  opened_at         timestamptz not null default clock_timestamp(),
  -- Who decided, when and why: the signed override.
  decided_by        text,
  decided_at        timestamptz,
  reason            text,
  -- When the task that waits took note; null while it has still to.
  settled_at        timestamptz,
  constraint case_of_one_run unique (fence),
  constraint case_verdict_known check (verdict in ('hold', 'reject')),
  constraint case_state_known check (
    state in ('held', 'released', 'rejected', 'recovering', 'recovered', 'failed')
  ),
  constraint case_decision_is_whole check (
    (decided_by is null) = (decided_at is null) and (decided_by is null) = (reason is null)
  ),
  constraint case_decision_is_signed check (decided_by <> '' and reason <> ''),
  constraint case_release_is_decided check (state <> 'released' or decided_by is not null),
  constraint case_route_has_task check ((route is null) = (recovery_task_id is null)),
  constraint case_recovery_has_route check (
    state not in ('recovering', 'recovered', 'failed') or route is not null
  )
);

create index quality_cases_of_group on contimg.quality_cases (group_id, task_name, opened_at);
create index quality_cases_held on contimg.quality_cases (opened_at) where state = 'held';
create index quality_cases_unsettled on contimg.quality_cases (task_id) where settled_at is null;

-- A route is gone once for the work that a chain's task stands for, however often its stand-ins
-- are rejected in turn.
create table contimg.quality_recoveries (
  root_task_id  uuid not null,
  route         text not null,
  -- The run that was not good enough, and the task that stands in for it.
  case_id       uuid not null references contimg.quality_cases (case_id),
  task_id       uuid not null,
  begun_at      timestamptz not null default clock_timestamp(),
  primary key (root_task_id, route),
  constraint recovery_stands_in_once unique (task_id)
);

-- One id from a group's first file to the last product of it: that of the task that made it, the
-- group's own where a stage ran without a queue.
alter table contimg.products add column correlation_id text;
update contimg.products p
   set correlation_id = coalesce(
         (select t.correlation_id from absurd.tasks t where t.task_id = p.task_id), p.group_id);
alter table contimg.products alter column correlation_id set not null;

create function contimg.fill_correlation_id() returns trigger
  language plpgsql
as $$
begin
  new.correlation_id := coalesce(
    new.correlation_id,
    (select t.correlation_id from absurd.tasks t where t.task_id = new.task_id),
    new.group_id);
  return new;
end;
$$;

create trigger product_has_correlation_id before insert on contimg.products
  for each row execute function contimg.fill_correlation_id();
