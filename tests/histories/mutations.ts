/**
 * Ways to break the engine, each a small change of one of its functions. What proves the engine
 * right must find each of them.
 */
import assert from "node:assert/strict";

import type pg from "pg";

export interface Mutation {
  /** What the broken engine does. */
  readonly name: string;
  readonly function: string;
  /** In its body, once. */
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "lets a stale attempt write",
    function: "hold_fence",
    from: `and l.claim_no = v_part[2]::integer
       and l.worker_id = v_part[3]::integer
       and l.epoch = absurd.hex_number(v_part[4])`,
    to: "",
  },
  {
    name: "completes without looking at the claim",
    function: "complete_attempts",
    from: `and l.claim_no = g.claim_no
       and l.worker_id = p_worker_id and l.epoch = p_epoch`,
    to: "",
  },
  {
    name: "lets a worker that was declared dead go on",
    function: "assert_worker",
    from: "if not exists (",
    to: "if false and not exists (",
  },
  {
    name: "recovers no tasks of dead workers",
    function: "recover_dead_workers",
    from: "where not w.buried and w.gone_at is not null\n     order by",
    to: "where false order by",
  },
  {
    name: "gives a claim the number of the one before",
    function: "claim",
    from: "r.claim_no + 1 as claim_no",
    to: "greatest(r.claim_no, 1) as claim_no",
  },
  {
    name: "forgets results",
    function: "complete_attempts",
    from: "e.result::jsonb",
    to: "null",
  },
  {
    name: "counts each met edge twice",
    function: "resolve_dependents",
    from: "w.need - h.met",
    to: "greatest(w.need - 2 * h.met, 0)",
  },
  {
    name: "does not tell children of a failed parent",
    function: "settle",
    from: "perform absurd.after_end(v_over);",
    to: "null;",
  },
  {
    name: "cancels what should be skipped",
    function: "edge_state",
    from: "when p_otherwise = 's' or p_kind",
    to: "when p_kind",
  },
  {
    name: "does not look at results",
    function: "edge_state",
    from: "and coalesce(jsonb_path_match(p_result, p_predicate, '{}', true), false)",
    to: "",
  },
  {
    name: "lets one too many in at a key",
    function: "is_open",
    from: "where h.gate_id = p_gate.gate_id) < p_gate.slots",
    to: "where h.gate_id = p_gate.gate_id) <= p_gate.slots",
  },
  {
    name: "shares a lock that somebody holds alone",
    function: "is_open",
    from: "h.gate_id = p_gate.gate_id and h.mode = 'x'",
    to: "false",
  },
  {
    name: "frees a gate for all who are in",
    function: "free_gates",
    from: "h\n     where h.task_id = any(p_ids)",
    to: `h where h.gate_id in (
           select o.gate_id from absurd.gate_grant o where o.task_id = any(p_ids)
         )`,
  },
  {
    name: "does not free gates",
    function: "free_gates",
    from: "h\n     where h.task_id = any(p_ids)",
    to: "h where false",
  },
  {
    name: "does not count what started against a rate",
    function: "rate_used",
    from: "l.task_id is null\n",
    to: "false\n",
  },
  {
    name: "overbooks its workers",
    function: "free_resources",
    from: "where l.worker_id = p_worker_id",
    to: "where false",
  },
  {
    name: "does not match keys",
    function: "match_keys",
    from: "coalesce(d.task_id, r.number)",
    to: "r.number",
  },
  {
    name: "does not tell workers to cancel",
    function: "request_cancel",
    from: "l.task_id = any(p_ids)",
    to: "false",
  },
  {
    name: "tries again what was cancelled",
    function: "judge",
    from: "when c.cancel_reason is not null then 'cancelled'",
    to: "",
  },
  {
    name: "drops one of the tasks that fall due together",
    function: "promote_deferred",
    from: "from routed r where not r.gated order by",
    to: `from routed r where not r.gated
        and r.task_id <> (select max(x.task_id) from routed x having count(*) > 1) order by`,
  },
  {
    name: "lets a schedule's tasks overlap",
    function: "release_buffered",
    from: "while absurd.count_open_fires(v_schedule.schedule_id) = 0 loop",
    to: "loop",
  },
  {
    name: "leaves an instant out",
    function: "fire_schedule",
    from: "select i from unnest(p_instants) i order by i loop",
    to: "select i from unnest(p_instants) i where extract(second from i)::integer % 4 <> 0 loop",
  },
  {
    name: "spawns an instant's task twice",
    function: "spawn_fire",
    from: "update absurd.fire f",
    to: `perform from absurd.spawn_tasks(jsonb_build_array(
           absurd.scheduled_request(p_schedule, p_at, p_schedule.spawn)
           || jsonb_build_object('params', absurd.fill_instant(p_schedule.spawn -> 'params', p_at))
         ));
         update absurd.fire f`,
  },
];

/** @throws when the engine has no such place any more: then the mutation is to be written anew */
export async function mutate(db: pg.Pool | pg.ClientBase, mutation: Mutation): Promise<void> {
  const { rows } = await db.query<{ text: string }>(
    `select pg_get_functiondef(p.oid) as text from pg_proc p
      where p.pronamespace = 'absurd'::regnamespace and p.proname = $1`,
    [mutation.function],
  );
  const name = `"${mutation.name}"`;
  assert.equal(
    rows.length,
    1,
    `${name}: absurd.${mutation.function} is there ${rows.length} times`,
  );
  const parts = rows[0]!.text.split(mutation.from);
  assert.equal(parts.length, 2, `${name}: found ${parts.length - 1} times: ${mutation.from}`);
  await db.query(parts.join(mutation.to));
}
