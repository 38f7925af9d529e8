-- Conditions on edges.

-- cond: when the edge is met. s: the parent completed; f: it failed or was cancelled; a: it ended,
-- however; p: it completed and its result matches the predicate.
-- otherwise: what an edge that can no longer be met does to the child. x: cancels it, s: skips it,
-- c: nothing, it counts as met.
-- any_of: edges of a child with the same number are one requirement, met by any of them.
alter table absurd.dep
  add column otherwise "char" not null default 'x',
  add column any_of    smallint,
  add column predicate jsonpath,
  add constraint dep_cond_known check (cond in ('s', 'f', 'a', 'p')),
  add constraint dep_otherwise_known check (otherwise in ('x', 's', 'c')),
  add constraint dep_predicate_with_cond check ((cond = 'p') = (predicate is not null));

-- An edge that is being spawned. parent is null for an index out of range and for what is no task's
-- UUID; asked is what the caller wrote there.
create type absurd.new_edge as (
  child         bigint,
  child_index   integer,
  parent        bigint,
  parent_index  integer,
  asked         text,
  cond          "char",
  otherwise     "char",
  any_of        smallint,
  predicate     text
);

-- absurd.resolve_dependents took their place.
drop function if exists absurd.release_dependents(bigint[]);
drop function if exists absurd.cancel_dependents(bigint[]);
drop function if exists absurd.edges_of(absurd.spawn_row[]);
drop function if exists absurd.check_edges(absurd.spawn_row[]);

-- A workflow: tasks with names that somebody wants to see, cancel and rerun together.
create table absurd.workflow (
  id               uuid primary key,
  name             text not null,
  template         text,
  version          integer,
  params           jsonb not null,
  tags             text[],
  idempotency_key  text,
  created_at       timestamptz not null,
  -- Nothing may be added any more.
  cancelled_at     timestamptz,
  constraint workflow_known_once unique (name, idempotency_key)
);

-- A node is a task with a name of its workflow. Elements of a fan-out are nodes, too: name[0], ...
create table absurd.workflow_node (
  workflow_id  uuid not null,
  name         text not null,
  task_id      bigint not null,
  primary key (workflow_id, name)
);

create index workflow_node_of_task on absurd.workflow_node (task_id);

-- A node that becomes one task for each element of another's result. Its own task is the engine's:
-- it waits for the other, then for the elements, and completes.
create table absurd.fan_out (
  task_id        bigint primary key,
  workflow_id    uuid not null,
  node           text not null,
  source         bigint not null,
  spec           jsonb not null,
  -- Null until the elements are spawned.
  element_count  integer
);

insert into absurd.kind (name, queue, attempts_max) values ('absurd.fan-out', 'absurd', 1);

-- Versions never change; spawned workflows refer to them.
create table absurd.template (
  name        text not null,
  version     integer not null,
  -- [{ name, type, default, required }]
  params      jsonb not null,
  nodes       jsonb not null,
  created_at  timestamptz not null,
  primary key (name, version)
);

-- What a completed attempt returned before its task was given a new start (class completed).
alter table absurd.attempt add column result jsonb;
