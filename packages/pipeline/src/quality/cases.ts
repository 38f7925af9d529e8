/**
 * What becomes of a run that its gate does not let pass: its case, and how its task ends or waits.
 *
 * Every function writes in the caller's transaction, with the task's own functions of the engine.
 */
import { wireRetry } from "@contimg/absurd";
import type pg from "pg";

import { ERRORS } from "../errors.ts";
import { resourcesOf, ROOM_RETRIES } from "../keeping/needs.ts";
import type { Finding, Verdict } from "./gate.ts";
import type { Ending, GatedTask, Judged, RunAtGate } from "./gate-run.ts";
import type { ChosenRoute } from "./routes.ts";

const STATE_OF = {
  hold: "held",
  reject: "rejected",
  pass: null,
  warn: null,
} as const satisfies Record<Verdict, string | null>;

export async function openCase(
  client: pg.ClientBase,
  run: RunAtGate,
  { verdict, findings }: Judged,
  recovery?: { route: string; taskId: string },
): Promise<string> {
  const state = recovery === undefined ? STATE_OF[verdict] : "recovering";
  const { rows } = await client.query<{ case_id: string }>(
    `insert into contimg.quality_cases (
       group_id, task_name, task_id, fence, verdict, details, state, params, result, task_result,
       route, recovery_task_id, settled_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
             case when $7 = 'rejected' then clock_timestamp() end)
     returning case_id`,
    [
      run.groupId,
      run.stage.name,
      run.task?.taskId ?? null,
      run.fence,
      verdict,
      JSON.stringify(findings),
      state,
      JSON.stringify(run.params),
      JSON.stringify(run.result.result),
      JSON.stringify(run.task?.result ?? run.result.result),
      recovery?.route ?? null,
      recovery?.taskId ?? null,
    ],
  );
  return rows[0]!.case_id;
}

/** The event for which the task of a held case waits; it happens once. */
export function decisionEvent(caseId: string): string {
  return `contimg.quality-decision/${caseId}`;
}

/** @throws SQLSTATE WF001 when the fence is stale */
export async function suspendUntilDecided(
  client: pg.ClientBase,
  fence: string,
  caseId: string,
): Promise<void> {
  await client.query("select what from absurd.await_event($1, $2)", [fence, decisionEvent(caseId)]);
}

export interface Rejection {
  readonly stage: string;
  readonly groupId: string;
  readonly findings: readonly Finding[];
  /** What was tried instead, in vain. */
  readonly tried?: string;
}

export function rejectionMessage({ stage, groupId, findings, tried }: Rejection): string {
  const reasons = findings.filter(({ verdict }) => verdict === "reject").map(({ text }) => text);
  const end = tried === undefined ? "" : `; ${tried}`;
  return `group ${groupId}: ${stage} is rejected by its quality gate: ${reasons.join("; ")}${end}`;
}

/** @throws SQLSTATE WF001 when the fence is stale */
export async function failTask(
  client: pg.ClientBase,
  fence: string,
  rejection: Rejection,
): Promise<void> {
  const { hint, runbook } = ERRORS.QualityRejected;
  const fields = {
    stage: rejection.stage,
    group_id: rejection.groupId,
    findings: rejection.findings,
    hint,
    runbook: `docs/operations/${runbook}`,
  };
  await client.query("select absurd.fail_task($1, $2, 'fatal', $3, 'QualityRejected')", [
    fence,
    rejectionMessage(rejection),
    JSON.stringify(fields),
  ]);
}

/** What a task that stands in has of the one that it stands in for. */
interface StandInOrigin {
  readonly task_name: string;
  readonly queue_name: string;
  readonly priority: number;
  readonly timeout_seconds: number | null;
  readonly tags: readonly string[] | null;
  readonly root: string;
}

/**
 * Spawns the task that stands in for this one, after the stages of its route, and suspends this one
 * until that has ended.
 */
export async function recover(
  client: pg.ClientBase,
  run: RunAtGate,
  judged: Judged & { readonly route: ChosenRoute },
  task: GatedTask,
): Promise<Ending> {
  const { route } = judged;
  const { rows } = await client.query<StandInOrigin>(
    `select t.task_name, t.queue_name, t.priority, t.timeout_sec as timeout_seconds, t.tags,
            contimg.recovery_root(t.task_id) as root
       from absurd.tasks t
      where t.task_id = $1`,
    [task.taskId],
  );
  const origin = rows[0]!;
  const recoveryTaskId = await spawnStandIn(client, run, route, origin, task.fence);
  const caseId = await openCase(client, run, judged, {
    ...{ route: route.name, taskId: recoveryTaskId },
  });
  await client.query(
    `insert into contimg.quality_recoveries (root_task_id, route, case_id, task_id)
     values ($1, $2, $3, $4)`,
    [origin.root, route.name, caseId, recoveryTaskId],
  );
  await client.query("select what from absurd.await_tasks($1, $2)", [task.fence, [recoveryTaskId]]);
  return "recovering";
}

/** Returns the id of the last of them. */
async function spawnStandIn(
  client: pg.ClientBase,
  { groupId }: RunAtGate,
  route: ChosenRoute,
  { root, task_name, ...origin }: StandInOrigin,
  fence: string,
): Promise<string> {
  const steps = [
    ...route.before.map((stage) => ({ stage, params: { group_id: groupId } })),
    { stage: task_name, params: route.params },
  ];
  const key = `${root}/${route.name}`;
  const requests = steps.map(({ stage, params }, index) => ({
    ...withoutNulls(origin),
    task_name: stage,
    params,
    resources: resourcesOf(stage, params),
    policy: { retry: wireRetry(ROOM_RETRIES) },
    idempotency_key: index === steps.length - 1 ? key : `${key}/${stage}`,
    depends_on: index === 0 ? [] : [index - 1],
  }));
  const { rows } = await client.query<{ task_id: string }>(
    "select task_id from absurd.spawn_tasks($1, $2) order by task_index",
    [JSON.stringify(requests), fence],
  );
  return rows.at(-1)!.task_id;
}

function withoutNulls(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
