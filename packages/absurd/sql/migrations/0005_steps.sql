-- Durable execution inside a task: checkpoints, events, waits, log lines.

-- What a step gave, once and for good: the first that is committed is the value. Insert-only.
-- Names that begin with $ are the engine's: $sleep, $event:<name>, $tasks.
create table absurd.checkpoint (
  task_id   bigint not null,
  name      text collate "C" not null,
  -- Which call of that name: 1 for the first, 2 for name#2.
  ordinal   integer not null,
  claim_no  integer not null,
  value     jsonb,
  at        timestamptz not null,
  primary key (task_id, name, ordinal)
) partition by range (task_id);

create sequence absurd.log_seq cache 1;

-- What handlers say of their tasks. json, not jsonb: it takes any text a program may log.
create table absurd.task_log (
  task_id   bigint not null,
  line      bigint not null default nextval('absurd.log_seq'),
  claim_no  integer not null,
  at        timestamptz not null,
  level     text not null,
  message   text not null,
  fields    json,
  primary key (task_id, line)
) partition by range (task_id);

-- An event happens once: the first emit of a name is kept until keep_until.
create table absurd.event (
  name        text collate "C" primary key,
  payload     jsonb,
  emitted_at  timestamptz not null,
  -- The task that emitted it, if one did.
  task_id     bigint,
  keep_until  timestamptz not null
);

create index event_to_forget on absurd.event (keep_until);

-- Which waiting task waits for which event. Counts only while waiting holds the task with this
-- claim_no; what is left of waits that ended otherwise is swept by the leader.
create table absurd.wait_event (
  name      text collate "C" not null,
  task_id   bigint not null,
  ordinal   integer not null,
  claim_no  integer not null,
  wake_at   timestamptz,
  primary key (name, task_id)
);

create index wait_event_by_task on absurd.wait_event (task_id);

-- When a wait is over even if nothing came.
alter table absurd.waiting add column wake_at timestamptz;
create index waiting_to_wake on absurd.waiting (wake_at) where wake_at is not null;

-- A step that a batch of checkpoints is asked to keep; see absurd.write_checkpoints.
create type absurd.refused_checkpoint as (
  place     integer,
  is_stale  boolean,
  value     text
);

-- Days that have tasks already get their partitions here; later days as those of task do.
do $$
declare
  v_day record;
begin
  for v_day in
    select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'absurd.outcome'::regclass
     order by c.relname
  loop
    execute format('create table absurd.%I partition of absurd.checkpoint %s',
                   replace(v_day.relname, 'outcome', 'checkpoint'), v_day.bound);
    execute format('create table absurd.%I partition of absurd.task_log %s',
                   replace(v_day.relname, 'outcome', 'task_log'), v_day.bound);
  end loop;
end;
$$;
