constraint attempt attempt_pkey PRIMARY KEY (task_id, claim_no)
constraint control control_pkey PRIMARY KEY (name)
constraint credit credit_pkey PRIMARY KEY (task_id, claim_no)
constraint dedup dedup_pkey PRIMARY KEY (scope, key, bucket)
constraint deferred deferred_pkey PRIMARY KEY (run_at, task_id)
constraint dep dep_pkey PRIMARY KEY (parent, child)
constraint kind kind_attempts_positive CHECK ((attempts_max > 0))
constraint kind kind_name_known_once UNIQUE (name)
constraint kind kind_pkey PRIMARY KEY (kind_id)
constraint lane lane_known_once UNIQUE (queue, kind_id, class_id, priority, fair_key)
constraint lane lane_pkey PRIMARY KEY (lane_id)
constraint late_edge late_edge_pkey PRIMARY KEY (child)
constraint lease lease_pkey PRIMARY KEY (task_id)
constraint migrations migrations_pkey PRIMARY KEY (number)
constraint outcome outcome_kind_known CHECK ((kind = ANY (ARRAY['c'::"char", 'd'::"char", 'x'::"char"])))
constraint outcome outcome_pkey PRIMARY KEY (task_id)
constraint progress progress_pkey PRIMARY KEY (task_id)
constraint ready ready_pkey PRIMARY KEY (lane_id, seq)
constraint signal signal_kind_known CHECK ((kind = 'cancel'::text))
constraint signal signal_pkey PRIMARY KEY (task_id, claim_no, kind)
constraint task task_pkey PRIMARY KEY (id)
constraint waiting waiting_need_not_negative CHECK ((need >= 0))
constraint waiting waiting_pkey PRIMARY KEY (child)
constraint worker worker_pkey PRIMARY KEY (worker_id)
function assert_worker(integer,bigint) returns void
function audit_edges(integer) returns integer
function backoff(integer,jsonb,double precision) returns interval immutable
function beat(integer,bigint) returns TABLE(task_id bigint, claim_no integer, kind text, reason text)
function begin_copy(text,text,smallint) returns TABLE(lane_id integer, attempts_max integer, timeout_ms bigint, created_at timestamp with time zone)
function best_lanes(text[],integer[],integer[],bigint[],integer) returns TABLE(lane_id integer, kind_id integer, hint bigint, boost_ms double precision) stable
function cancel_dependents(bigint[]) returns integer
function cancel_task(uuid,text) returns boolean
function cancel_tasks(bigint[],text) returns TABLE(task_id bigint, what text)
function cancel_unclaimed(bigint[],text) returns bigint[]
function check_edges(spawn_row[]) returns void
function claim(integer,bigint,text[],integer[],integer[],bigint[],integer) returns TABLE(task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer, attempts_max integer, timeout_ms bigint, params text)
function claim_task(text,text) returns TABLE(task_id uuid, task_name text, params jsonb, attempt integer, fence text)
function claim_tasks(integer,bigint,text[],text[],integer) returns TABLE(task_id uuid, task_name text, params jsonb, attempt integer, fence text)
function clock() returns timestamp with time zone stable
function complete_attempts(integer,bigint,bigint[],integer[],text[]) returns bigint[]
function complete_task(text,jsonb) returns void
function cycle(integer,bigint,bigint[],integer[],text[],bigint[],integer[],text[],text[],double precision[],text[],integer[],integer[],bigint[],integer) returns TABLE(what "char", task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer, attempts_max integer, timeout_ms bigint, params text)
function edges_of(spawn_row[]) returns TABLE(child bigint, child_index integer, parent bigint, parent_index integer, asked text) stable
function end_overdue(integer,integer) returns integer
function ensure_partitions(integer) returns integer
function error_json(text,text,text) returns jsonb immutable
function fail_attempts(integer,bigint,bigint[],integer[],text[],text[],double precision[]) returns bigint[]
function fail_task(text,text,text,jsonb) returns void
function fence_text(bigint,integer,integer,bigint) returns text immutable
function first_task_number(timestamp with time zone) returns bigint immutable
function get_queue_stats(text) returns TABLE(queue_name text, pending bigint, claimed bigint, completed bigint, failed bigint, cancelled bigint, retrying bigint, total bigint) stable
function has_ended(text,text) returns boolean stable
function has_partition_today() returns boolean stable
function hex_number(text) returns bigint immutable
function hold_fence(text) returns lease
function intern_lanes(spawn_row[]) returns void
function kind_named(text) returns kind stable
function leave_waiting(bigint[]) returns integer
function leave_worker(integer,bigint) returns void
function locate_task(bigint) returns TABLE(place text, run_at timestamp with time zone, unmet integer, fraction real, note text, cancel_requested boolean) stable
function lock_ready(integer[],bigint[],double precision[],integer) returns tid[]
function maintain(integer,bigint,integer,integer) returns TABLE(term bigint, promoted integer, recovered integer, next_due_seconds double precision)
function match_keys(spawn_row[]) returns spawn_row[]
function next_task_number() returns bigint
function next_task_numbers(integer) returns bigint[]
function parse_spawns(jsonb,timestamp with time zone) returns spawn_row[]
function place_spawned(spawn_row[],bigint,timestamp with time zone) returns bigint
function plain_lane(text,integer,smallint) returns integer
function promote_deferred(integer) returns integer
function record_edges(spawn_row[]) returns void
function recover_dead_workers(integer) returns integer
function register_kinds(jsonb) returns TABLE(task_name text, kind_id integer)
function register_worker(text,bigint,integer,text[],integer,text,integer,text) returns integer
function release_dependents(bigint[]) returns integer
function replay_outcome(text,text,text) returns text
function report_progress(integer,bigint,bigint[],integer[],real[],text[]) returns TABLE(task_id bigint, claim_no integer)
function request_cancel(bigint[],text) returns void
function retry_task(uuid) returns boolean
function revalidate(integer,bigint,bigint[],integer[]) returns TABLE(task_id bigint, claim_no integer, held boolean)
function server_started_at() returns timestamp with time zone stable
function settle(ended_attempt[]) returns void
function spawn_lines(text,text,text,smallint) returns bigint[]
function spawn_task(text,text,jsonb,integer,integer,integer) returns uuid
function spawn_tasks(jsonb,text) returns TABLE(task_index integer, task_id uuid, created boolean)
function task_number(uuid) returns bigint immutable
function task_uuid(bigint) returns uuid immutable
function unmet_count(bigint) returns integer stable
index CREATE INDEX deferred_by_task ON absurd.deferred USING btree (task_id)
index CREATE INDEX dep_by_child ON absurd.dep USING btree (child)
index CREATE INDEX lease_to_time_out ON absurd.lease USING btree (kill_after) WHERE (kill_after IS NOT NULL)
index CREATE INDEX outcome_not_completed ON ONLY absurd.outcome USING btree (kind, task_id) WHERE (kind <> 'c'::"char")
index CREATE INDEX signal_of_worker ON absurd.signal USING btree (worker_id)
index CREATE INDEX task_by_uuid ON ONLY absurd.task USING brin (task_uuid(id)) WITH (pages_per_range='64', autosummarize='on')
index CREATE INDEX worker_to_watch ON absurd.worker USING btree (worker_id) WHERE (NOT buried)
index CREATE UNIQUE INDEX attempt_pkey ON ONLY absurd.attempt USING btree (task_id, claim_no)
index CREATE UNIQUE INDEX control_pkey ON absurd.control USING btree (name)
index CREATE UNIQUE INDEX credit_pkey ON absurd.credit USING btree (task_id, claim_no)
index CREATE UNIQUE INDEX dedup_pkey ON absurd.dedup USING btree (scope, key, bucket)
index CREATE UNIQUE INDEX deferred_pkey ON absurd.deferred USING btree (run_at, task_id)
index CREATE UNIQUE INDEX dep_pkey ON absurd.dep USING btree (parent, child)
index CREATE UNIQUE INDEX kind_name_known_once ON absurd.kind USING btree (name)
index CREATE UNIQUE INDEX kind_pkey ON absurd.kind USING btree (kind_id)
index CREATE UNIQUE INDEX lane_known_once ON absurd.lane USING btree (queue, kind_id, class_id, priority, fair_key)
index CREATE UNIQUE INDEX lane_pkey ON absurd.lane USING btree (lane_id)
index CREATE UNIQUE INDEX late_edge_pkey ON absurd.late_edge USING btree (child)
index CREATE UNIQUE INDEX lease_pkey ON absurd.lease USING btree (task_id)
index CREATE UNIQUE INDEX migrations_pkey ON absurd.migrations USING btree (number)
index CREATE UNIQUE INDEX outcome_pkey ON ONLY absurd.outcome USING btree (task_id)
index CREATE UNIQUE INDEX progress_pkey ON absurd.progress USING btree (task_id)
index CREATE UNIQUE INDEX ready_pkey ON absurd.ready USING btree (lane_id, seq)
index CREATE UNIQUE INDEX signal_pkey ON absurd.signal USING btree (task_id, claim_no, kind)
index CREATE UNIQUE INDEX task_pkey ON ONLY absurd.task USING btree (id)
index CREATE UNIQUE INDEX waiting_pkey ON absurd.waiting USING btree (child)
index CREATE UNIQUE INDEX worker_pkey ON absurd.worker USING btree (worker_id)
sequence kind_kind_id_seq cache 1
sequence lane_lane_id_seq cache 1
sequence ready_seq cache 1
sequence task_seq cache 64
sequence worker_worker_id_seq cache 1
table attempt (task_id bigint not null, claim_no integer not null, worker_id integer not null, claimed_at timestamp with time zone not null, finished_at timestamp with time zone not null, class text not null, error jsonb not null)
table control (name text not null, worker_id integer, epoch bigint, term bigint not null default 0, expires_at timestamp with time zone not null default '-infinity'::timestamp with time zone)
table credit (task_id bigint not null, claim_no integer not null, attempts integer not null)
table dedup (scope integer not null, key text not null, bucket bigint not null default 0, task_id bigint not null)
table deferred (run_at timestamp with time zone not null, task_id bigint not null, claim_no integer not null default 0, lane_id integer not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table dep (parent bigint not null, child bigint not null, cond "char" not null default 's'::"char")
table kind (kind_id integer not null identity, name text not null, queue text not null default 'default'::text, attempts_max integer not null default 4, timeout_ms bigint, params_schema jsonb, registered_at timestamp with time zone not null default clock())
table lane (lane_id integer not null identity, queue text not null, kind_id integer not null, class_id integer not null default 0, priority smallint not null default 0, fair_key text not null default ''::text, boost_ms double precision not null default 0, paused boolean not null default false)
table late_edge (child bigint not null, horizon xid8)
table lease (task_id bigint not null, epoch bigint not null, worker_id integer not null, claim_no integer not null, lane_id integer not null, at timestamp with time zone not null, claimed_at timestamp with time zone not null, kill_after timestamp with time zone) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table migrations (number integer not null, name text not null, sha256 text not null, applied_at timestamp with time zone not null default statement_timestamp())
table outcome (task_id bigint not null, claim_no integer not null, kind "char" not null, worker_id integer, claimed_at timestamp with time zone, finished_at timestamp with time zone not null, result jsonb, error jsonb)
table progress (task_id bigint not null, claim_no integer not null, fraction real not null, note text not null, at timestamp with time zone not null) with fillfactor=50 unlogged
table ready (lane_id integer not null, claim_no integer not null default 0, seq bigint not null default nextval('ready_seq'::regclass), task_id bigint not null, at timestamp with time zone not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table signal (task_id bigint not null, claim_no integer not null, kind text not null, worker_id integer not null, reason text not null, at timestamp with time zone not null default clock())
table task (id bigint not null, lane_id integer not null, attempts_max integer not null, timeout_ms bigint, created_at timestamp with time zone not null, available_at timestamp with time zone, deadline_at timestamp with time zone, expires_at timestamp with time zone, parent_id bigint, workflow_id uuid, params json not null, policy jsonb, trace_context jsonb, idempotency_key text, correlation_id text, tags text[])
table waiting (child bigint not null, need integer not null, claim_no integer not null default 0, lane_id integer not null, run_at timestamp with time zone not null) with fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table worker (worker_id integer not null identity, name text not null, epoch bigint not null, beat_at timestamp with time zone not null, lease_ms integer not null, queues text[] not null, concurrency integer not null, host text, pid integer, version text, started_at timestamp with time zone not null default clock(), gone_at timestamp with time zone, buried boolean not null default false) with fillfactor=30
view dead_letter (task_id uuid, queue_name text, task_name text, params jsonb, attempt integer, error text, error_detail jsonb, created_at timestamp with time zone, failed_at timestamp with time zone, correlation_id text, workflow_id uuid, tags text[])
view tasks (task_id uuid, queue_name text, task_name text, params jsonb, priority integer, timeout_sec double precision, status text, worker_id text, attempt integer, max_retries integer, result jsonb, error text, created_at timestamp with time zone, claimed_at timestamp with time zone, completed_at timestamp with time zone, wait_time_sec double precision, execution_time_sec double precision, workflow_id uuid, depends_on uuid[], available_at timestamp with time zone, correlation_id text, idempotency_key text, tags text[], parent_task_id uuid, error_detail jsonb, task_number bigint)
