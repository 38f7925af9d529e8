/**
 * Puts Measurement Sets into the folder of what their tile turned out to be: calibrators, failed,
 * science. A move is a supersession: the new row is committed, then the folder renamed, and who
 * looks for it in between finishes the rename.
 */
import type pg from "pg";

import {
  calibratedMeasurementSetPath,
  measurementSetPath,
  type TilePlace,
} from "../products/paths.ts";
import { finishPublication } from "../products/registry.ts";

export interface Move {
  readonly productId: string;
  readonly from: string;
  readonly to: string;
}

export interface PlacedSet {
  readonly productId: string;
  readonly kind: string;
  readonly groupId: string;
  readonly finalPath: string;
  /** The group has a current calibration table of its own. */
  readonly isCalibrator: boolean;
  /** The last verdict of the stage that made it. */
  readonly isFailed: boolean;
}

/** What stands where paths.ts would put it stays. */
export function planMoves(sets: readonly PlacedSet[]): Move[] {
  return sets.flatMap(({ productId, kind, groupId, finalPath, isCalibrator, isFailed }) => {
    const path = kind === "measurement-set" ? measurementSetPath : calibratedMeasurementSetPath;
    const to = path(groupId, placeOf(finalPath, isCalibrator, isFailed));
    return to === finalPath ? [] : [{ productId, from: finalPath, to }];
  });
}

/** A set that was put among the calibrators on purpose stays there, solved or not. */
function placeOf(finalPath: string, isCalibrator: boolean, isFailed: boolean): TilePlace {
  if (isFailed) return "failed";
  return isCalibrator || finalPath.startsWith("ms/calibrators/") ? "calibrators" : "science";
}

export async function readMoves(pool: pg.Pool): Promise<Move[]> {
  const { rows } = await pool.query<{
    product_id: string;
    kind: string;
    group_id: string;
    final_path: string;
    is_calibrator: boolean;
    is_failed: boolean;
  }>(
    `select p.product_id, p.kind, p.group_id, p.final_path,
            exists (select from contimg.products t
                     where t.group_id = p.group_id and t.kind = 'calibration-table'
                       and t.superseded_at is null) as is_calibrator,
            exists (select from contimg.quality_verdicts q
                     where q.group_id = p.group_id and q.task_name = p.task_name
                       and q.grade = 'reject') as is_failed
       from contimg.products p
      where p.superseded_at is null
        and p.published_at is not null
        and p.kind in ('measurement-set', 'calibrated-measurement-set')
        and p.group_id not in (select contimg.busy_groups())
      order by p.final_path`,
  );
  return planMoves(
    rows.map((row) => ({
      productId: row.product_id,
      kind: row.kind,
      groupId: row.group_id,
      finalPath: row.final_path,
      isCalibrator: row.is_calibrator,
      isFailed: row.is_failed,
    })),
  );
}

/** @returns false when the product was replaced meanwhile or its new path is taken */
export async function moveProduct(pool: pg.Pool, dataRoot: string, move: Move): Promise<boolean> {
  const { rows } = await pool.query<{ moved: string | null }>(
    "select contimg.move_product($1, $2) as moved",
    [move.productId, move.to],
  );
  const moved = rows[0]?.moved;
  if (moved === null || moved === undefined) return false;
  await finishPublication(pool, dataRoot, moved);
  return true;
}
