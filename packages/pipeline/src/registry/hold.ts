/**
 * Tiles that wait for a calibration: recorded with what is in the way, asleep without a slot, woken
 * when one comes or a person assigns one, and looking again by themselves now and then.
 */
import { EventTimeout, type TaskContext } from "@contimg/absurd";
import type pg from "pg";

import { heldTileOf, type HeldTile } from "./held.ts";

/** Wake-ups may be lost with the process that would send them; this is the floor. */
const LOOK_AGAIN_SECONDS = 1800;

export interface Hold {
  readonly groupId: string;
  readonly decisionId: string;
  readonly lookedCount: number;
}

/** An event happens once, so each look waits for one of its own. */
export function holdEvent({ groupId, decisionId, lookedCount }: Hold): string {
  return `calibration-of-${groupId}/${decisionId}/${lookedCount}`;
}

/**
 * Does the work, unless it finds no calibration: then the task waits and begins anew. The work
 * looks a second time after its wait is on record, so that a calibration which came in between is
 * not slept through.
 * @throws what the work throws besides, and what ends a waiting attempt
 */
export async function holdingForCalibration<Result>(
  pool: pg.Pool,
  context: TaskContext,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let hold: Hold | undefined; ;) {
    try {
      return await work();
    } catch (error) {
      const held = heldTileOf(error);
      if (held === undefined) throw error;
      if (hold !== undefined) await wait(context, hold, held);
      hold = await recordHold(pool, held, context.taskId);
    }
  }
}

async function wait(context: TaskContext, hold: Hold, { decision }: HeldTile): Promise<void> {
  context.progress(0, `held: ${decision.reason}`);
  context.log.warn({ taskId: context.taskId, decisionId: hold.decisionId }, decision.reason);
  try {
    await context.awaitEvent(holdEvent(hold), { timeoutSeconds: LOOK_AGAIN_SECONDS });
  } catch (error) {
    if (!(error instanceof EventTimeout)) throw error;
  }
}

export async function recordHold(
  pool: pg.Pool,
  { groupId, decision, policy }: HeldTile,
  taskId: string | null,
): Promise<Hold> {
  const { rows } = await pool.query<{ decision_id: string; looked_count: number }>(
    "select * from contimg.hold_for_calibration($1, $2, $3, $4)",
    [groupId, taskId, JSON.stringify(decision), JSON.stringify(policy)],
  );
  const row = rows[0]!; // The function returns the row that it wrote.
  return { groupId, decisionId: row.decision_id, lookedCount: row.looked_count };
}

export interface OpenHold extends Hold {
  readonly taskId: string | null;
  readonly reason: string;
  readonly since: Date;
  readonly held: HeldTile;
}

interface HoldRow {
  decision_id: string;
  looked_count: number;
  group_id: string;
  task_id: string | null;
  reason: string;
  decided_at: Date;
  decision: HeldTile["decision"];
  policy: HeldTile["policy"];
}

/** The tiles that wait, the longest waiting first. */
export async function listHolds(pool: pg.Pool): Promise<OpenHold[]> {
  const { rows } = await pool.query<HoldRow>("select * from contimg.calibration_holds()");
  return rows.map((row) => ({
    decisionId: row.decision_id,
    lookedCount: row.looked_count,
    groupId: row.group_id,
    taskId: row.task_id,
    reason: row.reason,
    since: row.decided_at,
    held: { groupId: row.group_id, decision: row.decision, policy: row.policy },
  }));
}
