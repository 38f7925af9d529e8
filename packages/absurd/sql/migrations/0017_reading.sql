-- What the API and the dashboard read.

-- The children of a task, for its lineage. Tasks that no task spawned are not in it.
create index task_by_parent on absurd.task (parent_id, id) where parent_id is not null;
