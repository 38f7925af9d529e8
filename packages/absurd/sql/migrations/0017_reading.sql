-- What the API and the dashboard read.

-- The children of a task, for its lineage. Tasks that no task spawned are not in it.
create index task_by_parent on absurd.task (parent_id, id) where parent_id is not null;

-- The transaction that wrote the row, as in outcome: who reads changes takes each once, however late
-- it commits. Null: written before this migration.
alter table absurd.attempt add column xid bigint;
alter table absurd.attempt alter column xid set default txid_current();
create index attempt_by_xid on absurd.attempt using brin (xid)
  with (pages_per_range = 32, autosummarize = on);

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
