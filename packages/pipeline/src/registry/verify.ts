/** After registering: every table stands where the registry says and opens, or its set is out. */
import { join } from "node:path";

import type pg from "pg";

import { PipelineError } from "../errors.ts";
import { exists } from "../products/place.ts";
import { ProductRegistry } from "../products/registry.ts";
import type { CalibrationRow } from "./choose.ts";
import { problemOf } from "./open-table.ts";

export interface VerifyReport {
  readonly verified: readonly string[];
  /** Table paths with what is wrong; their sets have failed with them. */
  readonly failed: readonly { readonly tablePath: string; readonly problem: string }[];
}

/**
 * Looks at every active table that was not looked at since it was registered.
 * @throws {PipelineError} MissingProduct when the folder of all tables is not there, MissingTool
 */
export async function verifyCalibrations(pool: pg.Pool, dataRoot: string): Promise<VerifyReport> {
  const { rows } = await pool.query<Pick<CalibrationRow, "calibration_id" | "table_path">>(
    `select calibration_id, table_path
       from contimg.calibrations
      where status = 'active' and verified_at is null
      order by calibration_id`,
  );
  if (rows.length > 0) await assertMounted(dataRoot);
  const registry = new ProductRegistry(pool, dataRoot);
  const open = (tablePath: string): Promise<string> => registry.openTable(tablePath);
  const verified: string[] = [];
  const failed: { tablePath: string; problem: string }[] = [];
  for (const { calibration_id: id, table_path: tablePath } of rows) {
    const problem = await problemOf(tablePath, open);
    if (problem === undefined) {
      await pool.query("select contimg.mark_calibration_verified($1)", [id]);
      verified.push(tablePath);
    } else {
      await endSet(pool, id, { status: "failed", reason: problem, by: "verification" });
      failed.push({ tablePath, problem });
    }
  }
  return { verified, failed };
}

/** A disk that is away must not cost every set its place. */
async function assertMounted(dataRoot: string): Promise<void> {
  const folder = join(dataRoot, "caltables");
  if (await exists(folder)) return;
  throw new PipelineError(
    "MissingProduct",
    `${folder} does not exist, but the registry has tables there: is the data root mounted?`,
    { path: folder },
  );
}

export interface SetEnd {
  readonly status: "retired" | "failed";
  readonly reason: string;
  /** A person, or "verification". */
  readonly by: string;
}

/** Takes a set out of use as a whole. Returns the tables that it took out. */
export async function endSet(
  pool: pg.Pool,
  calibrationId: string,
  { status, reason, by }: SetEnd,
): Promise<CalibrationRow[]> {
  const { rows } = await pool.query<CalibrationRow>(
    "select * from contimg.end_calibration_set($1, $2, $3, $4)",
    [calibrationId, status, reason, by],
  );
  return rows;
}
