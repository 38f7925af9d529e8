/**
 * A run at its gate, in the transaction that publishes it: the verdict, and what follows from it.
 *
 * - pass, warn: the stage's own rows are registered and the task completes;
 * - hold: the products are registered but barred, and the task waits for a person's decision;
 * - reject: no product is registered, and the task fails, which ends its chain;
 * - a way round (routes.ts): no product is registered, and the task waits for another that stands
 *   in for it.
 *
 * Waiting is the engine's: the task is suspended in this transaction, holds no worker, and goes on
 * (resume.ts) wherever and whenever there is one. A crash on any line leaves all of it or nothing.
 */
import type pg from "pg";

import type { RunInput } from "../products/registry.ts";
import type { AnyStage, Json, QualityVerdict, StageResult } from "../stage.ts";
import { failTask, openCase, recover, suspendUntilDecided } from "./cases.ts";
import { type Finding, type GateVerdict, judge, withFindings } from "./gate.ts";
import { type ChosenRoute, chooseRoute } from "./routes.ts";
import type { Thresholds } from "./thresholds.ts";
import { unusualFindings } from "./unusual.ts";

/** The attempt on whose behalf a run comes to its gate. */
export interface GatedTask {
  readonly taskId: string;
  readonly fence: string;
  /** What the task's result will be. */
  readonly result: Json;
  /** Completes the task in this transaction. @throws when the fence is stale */
  completeIn(client: pg.ClientBase): Promise<void>;
}

export interface RunAtGate {
  readonly stage: AnyStage;
  readonly params: unknown;
  readonly groupId: string;
  readonly fence: string;
  readonly inputs: readonly RunInput[];
  readonly result: StageResult;
  readonly thresholds: Thresholds;
  /** Absent when a stage runs without a queue. */
  readonly task?: GatedTask;
}

export interface Judged extends GateVerdict {
  readonly route: ChosenRoute | undefined;
  /** Whether the run's products become the group's. */
  readonly keepsProducts: boolean;
}

/** - held, recovering: the task was suspended; - rejected: it failed. The lease is gone. */
export type Ending = "completed" | "held" | "rejected" | "recovering";

/** Reads only; what follows is `settle`'s. */
export async function judgeRun(client: pg.ClientBase, run: RunAtGate): Promise<Judged> {
  const { stage, thresholds } = run;
  const { metrics } = run.result.quality;
  const gate = judge(stage.name, metrics, thresholds);
  const verdict = withFindings([
    ...gate.findings,
    ...remarksOf(run.result.quality),
    ...(await releasedInputs(client, run.inputs)),
    ...unusualFindings(metrics, await readHistory(client, run), thresholds.history),
  ]);
  const route = await routeFor(client, run, verdict);
  const keepsProducts = route === undefined && verdict.verdict !== "reject";
  return { ...verdict, route, keepsProducts };
}

/** Records the verdict and does what follows from it. Locks as 0004_quality.sql says. */
export async function settle(
  client: pg.ClientBase,
  run: RunAtGate,
  judged: Judged,
): Promise<Ending> {
  const { stage, groupId, task } = run;
  await recordVerdict(client, run, judged);
  if (judged.verdict === "pass" || judged.verdict === "warn") {
    await registerOwnRows(client, run);
    await task?.completeIn(client);
    return "completed";
  }
  if (judged.route !== undefined && task !== undefined) {
    return recover(client, run, { ...judged, route: judged.route }, task);
  }
  const caseId = await openCase(client, run, judged);
  if (judged.verdict === "hold") {
    if (task) await suspendUntilDecided(client, task.fence, caseId);
    return "held";
  }
  if (task) {
    await failTask(client, task.fence, { stage: stage.name, groupId, findings: judged.findings });
  }
  return "rejected";
}

/** What the stage itself remarked; it knows things that no limit says. */
export function remarksOf({ grade, findings }: QualityVerdict): Finding[] {
  return findings.map((text) => ({
    ...{ verdict: grade === "fail" ? "hold" : "warn", kind: "remark", quantity: "remark", text },
    ...{ value: null, limit: null, unit: "" },
  }));
}

async function releasedInputs(
  client: pg.ClientBase,
  inputs: readonly RunInput[],
): Promise<Finding[]> {
  const { rows } = await client.query<{ final_path: string; released_by: string; reason: string }>(
    "select final_path, released_by, reason from contimg.released_upstream($1)",
    [JSON.stringify(inputs.map(({ path, productId }) => ({ path, product_id: productId })))],
  );
  return rows.map(({ final_path, released_by, reason }) => ({
    ...{ verdict: "warn", kind: "released-input", quantity: "released input" },
    ...{ value: null, limit: null, unit: "" },
    text: `made from ${final_path}, which was held and released by ${released_by}: ${reason}`,
  }));
}

async function readHistory(client: pg.ClientBase, run: RunAtGate) {
  const { rows } = await client.query<{ metric: string; past: number[] }>(
    "select metric, past from contimg.metric_history($1, $2, $3, $4)",
    [
      run.stage.name,
      Object.keys(run.result.quality.metrics),
      run.fence,
      run.thresholds.history.count_max,
    ],
  );
  return Object.fromEntries(rows.map(({ metric, past }) => [metric, past]));
}

async function routeFor(
  client: pg.ClientBase,
  run: RunAtGate,
  { verdict, findings }: GateVerdict,
): Promise<ChosenRoute | undefined> {
  if (run.task === undefined || verdict === "pass" || verdict === "warn") return undefined;
  const { rows } = await client.query<{ route: string }>(
    "select route from contimg.quality_recoveries where root_task_id = contimg.recovery_root($1)",
    [run.task.taskId],
  );
  const gone = new Set(rows.map(({ route }) => route));
  const params = run.params as Readonly<Record<string, unknown>>;
  const accepts = (given: unknown): boolean => run.stage.params.safeParse(given).success;
  const routed = { params, result: run.result.result };
  return chooseRoute(run.stage.name, findings, routed, { gone, accepts });
}

async function recordVerdict(
  client: pg.ClientBase,
  run: RunAtGate,
  { verdict, findings }: Judged,
): Promise<void> {
  const { groupId, fence, stage } = run;
  const { metrics } = run.result.quality;
  await client.query("select contimg.record_verdict($1, $2, $3, $4, $5, $6, $7)", [
    groupId,
    stage.name,
    verdict,
    findings.map(({ text }) => text),
    metrics,
    run.task?.taskId ?? null,
    fence,
  ]);
  await client.query("select contimg.record_gate($1, $2, $3, $4, $5)", [
    groupId,
    stage.name,
    fence,
    JSON.stringify(findings),
    metrics,
  ]);
}

/** The stage's own rows, such as a calibration: nobody finds them before the gate was passed. */
export async function registerOwnRows(
  client: pg.ClientBase,
  run: Pick<RunAtGate, "stage" | "params"> & { result: Pick<StageResult, "result"> },
): Promise<void> {
  await run.stage.register?.(
    { query: (text, values) => client.query(text, [...values]) },
    run.params,
    run.result.result,
  );
}
