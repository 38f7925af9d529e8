-- Who may do what, who did what, saved views, and answers that are given once a key.

-- Only the SHA-256 of a secret is here: who reads this table cannot sign in.
create table absurd_api.token (
  token_id uuid primary key default gen_random_uuid(),
  name text not null,
  role text not null constraint token_role_known check (role in ('viewer', 'operator', 'admin')),
  secret_hash bytea not null constraint token_hash_is_sha256 check (octet_length(secret_hash) = 32),
  created_at timestamptz not null default absurd.clock(),
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  -- A revoked token stays: the audit log names it.
  revoked_at timestamptz
);
create unique index token_of_secret on absurd_api.token (secret_hash);
create unique index token_name_once on absurd_api.token (name) where revoked_at is null;

-- A browser that signed in with a token. The cookie's SHA-256, as above.
create table absurd_api.session (
  secret_hash bytea primary key
    constraint session_hash_is_sha256 check (octet_length(secret_hash) = 32),
  token_id uuid not null references absurd_api.token on delete cascade,
  created_at timestamptz not null default absurd.clock(),
  expires_at timestamptz not null
);
create index session_of_token on absurd_api.session (token_id);
create index session_expiry on absurd_api.session (expires_at);

create table absurd_api.audit (
  audit_id bigint primary key generated always as identity,
  at timestamptz not null default absurd.clock(),
  actor text not null,
  role text not null,
  action text not null,
  target text not null,
  reason text,
  detail jsonb,
  status integer not null,
  request_id text not null
);
create index audit_by_actor on absurd_api.audit (actor, audit_id desc);
create index audit_by_action on absurd_api.audit (action, audit_id desc);
create index audit_by_time on absurd_api.audit (at);

create table absurd_api.view (
  view_id uuid primary key default gen_random_uuid(),
  owner text not null,
  name text not null,
  page text not null,
  q text not null,
  columns text[] not null,
  shared boolean not null,
  updated_at timestamptz not null default absurd.clock(),
  constraint view_name_once unique (owner, page, name)
);

-- A write under a key. Without status it is being answered, by whom it was begun, until held_until:
-- a process that died lets go by then.
create table absurd_api.idempotency (
  actor text not null,
  key text not null,
  request_hash bytea not null,
  request_id text not null,
  held_until timestamptz not null,
  status integer,
  -- json, not jsonb: a replay is the same to the byte.
  answer json,
  expires_at timestamptz not null,
  primary key (actor, key)
);
create index idempotency_expiry on absurd_api.idempotency (expires_at);
