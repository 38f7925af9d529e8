/**
 * Tiles that a calibration found later would serve better: which they are, and giving them to the
 * queue again, below everything else and within a budget.
 */
import { createHash } from "node:crypto";

import type { AbsurdClient } from "@contimg/absurd";
import { mjdFromUnixMs } from "@contimg/astro";
import type pg from "pg";

import { type ChainName, type ChainOptions, spawnChain } from "../chains.ts";
import { ProductRegistry } from "../products/registry.ts";
import { inTransaction } from "../products/transaction.ts";
import { chooseCalibration } from "./choose.ts";
import type { CalibrationDecision } from "./decision.ts";
import { byUrgency, type Improvement, improvementOf } from "./improvement.ts";
import type { CalibrationPolicy } from "./policy.ts";

/** Below live data (0) and what a person asks to be made again. */
const PRIORITY = -20;
const DAY_MS = 86_400_000;

export interface SupersedeBudget {
  /** Tiles that may be made again in any 24 h. */
  readonly tilesMax: number;
  /** Older tiles stay as they are. */
  readonly ageDaysMax: number;
  /** Less is not worth a tile's processing. */
  readonly gainHoursMin: number;
}

/**
 * 280 tiles come in a day and take a third of the time there is, so 60 more fit well; after a week
 * light curves are settled; phases drift by degrees in an hour.
 */
export const SUPERSEDE_BUDGET: SupersedeBudget = {
  tilesMax: 60,
  ageDaysMax: 7,
  gainHoursMin: 1,
};

export interface AffectedTile {
  readonly groupId: string;
  readonly decisionId: string;
  readonly then: CalibrationDecision;
  readonly now: CalibrationDecision;
  readonly improvement: Improvement;
  /** The word of the chain that would make it again: made of the tables that it should use. */
  readonly revision: string;
}

export interface SupersedeOptions {
  readonly dataRoot: string;
  readonly budget?: SupersedeBudget;
  /** Milliseconds since 1970. Default: now. */
  readonly nowUnixMs?: number;
}

export interface SupersedeReport {
  /** The most urgent first; those within the budget were spawned. */
  readonly affected: readonly (AffectedTile & { readonly workflowId: string | null })[];
  /** What the budget leaves for the next 24 h. */
  readonly tilesLeft: number;
}

/** The tiles that would gain, the most urgent first. Changes nothing. */
export async function affectedTiles(
  pool: pg.Pool,
  options: SupersedeOptions,
): Promise<AffectedTile[]> {
  const { ageDaysMax, gainHoursMin } = options.budget ?? SUPERSEDE_BUDGET;
  const now = options.nowUnixMs ?? Date.now();
  const { rows } = await pool.query<InForce>("select * from contimg.decisions_in_force($1)", [
    mjdFromUnixMs(now - ageDaysMax * DAY_MS),
  ]);
  const registry = new ProductRegistry(pool, options.dataRoot);
  const affected: AffectedTile[] = [];
  for (const row of rows) {
    const decision = await decideAnew(pool, registry, row);
    const improvement = decision && improvementOf(row.decision, decision, gainHoursMin);
    if (!improvement) continue;
    affected.push({
      groupId: row.group_id,
      decisionId: row.decision_id,
      then: row.decision,
      now: decision,
      improvement,
      revision: revisionOf(decision),
    });
  }
  return affected.sort(byUrgency);
}

interface InForce {
  decision_id: string;
  group_id: string;
  decision: CalibrationDecision;
  policy: CalibrationPolicy;
}

async function decideAnew(
  pool: pg.Pool,
  registry: ProductRegistry,
  { group_id: groupId, decision, policy }: InForce,
): Promise<CalibrationDecision | undefined> {
  const { mjd, declination_rad: declinationRad } = decision.target;
  if (mjd === null || declinationRad === null) return undefined;
  const tile = { groupId, midMjd: mjd, declinationRad };
  return chooseCalibration(pool, tile, policy, (path) => registry.openTable(path));
}

/** Equal tables give an equal word, so a tile is spawned once for them. */
function revisionOf({ tables }: CalibrationDecision): string {
  const hash = createHash("sha256");
  for (const { calibration_id, weight } of tables) hash.update(`${calibration_id} ${weight}\n`);
  return `calibration-${hash.digest("hex").slice(0, 12)}`;
}

/**
 * Gives affected tiles to the queue again, within the budget, each with its record in the same
 * transaction. Tiles with tasks that have not ended are left for the next time.
 */
export async function supersede(
  client: AbsurdClient,
  pool: pg.Pool,
  options: SupersedeOptions & { readonly queue?: string },
): Promise<SupersedeReport> {
  const affected = await affectedTiles(pool, options);
  const { tilesMax } = options.budget ?? SUPERSEDE_BUDGET;
  const { rows } = await pool.query<{ spawned: number }>(
    "select contimg.superseded_since(clock_timestamp() - interval '1 day') as spawned",
  );
  let tilesLeft = Math.max(0, tilesMax - (rows[0]?.spawned ?? 0));
  const report: (AffectedTile & { workflowId: string | null })[] = [];
  for (const tile of affected) {
    const workflowId = tilesLeft > 0 ? await spawnAgain(client, pool, tile, options.queue) : null;
    if (workflowId !== null) tilesLeft -= 1;
    report.push({ ...tile, workflowId });
  }
  if (report.some(({ workflowId }) => workflowId !== null)) client.wake();
  return { affected: report, tilesLeft };
}

type ParamsByStage = NonNullable<ChainOptions["params"]>;

/** Null when somebody else did it, or the tile is being worked on. */
async function spawnAgain(
  client: AbsurdClient,
  pool: pg.Pool,
  tile: AffectedTile,
  queue: string | undefined,
): Promise<string | null> {
  const { groupId, revision } = tile;
  return inTransaction(pool, async (on) => {
    const { rows } = await on.query<{ chain: ChainName | null; params: ParamsByStage }>(
      "select b.chain, contimg.last_params($1) as params from contimg.begin_supersession($1, $2) b",
      [groupId, revision],
    );
    const { chain = null, params = {} } = rows[0] ?? {};
    if (chain === null) return null;
    const { workflowId } = await spawnChain(client, chain, groupId, {
      revision,
      params,
      priority: PRIORITY,
      on,
      ...(queue === undefined ? {} : { queue }),
    });
    await on.query("select contimg.record_supersession($1, $2, $3, $4, $5, $6)", [
      groupId,
      revision,
      tile.decisionId,
      workflowId,
      tile.improvement.reason,
      JSON.stringify(tile.now),
    ]);
    return workflowId;
  });
}
