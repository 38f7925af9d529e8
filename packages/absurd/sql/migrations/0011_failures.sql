-- Failure: retry rules, repairs, deadlines, fingerprints and groups of errors, keys that expire.

-- Retry rules of the kind, { "retry": {...} }; see absurd.retry_rule.
alter table absurd.kind add column policy jsonb;

-- rule: the retry rule with a limit of its own that judged the attempt; null: the task's own limit.
-- repair_id: the task that was spawned to repair what this attempt met.
alter table absurd.attempt
  add column rule         text,
  add column repair_id    bigint,
  add column fingerprint  text;

create index attempt_by_fingerprint on absurd.attempt (fingerprint) where fingerprint is not null;

-- Of dead tasks only.
alter table absurd.outcome add column fingerprint text;

-- A new start: what was counted before it counts no more.
alter table absurd.credit add column is_reset boolean not null default false;

-- A key that is forgotten again, and the hash of a content that is known for a window.
alter table absurd.dedup add column expires_at timestamptz;

create index dedup_to_expire on absurd.dedup (expires_at) where expires_at is not null;

-- The few tasks with a deadline (d) or an expiry (e), in the order in which the leader looks.
create table absurd.expiry (
  at       timestamptz not null,
  task_id  bigint not null,
  kind     "char" not null constraint expiry_kind_known check (kind in ('d', 'e')),
  primary key (at, task_id, kind)
);

-- Repairs that have not ended, each with the task that waits for it.
create table absurd.repair (
  repair_id  bigint primary key,
  task_id    bigint not null
);

-- What people said of the errors with one fingerprint.
create table absurd.error_group (
  fingerprint  text primary key,
  state        text not null constraint error_group_state_known
                 check (state in ('open', 'acknowledged', 'resolved')),
  assignee     text,
  note         text,
  at           timestamptz not null
);

-- The queue that hears of each task that dies; no row: none.
create table absurd.dead_letter_queue (
  is_only  boolean primary key default true constraint dead_letter_queue_only_one check (is_only),
  queue    text not null
);

alter table absurd.signal
  drop constraint signal_kind_known,
  add constraint signal_kind_known check (kind in ('cancel', 'deadline'));

-- An ended attempt with what follows from it. verdict: dead, late (dead because of its deadline),
-- cancelled, released, at once, again (at run_at), repair.
create type absurd.judged_attempt as (
  task_id      bigint,
  claim_no     integer,
  worker_id    integer,
  lane_id      integer,
  claimed_at   timestamptz,
  class        text,
  error        jsonb,
  verdict      text,
  run_at       timestamptz,
  rule         text,
  repair       jsonb,
  fingerprint  text
);

drop function if exists absurd.backoff(integer, jsonb, double precision);
drop function if exists absurd.fail_task(text, text, text, jsonb);
drop function if exists absurd.cancel_unclaimed(bigint[], text);
-- They say the trace context of what was claimed, too.
drop function if exists absurd.claim(
  integer, bigint, text[], integer[], integer[], bigint[], integer
);
drop function if exists absurd.cycle(
  integer, bigint, bigint[], integer[], text[], bigint[], integer[], text[], text[],
  double precision[], text[], integer[], integer[], bigint[], integer
);
