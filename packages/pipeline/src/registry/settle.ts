/**
 * What follows from a new calibration: its file is looked at, tiles that waited go on, tiles that
 * it would serve better are given to the queue again. Each part may be done any number of times, by
 * any number of processes; what a crash left undone the next round does.
 */
import { AbsurdClient, type TaskContext } from "@contimg/absurd";
import type pg from "pg";

import { ProductRegistry } from "../products/registry.ts";
import { chooseCalibration } from "./choose.ts";
import { holdEvent, listHolds } from "./hold.ts";
import { supersede, type SupersedeBudget, type SupersedeReport } from "./supersede.ts";
import { verifyCalibrations, type VerifyReport } from "./verify.ts";

export interface SettleOptions {
  readonly dataRoot: string;
  /** Of the tiles that are made again. */
  readonly queue?: string;
  readonly budget?: SupersedeBudget;
}

export interface SettleReport {
  readonly verification: VerifyReport;
  /** Groups whose wait is over. */
  readonly woken: readonly string[];
  readonly superseding: SupersedeReport;
}

export async function settleCalibrations(
  pool: pg.Pool,
  options: SettleOptions,
): Promise<SettleReport> {
  const client = new AbsurdClient(pool);
  try {
    return {
      verification: await verifyCalibrations(pool, options.dataRoot),
      woken: await wakeHeld(client, pool, options.dataRoot),
      superseding: await supersede(client, pool, options),
    };
  } finally {
    await client.close();
  }
}

/** Wakes the tiles for which there is a calibration now. Returns their groups. */
export async function wakeHeld(
  client: AbsurdClient,
  pool: pg.Pool,
  dataRoot: string,
): Promise<string[]> {
  const registry = new ProductRegistry(pool, dataRoot);
  const woken: string[] = [];
  for (const hold of await listHolds(pool)) {
    const { decision, policy } = hold.held;
    const { mjd, declination_rad: declinationRad } = decision.target;
    if (mjd === null || declinationRad === null) continue;
    const tile = { groupId: hold.groupId, midMjd: mjd, declinationRad };
    const now = await chooseCalibration(pool, tile, policy, (path) => registry.openTable(path));
    if (now.kind === "hold") continue;
    await client.events.emit(holdEvent(hold));
    woken.push(hold.groupId);
  }
  return woken;
}

/** After a solve has published. Its task is over, so what goes wrong here is left to the rounds. */
export async function settleSolved(
  { pool, dataRoot, queue }: { pool: pg.Pool; dataRoot: string; queue?: string },
  { log, taskId }: Pick<TaskContext, "log" | "taskId">,
): Promise<void> {
  try {
    const options = { dataRoot, ...(queue === undefined ? {} : { queue }) };
    const { verification } = await settleCalibrations(pool, options);
    for (const { tablePath, problem } of verification.failed)
      log.error({ taskId, tablePath }, `the registered calibration cannot be used: ${problem}`);
  } catch (error) {
    log.warn({ taskId, error: String(error) }, "a new calibration is settled later");
  }
}
