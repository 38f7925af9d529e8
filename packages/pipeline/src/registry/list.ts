/** The registered calibrations, for people. */
import type pg from "pg";

import { PipelineError } from "../errors.ts";
import type { CalibrationRow } from "./choose.ts";
import { endSet } from "./verify.ts";

export interface CalibrationFilter {
  readonly status?: CalibrationRow["status"] | undefined;
  readonly limit?: number | undefined;
}

export interface ListedCalibration extends CalibrationRow {
  /** Current calibrated tiles that it made. */
  readonly use_count: number;
}

const ROWS_MAX = 1000;

/** The latest solves first. */
export async function listCalibrations(
  pool: pg.Pool,
  filter: CalibrationFilter,
): Promise<ListedCalibration[]> {
  const { rows } = await pool.query<ListedCalibration>(
    `select c.*,
            (select count(*)::integer
               from contimg.calibration_uses u
               join contimg.calibration_decisions d using (decision_id)
               join contimg.products p on p.product_id = d.product_id and p.superseded_at is null
              where u.calibration_id = c.calibration_id) as use_count
       from contimg.calibrations c
      where ($1::text is null or c.status = $1)
      order by c.mid_mjd desc, c.calibration_id
      limit $2`,
    [filter.status ?? null, filter.limit ?? ROWS_MAX],
  );
  return rows;
}

/**
 * Finds one by its id, the beginning of it, or its table's path.
 * @throws {PipelineError} InvalidParams when none or several are meant
 */
export async function findCalibrationNamed(pool: pg.Pool, named: string): Promise<CalibrationRow> {
  const { rows } = await pool.query<CalibrationRow>(
    `select * from contimg.calibrations c
      where c.table_path = $1 or starts_with(c.calibration_id::text, $1)
      limit 2`,
    [named],
  );
  const [row, other] = rows;
  if (row !== undefined && other === undefined && named !== "") return row;
  const what = row === undefined ? "is the name of none" : "is the beginning of several";
  throw new PipelineError(
    "InvalidParams",
    `calibration "${named}" ${what}, expected an id of contimg calibrations list, or a table path`,
    { named },
  );
}

/**
 * Takes a calibration out of use, with its set.
 * @throws {PipelineError} InvalidParams when there is none of that name, or it is out already
 */
export async function retireCalibration(
  pool: pg.Pool,
  named: string,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<CalibrationRow[]> {
  const row = await findCalibrationNamed(pool, named);
  const ended = await endSet(pool, row.calibration_id, { status: "retired", reason, by });
  if (ended.length > 0) return ended;
  throw new PipelineError(
    "InvalidParams",
    `calibration ${row.table_path} is ${row.status} already: ${row.status_reason ?? "no reason"}`,
    { calibrationId: row.calibration_id, status: row.status },
  );
}

/** A person's choice for one tile; undefined takes it back. */
export async function assignCalibration(
  pool: pg.Pool,
  groupId: string,
  named: string | undefined,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<CalibrationRow | undefined> {
  const row = named === undefined ? undefined : await findCalibrationNamed(pool, named);
  await pool.query("select contimg.assign_calibration($1, $2, $3, $4)", [
    groupId,
    row?.calibration_id ?? null,
    by,
    reason,
  ]);
  return row;
}
