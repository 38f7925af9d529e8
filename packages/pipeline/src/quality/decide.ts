/** What a person decides on a held run, signed: one transaction, with or without a worker. */
import type pg from "pg";

import { PipelineError } from "../errors.ts";
import { inTransaction } from "../products/transaction.ts";
import type { StageModule } from "../run-stage.ts";
import type { Json } from "../stage.ts";
import { decisionEvent } from "./cases.ts";
import { registerOwnRows } from "./gate-run.ts";

export interface Decision {
  readonly groupId: string;
  readonly stage: string;
  readonly decision: "released" | "rejected";
  /** Who decides, and why; both are kept with the products. */
  readonly by: string;
  readonly reason: string;
}

export interface Decided {
  readonly caseId: string;
  /** The task that goes on or was cancelled; null when the stage had run without a queue. */
  readonly taskId: string | null;
}

interface CaseRow {
  readonly case_id: string | null;
  readonly task_id: string | null;
  readonly params: unknown;
  readonly result: Json;
}

/**
 * Releases or rejects the run that is held of a group's stage.
 * @throws {PipelineError} InvalidParams without a name or a reason; MissingProduct when none is
 *   held
 */
export async function decide(
  pool: pg.Pool,
  stages: readonly StageModule[],
  decision: Decision,
): Promise<Decided> {
  const { groupId, stage, by, reason } = decision;
  const module = stages.find((each) => each.stage.name === stage);
  if (module === undefined || by.trim() === "" || reason.trim() === "") {
    const wanted = `stage "${stage}", by "${by}", reason "${reason}"`;
    const message = `decision on group ${groupId} has ${wanted}; expected a stage, a name, a reason`;
    throw new PipelineError("InvalidParams", message, { ...decision });
  }
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<CaseRow>(
      "select * from contimg.decide_case($1, $2, $3, $4, $5)",
      [groupId, stage, decision.decision, by, reason],
    );
    const decided = rows[0];
    if (decided === undefined || decided.case_id === null) throw nothingHeld(decision);
    const { case_id: caseId, task_id: taskId, params, result } = decided;
    if (decision.decision === "released") {
      await client.query("select set_config('contimg.task_id', $1, true)", [taskId ?? ""]);
      await registerOwnRows(client, { stage: module.stage, params, result: { result } });
      await client.query("select absurd.emit_event($1, $2)", [
        decisionEvent(caseId),
        JSON.stringify({ decision: decision.decision, by, reason }),
      ]);
    } else if (taskId !== null) {
      const why = `held by its quality gate, rejected by ${by}: ${reason}`;
      await client.query("select absurd.cancel_task($1, $2)", [taskId, why]);
    }
    return { caseId, taskId };
  });
}

function nothingHeld({ groupId, stage }: Decision): PipelineError {
  return new PipelineError(
    "MissingProduct",
    `group ${groupId} has no run of ${stage} that is held; contimg quality lists what is`,
    { groupId, stage },
  );
}
