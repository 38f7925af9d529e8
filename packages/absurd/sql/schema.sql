constraint attempt attempt_pkey PRIMARY KEY (task_id, claim_no)
constraint checkpoint checkpoint_pkey PRIMARY KEY (task_id, name, ordinal)
constraint class class_known_once UNIQUE (resources, required, preferred, prefer_ms, gated)
constraint class class_pkey PRIMARY KEY (class_id)
constraint closing_day closing_day_pkey PRIMARY KEY (day)
constraint control control_pkey PRIMARY KEY (name)
constraint credit credit_pkey PRIMARY KEY (task_id, claim_no)
constraint dead_letter_queue dead_letter_queue_only_one CHECK (is_only)
constraint dead_letter_queue dead_letter_queue_pkey PRIMARY KEY (is_only)
constraint dedup dedup_pkey PRIMARY KEY (scope, key, bucket)
constraint deferred deferred_pkey PRIMARY KEY (run_at, task_id)
constraint dep dep_cond_known CHECK ((cond = ANY (ARRAY['s'::"char", 'f'::"char", 'a'::"char", 'p'::"char"])))
constraint dep dep_otherwise_known CHECK ((otherwise = ANY (ARRAY['x'::"char", 's'::"char", 'c'::"char"])))
constraint dep dep_pkey PRIMARY KEY (parent, child)
constraint dep dep_predicate_with_cond CHECK (((cond = 'p'::"char") = (predicate IS NOT NULL)))
constraint depth_noted depth_noted_is_one CHECK (is_only)
constraint depth_noted depth_noted_pkey PRIMARY KEY (is_only)
constraint ended_count ended_count_pkey PRIMARY KEY (day, lane_id, kind)
constraint ended_total ended_total_pkey PRIMARY KEY (queue, kind_id)
constraint error_group error_group_pkey PRIMARY KEY (fingerprint)
constraint error_group error_group_state_known CHECK ((state = ANY (ARRAY['open'::text, 'acknowledged'::text, 'resolved'::text])))
constraint event event_pkey PRIMARY KEY (name)
constraint expiry expiry_kind_known CHECK ((kind = ANY (ARRAY['d'::"char", 'e'::"char"])))
constraint expiry expiry_pkey PRIMARY KEY (at, task_id, kind)
constraint fan_out fan_out_pkey PRIMARY KEY (task_id)
constraint fire fire_origin_known CHECK ((origin = ANY (ARRAY['schedule'::text, 'trigger'::text, 'backfill'::text])))
constraint fire fire_pkey PRIMARY KEY (schedule_id, fire_at)
constraint fire fire_state_known CHECK ((state = ANY (ARRAY['spawned'::text, 'buffered'::text, 'skipped'::text, 'missed'::text, 'failed'::text])))
constraint gate gate_has_its_numbers CHECK ((((kind = 'lock'::text) = (slots IS NULL)) AND ((kind = 'rate'::text) = (period_ms IS NOT NULL))))
constraint gate gate_kind_known CHECK ((kind = ANY (ARRAY['key'::text, 'lock'::text, 'rate'::text])))
constraint gate gate_known_once UNIQUE (kind, name)
constraint gate gate_lets_some_in CHECK (((slots >= 0) AND (period_ms > 0)))
constraint gate gate_pkey PRIMARY KEY (gate_id)
constraint gate_day gate_day_pkey PRIMARY KEY (day, gate_id)
constraint gate_grant gate_grant_pkey PRIMARY KEY (gate_id, task_id)
constraint gate_touch gate_touch_pkey PRIMARY KEY (touch_id)
constraint gate_wait gate_wait_pkey PRIMARY KEY (gate_id, seq)
constraint history history_is_one CHECK (singleton)
constraint history history_kept_a_day CHECK ((retention_days > 0))
constraint history history_pkey PRIMARY KEY (singleton)
constraint history rollup_kept_a_day CHECK ((rollup_days > 0))
constraint kept_change kept_change_action_known CHECK ((action = ANY (ARRAY['cancel'::text, 'retry'::text, 'move'::text, 'discard'::text])))
constraint kept_change kept_change_pkey PRIMARY KEY (batch, task_id)
constraint kind kind_attempts_positive CHECK ((attempts_max > 0))
constraint kind kind_pkey PRIMARY KEY (kind_id)
constraint kind kind_version_known_once UNIQUE (name, version)
constraint lane lane_known_once UNIQUE (queue, kind_id, class_id, priority, fair_key)
constraint lane lane_pkey PRIMARY KEY (lane_id)
constraint lane_depth lane_depth_pkey PRIMARY KEY (lane_id, place)
constraint late_edge late_edge_pkey PRIMARY KEY (child)
constraint lease lease_pkey PRIMARY KEY (task_id)
constraint migrations migrations_pkey PRIMARY KEY (number)
constraint new_start new_start_pkey PRIMARY KEY (start_id)
constraint outcome outcome_kind_known CHECK ((kind = ANY (ARRAY['c'::"char", 'd'::"char", 'x'::"char"])))
constraint outcome outcome_pkey PRIMARY KEY (task_id)
constraint parked parked_pkey PRIMARY KEY (task_id)
constraint progress progress_pkey PRIMARY KEY (task_id)
constraint queue queue_aging_seconds_positive CHECK ((aging_seconds > (0)::double precision))
constraint queue queue_pending_max_positive CHECK ((pending_max > 0))
constraint queue queue_pkey PRIMARY KEY (name)
constraint queue queue_priority_mode_known CHECK ((priority_mode = ANY (ARRAY['strict'::text, 'aging'::text])))
constraint queue queue_running_max_positive CHECK ((running_max > 0))
constraint queue queue_weight_in_range CHECK (((weight >= 1) AND (weight <= 1000)))
constraint rate_start rate_start_pkey PRIMARY KEY (start_id)
constraint ready ready_pkey PRIMARY KEY (lane_id, seq)
constraint repair repair_pkey PRIMARY KEY (repair_id)
constraint reservation reservation_one_per_worker UNIQUE (worker_id)
constraint reservation reservation_pkey PRIMARY KEY (lane_id)
constraint rollup rollup_pkey PRIMARY KEY (hour, queue, kind_id)
constraint rollup_minute rollup_minute_pkey PRIMARY KEY (minute, queue, kind_id)
constraint schedule schedule_catch_up_bounded CHECK ((catch_up_seconds >= (10)::double precision))
constraint schedule schedule_catch_up_known CHECK ((catch_up = ANY (ARRAY['all'::text, 'last'::text])))
constraint schedule schedule_jitter_not_negative CHECK ((jitter_seconds >= (0)::double precision))
constraint schedule schedule_name_known_once UNIQUE (name)
constraint schedule schedule_overlap_known CHECK ((overlap = ANY (ARRAY['skip'::text, 'bufferOne'::text, 'bufferAll'::text, 'cancelOther'::text, 'allow'::text])))
constraint schedule schedule_pkey PRIMARY KEY (schedule_id)
constraint schedule schedule_remaining_not_negative CHECK ((remaining >= 0))
constraint signal signal_kind_known CHECK ((kind = ANY (ARRAY['cancel'::text, 'deadline'::text])))
constraint signal signal_pkey PRIMARY KEY (task_id, claim_no, kind)
constraint task task_pkey PRIMARY KEY (id)
constraint task_log task_log_pkey PRIMARY KEY (task_id, line)
constraint template template_pkey PRIMARY KEY (name, version)
constraint wait_event wait_event_pkey PRIMARY KEY (name, task_id)
constraint waiting waiting_need_not_negative CHECK ((need >= 0))
constraint waiting waiting_pkey PRIMARY KEY (child)
constraint worker worker_pkey PRIMARY KEY (worker_id)
constraint worker_signal worker_signal_kind_known CHECK ((kind = ANY (ARRAY['drain'::text, 'stop'::text])))
constraint worker_signal worker_signal_pkey PRIMARY KEY (worker_id, kind)
constraint workflow workflow_known_once UNIQUE (name, idempotency_key)
constraint workflow workflow_pkey PRIMARY KEY (id)
constraint workflow_node workflow_node_pkey PRIMARY KEY (workflow_id, name)
function add_attempts(bigint,bigint) returns void
function add_histograms(bigint[],bigint[]) returns bigint[] immutable
function add_kinds(jsonb) returns void
function add_nodes(uuid,jsonb,text) returns void
function add_rollups(rollup_minute[]) returns void
function add_to_workflow(uuid,jsonb,text) returns TABLE(node text, task_id uuid, created boolean)
function admit(integer[]) returns integer
function admit_one(bigint) returns integer[]
function admit_spawns(spawn_row[]) returns void
function admit_tasks(text,bigint) returns void
function after_end(bigint[]) returns void
function announce_dead(bigint[]) returns void
function announce_kinds(integer,bigint,integer[]) returns void
function apply_demands(spawn_row[]) returns spawn_row[]
function ask_worker(integer,text,double precision) returns void
function assert_alive(integer) returns void
function assert_awaitable(bigint,bigint[]) returns void
function assert_event_name(text) returns void
function assert_no_contradiction(new_edge[]) returns void
function assert_not_hopeless(new_edge[]) returns void
function assert_worker(integer,bigint) returns void
function audit_edges(integer) returns integer
function await_event(text,text,integer,double precision) returns TABLE(what text, payload text)
function await_queue_turns(text[]) returns void
function await_tasks(text,uuid[],integer) returns TABLE(what text, ends text)
function awaited_event(bigint) returns text stable
function backfill_schedule(text,timestamp with time zone[],text) returns SETOF fire
function backoff(integer,jsonb,double precision) returns interval immutable
function beat(integer,bigint,bigint) returns TABLE(task_id bigint, claim_no integer, kind text, reason text)
function begin_copy(text,text,smallint) returns TABLE(lane_id integer, attempts_max integer, timeout_ms bigint, created_at timestamp with time zone, queue_name text, guarded boolean)
function begin_repairs(judged_attempt[]) returns bigint[]
function best_lanes(text[],integer[],integer[],bigint[],integer,integer[]) returns TABLE(lane_id integer, kind_id integer, hint bigint, boost_ms double precision) stable
function bind_edge(jsonb,jsonb) returns jsonb immutable
function bind_params(jsonb,jsonb) returns jsonb immutable
function break_endless_waits(integer) returns integer
function bucket_seconds(bigint) returns double precision immutable
function called(bigint) returns text stable
function cancel_kept(bigint[],uuid,text) returns TABLE(task_id bigint, what text)
function cancel_many(jsonb,text,integer,boolean) returns TABLE(task_id uuid, what text)
function cancel_open_fires(schedule) returns void
function cancel_task(uuid,text) returns boolean
function cancel_tasks(bigint[],text) returns TABLE(task_id bigint, what text)
function cancel_unclaimed(bigint[],text,integer) returns bigint[]
function cancel_workflow(uuid,text) returns integer
function canonical_json(jsonb) returns text immutable
function change_bodies(bigint[]) returns TABLE(task_id bigint, queue text, task_name text, workflow_id uuid) stable
function change_lane(bigint,integer,integer) returns boolean
function change_schedule(text,jsonb) returns void
function change_tasks(text,bigint[],uuid,text,integer,text) returns TABLE(task_id bigint, what text)
function check_demand(jsonb) returns void
function check_edges(new_edge[]) returns void
function check_filter(jsonb,text[]) returns void immutable
function check_nodes(jsonb,text[],text[]) returns void
function check_predicate(text,integer) returns void immutable
function check_scheduled(jsonb) returns void
function check_spawns(jsonb,integer[]) returns void
function check_template(jsonb,jsonb) returns void
function choose(text[],integer[],integer[],bigint[],integer,integer[]) returns chosen
function choose_shared(text[],integer[],integer[],bigint[],integer,integer[]) returns chosen
function claim(integer,bigint,text[],integer[],integer[],bigint[],integer,boolean,integer[]) returns TABLE(task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer, attempts_max integer, timeout_ms bigint, params text, trace_context text)
function claim_fitting(integer,bigint,text[],integer[],integer[],bigint[],integer) returns TABLE(task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer, attempts_max integer, timeout_ms bigint, params text, trace_context text)
function claim_task(text,text) returns TABLE(task_id uuid, task_name text, params jsonb, attempt integer, fence text)
function claim_tasks(integer,bigint,text[],text[],integer) returns TABLE(task_id uuid, task_name text, params jsonb, attempt integer, fence text)
function claimed_total() returns bigint stable
function clock() returns timestamp with time zone stable
function close_day(date) returns boolean
function complete_attempts(integer,bigint,bigint[],integer[],text[]) returns bigint[]
function complete_step(text,text,jsonb,integer) returns jsonb
function complete_task(text,jsonb) returns void
function configure_queue(text,jsonb) returns queue
function content_key(jsonb,jsonb) returns text immutable
function count_lanes() returns TABLE(lane_id integer, place text, tasks bigint) stable
function count_open_fires(integer) returns integer
function count_ready(text,bigint) returns bigint stable
function count_running(text,bigint) returns bigint stable
function count_tasks(integer[],bigint) returns TABLE(status text, tasks bigint) stable
function count_unclaimed() returns SETOF lane_depth stable
function create_schedule(jsonb,boolean) returns integer
function cycle(integer,bigint,bigint[],integer[],text[],bigint[],integer[],text[],text[],double precision[],text[],integer[],integer[],bigint[],integer) returns TABLE(what "char", task_id bigint, claim_no integer, lane_id integer, seq bigint, kind_id integer, attempts_max integer, timeout_ms bigint, params text, trace_context text)
function day_of(bigint) returns date immutable
function decide_fire(schedule,timestamp with time zone,text,text) returns fire
function dedupe_problem(jsonb) returns text immutable
function define_template(text,jsonb,jsonb) returns TABLE(version integer, created boolean)
function delete_schedule(text) returns void
function delete_template(text) returns void
function demand_checks(jsonb) returns TABLE(field text, value jsonb, expected text, fine boolean) immutable
function demand_in(jsonb) returns jsonb immutable
function demanding_heads(integer,text[],integer[],integer[],bigint[]) returns SETOF demanding_head stable
function describe_worker(integer,bigint,jsonb,jsonb) returns void
function discard_dead(jsonb,integer,boolean,text) returns TABLE(task_id uuid)
function discard_ids(bigint[],text) returns void
function discard_kept(bigint[],uuid,text) returns bigint[]
function doubtful_spawns(spawn_row[],timestamp with time zone) returns integer[] immutable
function drop_day(date) returns bigint
function drop_elements(bigint[]) returns SETOF bigint
function due_schedules(integer) returns TABLE(schedule_id integer, name text, revision integer, spec jsonb, catch_up text, catch_up_seconds double precision, starts_at timestamp with time zone, ends_at timestamp with time zone, considered_at timestamp with time zone, now timestamp with time zone) stable
function edge_specs(jsonb) returns TABLE(spec jsonb, any_of smallint, fallback text) immutable
function edge_state("char","char",jsonpath,"char",jsonb,jsonb) returns "char" immutable
function edges_of(spawn_row[]) returns new_edge[] stable
function elements_of(bigint[]) returns TABLE(fan_out bigint, element bigint, name text, place integer) stable
function emit_event(text,jsonb,text,double precision) returns boolean
function end_expired(integer) returns integer
function end_hopeless(bigint[]) returns bigint[]
function end_late(bigint[]) returns bigint[]
function end_overdue(integer,integer) returns integer
function end_text("char") returns text immutable
function end_unclaimed(bigint[]) returns bigint[]
function end_unrepaired(bigint[]) returns bigint[]
function endless_wait(bigint,bigint[]) returns text stable
function ends_of(bigint[]) returns jsonb stable
function ends_since(bigint,bigint[],bigint,change_place,integer) returns TABLE(xid bigint, task_id bigint, claim_no integer, status text, worker_id integer, error text, at timestamp with time zone) stable
function ensure_partitions(integer) returns integer
function ensure_queue(text) returns void
function error_json(text,text,text) returns jsonb immutable
function expand_fan_out(bigint,integer,integer) returns integer
function expiry_of(jsonb,timestamp with time zone) returns timestamp with time zone immutable
function explain_deferred(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_demand(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_end(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_endless(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_event(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_gates(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_lease(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_line(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_queue(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_task(uuid) returns TABLE(code text, message text, detail jsonb) stable
function explain_waiting(bigint) returns TABLE(code text, message text, detail jsonb) stable
function explain_workers(bigint) returns TABLE(code text, message text, detail jsonb) stable
function fail_attempts(integer,bigint,bigint[],integer[],text[],text[],double precision[]) returns bigint[]
function fail_task(text,text,text,jsonb,text,double precision) returns void
function fair_bucket(jsonb) returns text immutable
function fence_text(bigint,integer,integer,bigint) returns text immutable
function fill(jsonb,jsonb) returns jsonb immutable
function fill_instant(jsonb,timestamp with time zone) returns jsonb stable
function find_dead(jsonb,integer,timestamp with time zone,bigint) returns TABLE(task_id bigint, finished_at timestamp with time zone, fingerprint text) stable
function find_live(jsonb,integer) returns TABLE(task_id bigint) stable
function find_template(text,integer) returns template stable
function fingerprint(text,jsonb) returns text immutable
function fire_schedule(bigint,integer,integer,timestamp with time zone[],timestamp with time zone,timestamp with time zone,timestamp with time zone,timestamp with time zone) returns integer
function first_behind(bigint) returns bigint[] stable
function first_of_day(date) returns bigint immutable
function first_task_number(timestamp with time zone) returns bigint immutable
function fits(jsonb,jsonb) returns boolean immutable
function forget_events(integer) returns void
function forget_gates(integer) returns integer
function forget_new_starts(integer) returns void
function forget_repairs(integer) returns void
function forget_touched() returns integer[]
function forget_worker_signals() returns void
function free_gates(bigint[],timestamp with time zone[],boolean) returns void
function free_resources(integer) returns jsonb stable
function full_xid(xid,bigint) returns bigint immutable
function gate_node(integer,text) returns bigint immutable
function gates_asked(jsonb) returns TABLE(kind text, name text, mode "char", slots integer, period_ms bigint) immutable
function gates_in_use() returns TABLE(gate_id integer, gate gate, head_mode "char") stable
function gates_of(jsonb) returns jsonb stable
function get_name_stats() returns TABLE(task_name text, pending bigint, claimed bigint, completed bigint, failed bigint, cancelled bigint, retrying bigint, total bigint) stable
function get_queue_stats(text) returns TABLE(queue_name text, pending bigint, claimed bigint, completed bigint, failed bigint, cancelled bigint, retrying bigint, total bigint) stable
function give_up_lease(lease) returns void
function given_kinds(jsonb) returns TABLE(task_name text, version text, queue text, attempts_max integer, timeout_ms bigint, params_schema jsonb, demand jsonb, place bigint) stable
function has_demanding_lanes(text[],integer[]) returns boolean stable
function has_demands(jsonb) returns boolean stable
function has_ended(text,text) returns boolean stable
function has_gates() returns boolean stable
function has_partition_today() returns boolean stable
function has_type(jsonb,text) returns boolean immutable
function heal_gates(integer) returns integer
function hex_number(text) returns bigint immutable
function histogram_bucket(double precision) returns integer immutable
function histogram_of(double precision[]) returns bigint[] immutable
function histogram_quantile(bigint[],double precision) returns double precision immutable
function history_days(date) returns TABLE(day date, tasks bigint, unended bigint, bytes bigint, closing boolean) stable
function hold_fence(text) returns lease
function hold_reservation(integer,demanding_head[],jsonb) returns demanding_head
function hold_schedule(text) returns schedule
function hold_workflow(uuid) returns workflow
function instant_text(timestamp with time zone) returns text stable
function intern_class(jsonb) returns integer
function intern_gates(jsonb[]) returns void
function intern_lanes(spawn_row[]) returns boolean
function is_alive(worker) returns boolean stable
function is_forgotten(integer) returns boolean stable
function is_kept(gate_grant) returns boolean stable
function is_new_start(credit) returns boolean immutable
function is_open(gate,"char") returns boolean stable
function judge(ended_attempt[]) returns judged_attempt[] stable
function keep_history(integer) returns TABLE(day date, what text, rows bigint)
function kind_named(text) returns kind stable
function kind_text(text,text) returns text immutable
function lane_boost(smallint,text,double precision) returns double precision immutable
function lane_depths() returns SETOF lane_depth stable
function lane_head(integer,bigint,bigint) returns TABLE(at_ms double precision) stable
function lane_starts(text[],integer[]) returns TABLE(lane_id integer, seq bigint, is_live boolean)
function last_endless(bigint[]) returns bigint stable
function leave_gates(ended_attempt[]) returns void
function leave_waiting(bigint[]) returns integer
function leave_worker(integer,bigint) returns void
function less(jsonb,jsonb) returns jsonb immutable
function list_limits() returns TABLE(kind text, name text, slots integer, period_seconds double precision, pinned boolean, set_at timestamp with time zone, in_use bigint, waiting bigint) stable
function list_queues() returns TABLE(name text, paused boolean, draining boolean, pending_max integer, running_max integer, weight integer, priority_mode text, aging_seconds double precision, created_at timestamp with time zone, ready bigint, deferred bigint, waiting bigint, running bigint, oldest_at timestamp with time zone) stable
function list_steps(uuid) returns TABLE(step text, attempt integer, value jsonb, at timestamp with time zone) stable
function list_workers() returns TABLE(worker_id integer, name text, host text, pid integer, version text, queues text[], concurrency integer, kinds text[], started_at timestamp with time zone, beat_age_seconds double precision, lease_seconds double precision, asked text, tasks jsonb, memory_bytes bigint) stable
function list_workflows(uuid[],text,uuid,integer) returns TABLE(workflow_id uuid, name text, template text, version integer, params jsonb, tags text[], created_at timestamp with time zone, status text, total integer, open integer, completed integer, failed integer, cancelled integer, skipped integer) stable
function locate_task(bigint) returns TABLE(place text, run_at timestamp with time zone, unmet integer, fraction real, note text, cancel_requested boolean) stable
function lock_event(text) returns void
function lock_gates(integer[]) returns void
function lock_ready(integer[],bigint[],double precision[],integer) returns tid[]
function lock_shared(shared_head[],integer,double precision) returns tid[]
function lock_waiting(bigint[],bigint[]) returns void
function maintain(integer,bigint,integer,integer) returns TABLE(term bigint, promoted integer, recovered integer, next_due_seconds double precision)
function make_lanes(text[],integer[],integer[],smallint[],text[]) returns void
function match_contents(spawn_row[],timestamp with time zone) returns spawn_row[]
function match_keys(spawn_row[]) returns spawn_row[]
function moment() returns timestamp with time zone
function move_kept(bigint[],uuid,integer,text) returns bigint[]
function move_task(uuid,integer,text) returns void
function name_cycle(jsonb,text[],integer[]) returns text
function newest_ended("char",bigint,bigint,integer) returns SETOF bigint stable
function newest_tried(bigint,bigint,integer) returns SETOF bigint stable
function next_rate_due() returns timestamp with time zone stable
function next_schedule_seconds() returns double precision stable
function next_task_number() returns bigint
function next_task_numbers(integer) returns bigint[]
function next_try_at(integer,jsonb,double precision,jsonb) returns timestamp with time zone stable
function node_parents(jsonb) returns TABLE(node_index integer, parent text) immutable
function node_request(jsonb,jsonb) returns jsonb immutable
function normalised_message(text) returns text immutable
function note_depths(bigint) returns void
function note_expiry(spawn_row[]) returns void
function note_gate_days(jsonb[],date[]) returns boolean
function note_gates() returns void
function number_at(bigint) returns timestamp with time zone immutable
function number_problem(jsonb,text,double precision,double precision,text,boolean) returns text immutable
function occupy_worker(integer,bigint,integer[]) returns void
function order_nodes(jsonb,text[]) returns integer[]
function other_lane(lane,smallint,text) returns lane
function parent_results(uuid) returns TABLE(node text, task_id uuid, status text, result jsonb, error jsonb) stable
function park(ready[]) returns void
function park_spawned(spawn_row[]) returns void
function parse_spawns(jsonb,timestamp with time zone) returns spawn_row[]
function partition_days() returns TABLE(day date) stable
function partitioned_tables() returns SETOF text stable
function patched_params(jsonb,jsonb) returns jsonb immutable
function pause_queue(text) returns boolean
function pause_schedule(text,text) returns void
function paused_lanes(integer[]) returns SETOF integer stable
function place_spawned(spawn_row[],bigint,timestamp with time zone) returns bigint
function plain_lane(text,integer,smallint) returns lane
function plain_number(numeric) returns text immutable
function plan_template(text,jsonb,integer) returns TABLE(version integer, params jsonb, nodes jsonb)
function policy_problem(jsonb) returns text stable
function postpone_schedule(integer,integer,text) returns void
function promote_deferred(integer) returns integer
function prune_step(date,integer) returns TABLE(day date, what text, rows bigint)
function purge_rows(bigint,bigint,integer) returns bigint
function purge_workflows(bigint,bigint,bigint[],integer) returns bigint
function queue_pace(integer) returns TABLE(queue text, spawned bigint, ended bigint, seconds double precision) stable
function rate_due_at(gate) returns timestamp with time zone stable
function rate_used(gate) returns bigint stable
function read_changes(bigint,bigint[],change_place,bigint,bigint,bigint,integer,integer) returns TABLE(kind text, xid bigint, open bigint[], task_id bigint, claim_no integer, status text, worker_id integer, error text, at timestamp with time zone, started_at timestamp with time zone, lane_id integer, workflow_id uuid) stable
function read_checkpoints(bigint[]) returns TABLE(task_id bigint, name text, ordinal integer, value text, clock_ms double precision) stable
function read_log(uuid,bigint,integer) returns TABLE(line bigint, attempt integer, at timestamp with time zone, level text, message text, fields json) stable
function read_progress(timestamp with time zone,integer) returns TABLE(task_id uuid, fraction real, note text, at timestamp with time zone) stable
function ready_at(timestamp with time zone,bigint) returns timestamp with time zone immutable
function ready_ms(timestamp with time zone,bigint) returns double precision stable
function ready_nodes(uuid) returns TABLE(task_id uuid) stable
function recent_ends(timestamp with time zone) returns TABLE(completed bigint, failed bigint, cancelled bigint) stable
function record_edges(spawn_row[]) returns void
function recount_waiting(bigint[]) returns integer
function recover_dead_workers(integer) returns integer
function refuse_demand(text,jsonb,text) returns void
function refuse_limit(text,text) returns void
function register_kinds(jsonb) returns TABLE(task_name text, kind_id integer, version text)
function register_worker(text,bigint,integer,text[],integer,text,integer,text) returns integer
function release_buffered(integer) returns integer
function remove_limit(text,text) returns void
function repair_request(judged_attempt) returns jsonb stable
function repairs_in_a_row(bigint,integer) returns integer stable
function replay_dead(jsonb,integer,boolean,boolean,jsonb) returns TABLE(task_id uuid)
function replay_outcome(text,text,text) returns text
function report_progress(integer,bigint,bigint[],integer[],real[],text[]) returns TABLE(task_id bigint, claim_no integer)
function request_cancel(bigint[],text) returns void
function rerun_from_step(uuid,text) returns void
function rerun_part(uuid,text[],boolean) returns bigint[]
function rerun_workflow(uuid,text[],boolean) returns text[]
function reserve_after() returns interval immutable
function resolve_dependents(bigint[]) returns integer
function resolve_error_groups() returns void
function resume_queue(text) returns boolean
function resume_schedule(text,text) returns void
function resume_worker(integer) returns void
function retry_after(text,bigint,bigint) returns double precision stable
function retry_kept(bigint[],uuid) returns bigint[]
function retry_rule(jsonb,jsonb,text,text) returns jsonb immutable
function retry_task(uuid) returns boolean
function revalidate(integer,bigint,bigint[],integer[]) returns TABLE(task_id bigint, claim_no integer, held boolean)
function revive(bigint[],boolean,timestamp with time zone[]) returns bigint[]
function roll_up() returns bigint
function rollup_grain(timestamp with time zone) returns text stable
function room_for(demanding_head[],jsonb) returns integer immutable
function run_fan_outs(bigint[],integer) returns integer
function schedule_jitter(integer,timestamp with time zone,double precision) returns double precision immutable
function scheduled_request(schedule,timestamp with time zone,jsonb) returns jsonb stable
function server_started_at() returns timestamp with time zone stable
function set_dead_letter_queue(text) returns void
function set_error_group(text,text,text,text) returns void
function set_kind_policies(jsonb) returns void
function set_limit(text,text,integer,double precision) returns void
function settle(ended_attempt[]) returns void
function settle_gates() returns integer
function shared_heads(text[],bigint[],integer[],integer[],jsonb,integer,double precision,integer[]) returns shared_head[] stable
function shares_claims(text[]) returns boolean stable
function show_limit(text,text,integer) returns TABLE(place text, task_id uuid, task_name text, mode text, worker_name text, claimed_at timestamp with time zone) stable
function sleep_attempts(integer,bigint,bigint[],integer[],integer[],double precision[],timestamp with time zone[]) returns TABLE(task_id bigint, claim_no integer, what text, reason text)
function sleep_task(text,double precision,integer) returns void
function spawn_demanding(text,text,text,smallint) returns bigint[]
function spawn_fire(schedule,timestamp with time zone) returns fire
function spawn_lines(text,text,text,smallint) returns bigint[]
function spawn_or_refuse(jsonb) returns record
function spawn_problem(jsonb) returns text stable
function spawn_scheduled_workflow(schedule,timestamp with time zone) returns uuid
function spawn_task(text,text,jsonb,integer,integer,integer) returns uuid
function spawn_tasks(jsonb,text) returns TABLE(task_index integer, task_id uuid, created boolean)
function spawn_template(text,jsonb,integer,jsonb) returns TABLE(workflow_id uuid, created boolean)
function spawn_workflow(text,jsonb,jsonb,text) returns TABLE(workflow_id uuid, created boolean)
function spawned_total() returns bigint stable
function standing(bigint[]) returns TABLE(child bigint, need integer, verdict "char", culprit bigint) stable
function stats_history(timestamp with time zone,timestamp with time zone,interval,text,text,boolean) returns TABLE(since timestamp with time zone, queue_name text, task_name text, completed bigint, failed bigint, cancelled bigint, wait_mean double precision, wait_p50 double precision, wait_p95 double precision, wait_p99 double precision, run_mean double precision, run_p50 double precision, run_p95 double precision, run_p99 double precision) stable
function step_label(text,integer) returns text immutable
function stuck_nodes(bigint[],bigint,bigint[],boolean) returns TABLE(place integer, node bigint, what text, name text, members bigint[]) stable
function stuck_waits(bigint[],boolean) returns TABLE(place integer, task_id bigint, what text, name text, members bigint[]) stable
function stuck_words(bigint,boolean) returns TABLE(words text, detail jsonb) stable
function sum_histograms(bigint[]) returns bigint[] immutable
function summarise_days() returns void
function suspend_waiting(lease,integer,timestamp with time zone) returns void
function sync_lanes(text) returns integer
function take_notes(integer) returns void
function task_number(uuid) returns bigint immutable
function task_rows(bigint[]) returns SETOF task stable
function task_summaries(bigint[]) returns TABLE(task_id uuid, queue_name text, task_name text, priority integer, status text, attempt integer, max_retries integer, timeout_sec double precision, worker_id text, created_at timestamp with time zone, available_at timestamp with time zone, claimed_at timestamp with time zone, completed_at timestamp with time zone, wait_time_sec double precision, execution_time_sec double precision, workflow_id uuid, parent_task_id uuid, correlation_id text, idempotency_key text, tags text[], error_detail jsonb) stable
function task_uuid(bigint) returns uuid immutable
function tasks_by_number(bigint[]) returns SETOF tasks stable
function tend_gates(integer) returns integer
function tend_suspended(integer) returns integer
function text_problem(jsonb,text,text,text) returns text immutable
function tick_rates(integer) returns void
function tidy_failures(integer) returns void
function time_out_waits(integer) returns integer
function time_problem(jsonb,text) returns text stable
function time_text(timestamp with time zone) returns text stable
function totals() returns TABLE(queue_name text, task_name text, completed bigint, failed bigint, cancelled bigint, claimed bigint, timed_out bigint, ran bigint, wait_seconds double precision, run_seconds double precision, wait_histogram bigint[], run_histogram bigint[]) stable
function touch_gates(integer[]) returns void
function trigger_schedule(text,text,uuid) returns fire
function try_gates(bigint) returns boolean
function unclaimed_places(bigint[]) returns TABLE(task_id bigint, claim_no integer, run_at timestamp with time zone) stable
function uncount_outcomes(bigint[]) returns void
function undo_cancels(kept_change[]) returns bigint[]
function undo_change(uuid,integer) returns TABLE(task_id bigint, what text)
function undo_discards(kept_change[]) returns bigint[]
function undo_moves(kept_change[]) returns bigint[]
function undo_retries(kept_change[]) returns bigint[]
function unless_now(timestamp with time zone) returns timestamp with time zone stable
function unmet_count(bigint) returns integer stable
function unmet_counts(bigint[]) returns TABLE(child bigint, need integer) stable
function unpark(bigint[]) returns void
function unpark_passed(bigint[]) returns void
function unrolled_ends(timestamp with time zone) returns TABLE(lane_id integer, kind "char", tasks bigint) stable
function use_version(text,text) returns void
function usual_runs(timestamp with time zone) returns TABLE(task_name text, p50 double precision, p95 double precision) stable
function wait_nodes(bigint[],bigint,bigint[]) returns SETOF bigint stable
function wait_reasons(bigint[],bigint,bigint[],boolean) returns TABLE(node bigint, what text, name text, need integer, members bigint[]) stable
function wait_text(bigint,text,text,bigint[]) returns text stable
function wake_waiting(bigint[]) returns integer
function workflow_nodes(uuid) returns TABLE(node text, task_id uuid, task_name text, status text, tag text, message text, attempt integer, edges jsonb, element_count integer, claimed_at timestamp with time zone, completed_at timestamp with time zone, execution_sec double precision) stable
function write_checkpoints(integer,bigint,bigint[],integer[],text[],integer[],text[]) returns SETOF refused_checkpoint
function write_log(integer,bigint,bigint[],integer[],timestamp with time zone[],text[],text[],text[]) returns integer
index CREATE INDEX attempt_by_fingerprint ON ONLY absurd.attempt USING btree (fingerprint) WHERE (fingerprint IS NOT NULL)
index CREATE INDEX attempt_by_xid ON ONLY absurd.attempt USING btree (xid)
index CREATE INDEX dedup_by_task ON absurd.dedup USING brin (task_id) WITH (pages_per_range='32')
index CREATE INDEX dedup_to_expire ON absurd.dedup USING btree (expires_at) WHERE (expires_at IS NOT NULL)
index CREATE INDEX deferred_by_task ON absurd.deferred USING btree (task_id)
index CREATE INDEX dep_by_child ON absurd.dep USING btree (child)
index CREATE INDEX event_to_forget ON absurd.event USING btree (keep_until)
index CREATE INDEX fire_buffered ON absurd.fire USING btree (schedule_id, fire_at) WHERE (state = 'buffered'::text)
index CREATE INDEX fire_open ON absurd.fire USING btree (schedule_id) WHERE open
index CREATE INDEX gate_day_of_gate ON absurd.gate_day USING btree (gate_id)
index CREATE INDEX gate_grant_of_task ON absurd.gate_grant USING btree (task_id)
index CREATE INDEX gate_wait_of_task ON absurd.gate_wait USING btree (task_id)
index CREATE INDEX kept_change_to_forget ON absurd.kept_change USING btree (at)
index CREATE INDEX lane_demanding ON absurd.lane USING btree (queue, kind_id) WHERE demanding
index CREATE INDEX lane_gated ON absurd.lane USING btree (lane_id) WHERE gated
index CREATE INDEX lease_to_time_out ON absurd.lease USING btree (kill_after) WHERE (kill_after IS NOT NULL)
index CREATE INDEX new_start_by_xid ON absurd.new_start USING btree (xid)
index CREATE INDEX new_start_to_forget ON absurd.new_start USING btree (at)
index CREATE INDEX outcome_by_fingerprint ON ONLY absurd.outcome USING btree (fingerprint, finished_at, task_id) WHERE (kind = 'd'::"char")
index CREATE INDEX outcome_by_xid ON ONLY absurd.outcome USING brin (xid) WITH (pages_per_range='32', autosummarize='on')
index CREATE INDEX outcome_dead_by_end ON ONLY absurd.outcome USING btree (finished_at, task_id) WHERE (kind = 'd'::"char")
index CREATE INDEX outcome_not_completed ON ONLY absurd.outcome USING btree (kind, task_id) WHERE (kind <> 'c'::"char")
index CREATE INDEX queue_special ON absurd.queue USING btree (name) WHERE special
index CREATE INDEX rate_start_of_gate ON absurd.rate_start USING btree (gate_id, until)
index CREATE INDEX rate_start_to_forget ON absurd.rate_start USING btree (until)
index CREATE INDEX schedule_due ON absurd.schedule USING btree (due_at) WHERE (due_at IS NOT NULL)
index CREATE INDEX signal_of_worker ON absurd.signal USING btree (worker_id)
index CREATE INDEX task_by_correlation ON ONLY absurd.task USING btree (correlation_id, id) WHERE (correlation_id IS NOT NULL)
index CREATE INDEX task_by_lane ON ONLY absurd.task USING brin (lane_id int4_bloom_ops) WITH (pages_per_range='32', autosummarize='on')
index CREATE INDEX task_by_parent ON ONLY absurd.task USING btree (parent_id, id) WHERE (parent_id IS NOT NULL)
index CREATE INDEX task_by_tag ON ONLY absurd.task USING gin (tags) WHERE (tags IS NOT NULL)
index CREATE INDEX task_by_uuid ON ONLY absurd.task USING brin (task_uuid(id)) WITH (pages_per_range='64', autosummarize='on')
index CREATE INDEX task_by_workflow ON ONLY absurd.task USING btree (workflow_id, id) WHERE (workflow_id IS NOT NULL)
index CREATE INDEX wait_event_by_task ON absurd.wait_event USING btree (task_id)
index CREATE INDEX waiting_to_wake ON absurd.waiting USING btree (wake_at) WHERE (wake_at IS NOT NULL)
index CREATE INDEX worker_to_watch ON absurd.worker USING btree (worker_id) WHERE (NOT buried)
index CREATE INDEX workflow_node_of_task ON absurd.workflow_node USING btree (task_id)
index CREATE UNIQUE INDEX attempt_pkey ON ONLY absurd.attempt USING btree (task_id, claim_no)
index CREATE UNIQUE INDEX checkpoint_pkey ON ONLY absurd.checkpoint USING btree (task_id, name, ordinal)
index CREATE UNIQUE INDEX class_known_once ON absurd.class USING btree (resources, required, preferred, prefer_ms, gated)
index CREATE UNIQUE INDEX class_pkey ON absurd.class USING btree (class_id)
index CREATE UNIQUE INDEX closing_day_pkey ON absurd.closing_day USING btree (day)
index CREATE UNIQUE INDEX control_pkey ON absurd.control USING btree (name)
index CREATE UNIQUE INDEX credit_pkey ON absurd.credit USING btree (task_id, claim_no)
index CREATE UNIQUE INDEX dead_letter_queue_pkey ON absurd.dead_letter_queue USING btree (is_only)
index CREATE UNIQUE INDEX dedup_pkey ON absurd.dedup USING btree (scope, key, bucket)
index CREATE UNIQUE INDEX deferred_pkey ON absurd.deferred USING btree (run_at, task_id)
index CREATE UNIQUE INDEX dep_pkey ON absurd.dep USING btree (parent, child)
index CREATE UNIQUE INDEX depth_noted_pkey ON absurd.depth_noted USING btree (is_only)
index CREATE UNIQUE INDEX ended_count_pkey ON absurd.ended_count USING btree (day, lane_id, kind)
index CREATE UNIQUE INDEX ended_total_pkey ON absurd.ended_total USING btree (queue, kind_id)
index CREATE UNIQUE INDEX error_group_pkey ON absurd.error_group USING btree (fingerprint)
index CREATE UNIQUE INDEX event_pkey ON absurd.event USING btree (name)
index CREATE UNIQUE INDEX expiry_pkey ON absurd.expiry USING btree (at, task_id, kind)
index CREATE UNIQUE INDEX fan_out_pkey ON absurd.fan_out USING btree (task_id)
index CREATE UNIQUE INDEX fire_once_a_request ON absurd.fire USING btree (schedule_id, request) WHERE (request IS NOT NULL)
index CREATE UNIQUE INDEX fire_pkey ON absurd.fire USING btree (schedule_id, fire_at)
index CREATE UNIQUE INDEX gate_day_pkey ON absurd.gate_day USING btree (day, gate_id)
index CREATE UNIQUE INDEX gate_grant_pkey ON absurd.gate_grant USING btree (gate_id, task_id)
index CREATE UNIQUE INDEX gate_known_once ON absurd.gate USING btree (kind, name)
index CREATE UNIQUE INDEX gate_pkey ON absurd.gate USING btree (gate_id)
index CREATE UNIQUE INDEX gate_touch_pkey ON absurd.gate_touch USING btree (touch_id)
index CREATE UNIQUE INDEX gate_wait_pkey ON absurd.gate_wait USING btree (gate_id, seq)
index CREATE UNIQUE INDEX history_pkey ON absurd.history USING btree (singleton)
index CREATE UNIQUE INDEX kept_change_pkey ON absurd.kept_change USING btree (batch, task_id)
index CREATE UNIQUE INDEX kind_current ON absurd.kind USING btree (name) WHERE current
index CREATE UNIQUE INDEX kind_pkey ON absurd.kind USING btree (kind_id)
index CREATE UNIQUE INDEX kind_version_known_once ON absurd.kind USING btree (name, version)
index CREATE UNIQUE INDEX lane_depth_pkey ON absurd.lane_depth USING btree (lane_id, place)
index CREATE UNIQUE INDEX lane_known_once ON absurd.lane USING btree (queue, kind_id, class_id, priority, fair_key)
index CREATE UNIQUE INDEX lane_pkey ON absurd.lane USING btree (lane_id)
index CREATE UNIQUE INDEX late_edge_pkey ON absurd.late_edge USING btree (child)
index CREATE UNIQUE INDEX lease_pkey ON absurd.lease USING btree (task_id)
index CREATE UNIQUE INDEX migrations_pkey ON absurd.migrations USING btree (number)
index CREATE UNIQUE INDEX new_start_pkey ON absurd.new_start USING btree (start_id)
index CREATE UNIQUE INDEX outcome_pkey ON ONLY absurd.outcome USING btree (task_id)
index CREATE UNIQUE INDEX parked_pkey ON absurd.parked USING btree (task_id)
index CREATE UNIQUE INDEX progress_pkey ON absurd.progress USING btree (task_id)
index CREATE UNIQUE INDEX queue_pkey ON absurd.queue USING btree (name)
index CREATE UNIQUE INDEX rate_start_pkey ON absurd.rate_start USING btree (start_id)
index CREATE UNIQUE INDEX ready_pkey ON absurd.ready USING btree (lane_id, seq)
index CREATE UNIQUE INDEX repair_pkey ON absurd.repair USING btree (repair_id)
index CREATE UNIQUE INDEX reservation_one_per_worker ON absurd.reservation USING btree (worker_id)
index CREATE UNIQUE INDEX reservation_pkey ON absurd.reservation USING btree (lane_id)
index CREATE UNIQUE INDEX rollup_minute_pkey ON absurd.rollup_minute USING btree (minute, queue, kind_id)
index CREATE UNIQUE INDEX rollup_pkey ON absurd.rollup USING btree (hour, queue, kind_id)
index CREATE UNIQUE INDEX schedule_name_known_once ON absurd.schedule USING btree (name)
index CREATE UNIQUE INDEX schedule_pkey ON absurd.schedule USING btree (schedule_id)
index CREATE UNIQUE INDEX signal_pkey ON absurd.signal USING btree (task_id, claim_no, kind)
index CREATE UNIQUE INDEX task_log_pkey ON ONLY absurd.task_log USING btree (task_id, line)
index CREATE UNIQUE INDEX task_pkey ON ONLY absurd.task USING btree (id)
index CREATE UNIQUE INDEX template_pkey ON absurd.template USING btree (name, version)
index CREATE UNIQUE INDEX wait_event_pkey ON absurd.wait_event USING btree (name, task_id)
index CREATE UNIQUE INDEX waiting_pkey ON absurd.waiting USING btree (child)
index CREATE UNIQUE INDEX worker_pkey ON absurd.worker USING btree (worker_id)
index CREATE UNIQUE INDEX worker_signal_pkey ON absurd.worker_signal USING btree (worker_id, kind)
index CREATE UNIQUE INDEX workflow_known_once ON absurd.workflow USING btree (name, idempotency_key)
index CREATE UNIQUE INDEX workflow_node_pkey ON absurd.workflow_node USING btree (workflow_id, name)
index CREATE UNIQUE INDEX workflow_pkey ON absurd.workflow USING btree (id)
sequence class_class_id_seq cache 1
sequence gate_gate_id_seq cache 1
sequence gate_touch_touch_id_seq cache 1
sequence kind_kind_id_seq cache 1
sequence lane_lane_id_seq cache 1
sequence log_seq cache 1
sequence new_start_start_id_seq cache 1
sequence park_seq cache 1
sequence rate_start_start_id_seq cache 1
sequence ready_seq cache 1
sequence schedule_schedule_id_seq cache 1
sequence task_seq cache 64
sequence turn_seq cache 1
sequence worker_worker_id_seq cache 1
table attempt (task_id bigint not null, claim_no integer not null, worker_id integer not null, claimed_at timestamp with time zone not null, finished_at timestamp with time zone not null, class text not null, error jsonb not null, result jsonb, rule text, repair_id bigint, fingerprint text, xid bigint default txid_current())
table checkpoint (task_id bigint not null, name text not null, ordinal integer not null, claim_no integer not null, value jsonb, at timestamp with time zone not null)
table class (class_id integer not null identity, resources jsonb not null default '{}'::jsonb, required jsonb not null default '{}'::jsonb, preferred jsonb not null default '{}'::jsonb, prefer_ms integer not null default 5000, gated boolean not null default false)
table closing_day (day date not null, closed_at timestamp with time zone not null default clock())
table control (name text not null, worker_id integer, epoch bigint, term bigint not null default 0, expires_at timestamp with time zone not null default '-infinity'::timestamp with time zone)
table credit (task_id bigint not null, claim_no integer not null, attempts integer not null, is_reset boolean not null default false, worker_id integer, claimed_at timestamp with time zone, finished_at timestamp with time zone)
table dead_letter_queue (is_only boolean not null default true, queue text not null)
table dedup (scope integer not null, key text not null, bucket bigint not null default 0, task_id bigint not null, expires_at timestamp with time zone)
table deferred (run_at timestamp with time zone not null, task_id bigint not null, claim_no integer not null default 0, lane_id integer not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table dep (parent bigint not null, child bigint not null, cond "char" not null default 's'::"char", otherwise "char" not null default 'x'::"char", any_of smallint, predicate jsonpath)
table depth_noted (is_only boolean not null default true, at timestamp with time zone not null, spawned bigint)
table ended_count (day date not null, lane_id integer not null, kind "char" not null, tasks bigint not null)
table ended_total (queue text not null, kind_id integer not null, completed bigint not null default 0, failed bigint not null default 0, cancelled bigint not null default 0, ran bigint not null default 0, attempts_failed bigint not null default 0, timed_out bigint not null default 0, wait_seconds double precision not null default 0, run_seconds double precision not null default 0, wait_histogram bigint[] not null default '{}'::bigint[], run_histogram bigint[] not null default '{}'::bigint[])
table error_group (fingerprint text not null, state text not null, assignee text, note text, at timestamp with time zone not null, task_name text, tag text, class text, message text)
table event (name text not null, payload jsonb, emitted_at timestamp with time zone not null, task_id bigint, keep_until timestamp with time zone not null)
table expiry (at timestamp with time zone not null, task_id bigint not null, kind "char" not null)
table fan_out (task_id bigint not null, workflow_id uuid not null, node text not null, source bigint not null, spec jsonb not null, element_count integer)
table fire (schedule_id integer not null, fire_at timestamp with time zone not null, origin text not null, state text not null, task_id bigint, open boolean not null default false, missed_before timestamp with time zone, reason text, decided_at timestamp with time zone not null default clock(), workflow_id uuid, request uuid)
table gate (gate_id integer not null identity, kind text not null, name text not null, slots integer, period_ms bigint, pinned boolean not null default false, set_at timestamp with time zone not null default clock())
table gate_day (day date not null, gate_id integer not null)
table gate_grant (gate_id integer not null, task_id bigint not null, seq bigint not null, mode "char" not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table gate_touch (touch_id bigint not null identity, gate_id integer not null) with autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table gate_wait (gate_id integer not null, seq bigint not null, task_id bigint not null, mode "char" not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table history (singleton boolean not null default true, retention_days integer not null default 30, rollup_days integer not null default 400, rolled_xid bigint not null default 0, dropped bigint not null default 0, summarised_to date)
table kept_change (batch uuid not null, task_id bigint not null, action text not null, claim_no integer not null, run_at timestamp with time zone, lane_id integer, kind "char", worker_id integer, claimed_at timestamp with time zone, finished_at timestamp with time zone, result jsonb, error jsonb, fingerprint text, at timestamp with time zone not null default clock())
table kind (kind_id integer not null identity, name text not null, queue text not null default 'default'::text, attempts_max integer not null default 4, timeout_ms bigint, params_schema jsonb, registered_at timestamp with time zone not null default clock(), version text not null default ''::text, current boolean not null default true, scope integer not null, demand jsonb, policy jsonb)
table lane (lane_id integer not null identity, queue text not null, kind_id integer not null, class_id integer not null default 0, priority smallint not null default 0, fair_key text not null default ''::text, boost_ms double precision not null default 0, paused boolean not null default false, limited boolean not null default false, guarded boolean not null default false, gated boolean not null default false, demanding boolean not null default false)
table lane_depth (lane_id integer not null, place "char" not null, tasks bigint not null, retrying bigint not null, oldest_at timestamp with time zone)
table late_edge (child bigint not null, horizon xid8)
table lease (task_id bigint not null, epoch bigint not null, worker_id integer not null, claim_no integer not null, lane_id integer not null, claimed_at timestamp with time zone not null, kill_after timestamp with time zone) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table migrations (number integer not null, name text not null, sha256 text not null, applied_at timestamp with time zone not null default statement_timestamp())
table new_start (start_id bigint not null identity, task_id bigint not null, claim_no integer not null, xid bigint not null default txid_current(), at timestamp with time zone not null default clock())
table outcome (task_id bigint not null, claim_no integer not null, worker_id integer, claimed_at timestamp with time zone, finished_at timestamp with time zone not null, xid bigint not null default txid_current(), kind "char" not null, result jsonb, error jsonb, fingerprint text)
table parked (task_id bigint not null, seq bigint not null, lane_id integer not null, claim_no integer not null default 0, at timestamp with time zone not null) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table progress (task_id bigint not null, claim_no integer not null, fraction real not null, note text not null, at timestamp with time zone not null) with fillfactor=50 unlogged
table queue (name text not null, paused boolean not null default false, draining boolean not null default false, pending_max integer, running_max integer, weight integer, priority_mode text not null default 'strict'::text, aging_seconds double precision not null default 60, fair boolean not null default false, created_at timestamp with time zone not null default clock(), special boolean not null default ((running_max IS NOT NULL) OR (weight IS NOT NULL) OR fair))
table rate_start (start_id bigint not null identity, gate_id integer not null, until timestamp with time zone not null)
table ready (lane_id integer not null, claim_no integer not null default 0, seq bigint not null default nextval('ready_seq'::regclass), task_id bigint not null, at timestamp with time zone) with fillfactor=90, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table repair (repair_id bigint not null, task_id bigint not null)
table reservation (lane_id integer not null, worker_id integer not null, task_id bigint not null, at timestamp with time zone not null)
table rollup (hour timestamp with time zone not null, queue text not null, kind_id integer not null, completed bigint not null, failed bigint not null, cancelled bigint not null, claimed bigint not null, wait_seconds double precision not null, run_seconds double precision not null, wait_histogram bigint[] not null, run_histogram bigint[] not null)
table rollup_minute (minute timestamp with time zone not null, queue text not null, kind_id integer not null, completed bigint not null, failed bigint not null, cancelled bigint not null, claimed bigint not null, wait_seconds double precision not null, run_seconds double precision not null, wait_histogram bigint[] not null, run_histogram bigint[] not null)
table schedule (schedule_id integer not null identity, name text not null, spec jsonb not null, spawn jsonb not null, overlap text not null default 'skip'::text, catch_up text not null default 'all'::text, catch_up_seconds double precision not null default 3600, jitter_seconds double precision not null default 0, starts_at timestamp with time zone, ends_at timestamp with time zone, remaining integer, paused boolean not null default false, note text, considered_at timestamp with time zone not null default clock(), due_at timestamp with time zone default clock(), revision integer not null default 1, error text, created_at timestamp with time zone not null default clock())
table signal (task_id bigint not null, claim_no integer not null, kind text not null, worker_id integer not null, reason text not null, at timestamp with time zone not null default clock())
table task (id bigint not null, lane_id integer not null, attempts_max integer not null, timeout_ms bigint, created_at timestamp with time zone, available_at timestamp with time zone, deadline_at timestamp with time zone, expires_at timestamp with time zone, parent_id bigint, workflow_id uuid, params json not null, policy jsonb, trace_context jsonb, idempotency_key text, correlation_id text, tags text[])
table task_log (task_id bigint not null, line bigint not null default nextval('log_seq'::regclass), claim_no integer not null, at timestamp with time zone not null, level text not null, message text not null, fields json)
table template (name text not null, version integer not null, params jsonb not null, nodes jsonb not null, created_at timestamp with time zone not null)
table wait_event (name text not null, task_id bigint not null, ordinal integer not null, claim_no integer not null, wake_at timestamp with time zone)
table waiting (child bigint not null, need integer not null, claim_no integer not null default 0, lane_id integer not null, run_at timestamp with time zone not null, wake_at timestamp with time zone) with fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, vacuum_truncate=off
table worker (worker_id integer not null identity, name text not null, epoch bigint not null, beat_at timestamp with time zone not null, lease_ms integer not null, queues text[] not null, concurrency integer not null, host text, pid integer, version text, started_at timestamp with time zone not null default clock(), gone_at timestamp with time zone, buried boolean not null default false, kinds integer[] not null default '{}'::integer[], capacity jsonb not null default '{}'::jsonb, labels jsonb not null default '{}'::jsonb, memory_bytes bigint, occupied jsonb) with fillfactor=30
table worker_signal (worker_id integer not null, kind text not null, grace_seconds double precision not null default 30, at timestamp with time zone not null default clock())
table workflow (id uuid not null, name text not null, template text, version integer, params jsonb not null, tags text[], idempotency_key text, created_at timestamp with time zone not null, cancelled_at timestamp with time zone)
table workflow_node (workflow_id uuid not null, name text not null, task_id bigint not null)
view dead_letter (task_id uuid, queue_name text, task_name text, params jsonb, attempt integer, error text, error_detail jsonb, created_at timestamp with time zone, failed_at timestamp with time zone, correlation_id text, workflow_id uuid, tags text[])
view error_groups (fingerprint text, task_name text, tag text, tasks bigint, first_at timestamp with time zone, last_at timestamp with time zone, example_task_id uuid, example_message text, state text, assignee text, note text, state_at timestamp with time zone, class text)
view tasks (task_id uuid, queue_name text, task_name text, params jsonb, priority integer, timeout_sec double precision, status text, worker_id text, attempt integer, max_retries integer, result jsonb, error text, created_at timestamp with time zone, claimed_at timestamp with time zone, completed_at timestamp with time zone, wait_time_sec double precision, execution_time_sec double precision, workflow_id uuid, depends_on uuid[], available_at timestamp with time zone, correlation_id text, idempotency_key text, tags text[], parent_task_id uuid, error_detail jsonb, task_number bigint, lane_id integer)
