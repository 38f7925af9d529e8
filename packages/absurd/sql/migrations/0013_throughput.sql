-- What spawn, claim and completion write per task, cut to what somebody reads.

-- The views name params and come back with the functions.
drop view if exists absurd.dead_letter;
drop view if exists absurd.tasks;

-- Params are stored as they came: a claim hands them out as text, nobody searches in them on the
-- hot path, and jsonb has to be made and unmade. The view shows them as jsonb.
alter table absurd.task alter column params type json using params::text::json;

-- UUIDs of tasks grow with their numbers, which grow with time, so a summary of each block range
-- finds one: a B-tree here was a third of the cost of a spawn.
drop index absurd.task_by_uuid;
create index task_by_uuid on absurd.task using brin (absurd.task_uuid(id) uuid_minmax_ops)
  with (pages_per_range = 64, autosummarize = on);

-- Leases are few and short: who looks for all of a worker reads them all.
drop index absurd.lease_of_worker;

-- Null: as soon as it was created.
alter table absurd.task alter column available_at drop not null;
