-- Names the work behind a key for as long as the key is held: when its process dies between doing
-- and noting, who does it again does it under the same name, and the engine finds it done.

alter table absurd_api.idempotency add column work_id uuid not null default gen_random_uuid();
