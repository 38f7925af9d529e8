-- How a task was before a change is kept by the engine, which takes the change back.

alter table absurd_api.bulk_item drop column before;
