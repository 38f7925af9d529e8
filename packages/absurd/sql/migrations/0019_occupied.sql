-- What attempts still use that were told to stop and have not ended, resource to amount. Their lease
-- may be gone: then nothing else remembers that the worker has this no more. Null when there are none.
alter table absurd.worker add column occupied jsonb;
