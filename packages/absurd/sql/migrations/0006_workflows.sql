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
