-- Tasks that run are cancelled last: where one of them ends, its worker would take the next, which is
-- to be cancelled as well.

alter table absurd_api.bulk_item add column runs boolean not null default false;

drop index absurd_api.bulk_item_waiting;
create index bulk_item_waiting on absurd_api.bulk_item (bulk_id, runs, task_id)
  where state = 'waiting';
