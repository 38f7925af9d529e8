-- Actions on many tasks: what was asked for, how far it is, and what became of each task.

create table absurd_api.bulk_action (
  bulk_id      uuid primary key default gen_random_uuid(),
  -- Order of asking; the list's cursor.
  number       bigint generated always as identity unique,
  action       text not null constraint bulk_action_known
                 check (action in ('cancel', 'retry', 'move', 'discard')),
  state        text not null default 'running' constraint bulk_state_known
                 check (state in ('running', 'completed', 'stopped', 'failed', 'undone')),
  -- The filter; null: tasks were named, and are all in bulk_item.
  q            text,
  -- Of a move.
  priority     smallint,
  queue_name   text,
  reason       text not null,
  actor        text not null,
  -- Every task of the filter is in bulk_item.
  collected    boolean not null,
  -- Where collecting goes on.
  collect_cursor  text,
  -- What was changed is to be taken back.
  undo_asked   boolean not null default false,
  total        integer not null default 0,
  done         integer not null default 0,
  skipped      integer not null default 0,
  undone       integer not null default 0,
  created_at   timestamptz not null default absurd.clock(),
  ended_at     timestamptz,
  error        text
);

create index bulk_action_running on absurd_api.bulk_action (number) where state = 'running';

create table absurd_api.bulk_item (
  bulk_id  uuid not null references absurd_api.bulk_action on delete cascade,
  task_id  uuid not null,
  -- kept: changed, and not taken back because it has gone on since.
  state    text not null default 'waiting' constraint bulk_item_state_known
             check (state in ('waiting', 'done', 'skipped', 'undone', 'kept')),
  -- What undoing needs: how the task was.
  before   jsonb,
  primary key (bulk_id, task_id)
);

create index bulk_item_waiting on absurd_api.bulk_item (bulk_id, task_id) where state = 'waiting';
create index bulk_item_done on absurd_api.bulk_item (bulk_id, task_id) where state = 'done';
