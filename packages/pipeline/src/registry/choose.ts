/**
 * The choice for a tile from what is registered: reads the candidates, decides, opens what was
 * chosen, and decides again without what does not open.
 */
import type pg from "pg";

import { decide } from "./decide.ts";
import type { CalibrationDecision } from "./decision.ts";
import { problemOf, type Band } from "./open-table.ts";
import { type CalibrationPolicy, DAY_HOURS } from "./policy.ts";
import type { Candidate, Target } from "./refuse.ts";

/** What is farther away is not even told of. */
const REACH_DAYS = 30;
const CANDIDATES_MAX = 100;

export interface Tile {
  readonly groupId: string;
  readonly midMjd: number;
  readonly declinationRad: number;
  /** Channels that the gains must be of; absent: any. */
  readonly band?: Band | undefined;
}

/** The absolute path of a table whose file stands. @throws when there is none */
export type OpenTable = (tablePath: string) => Promise<string>;

export interface CalibrationRow {
  readonly calibration_id: string;
  readonly table_path: string;
  readonly group_id: string;
  readonly calibrator: string;
  readonly mid_mjd: number;
  readonly start_mjd: number;
  readonly end_mjd: number;
  readonly declination_rad: number;
  readonly status: Candidate["status"];
  readonly metadata: { readonly channel_count?: number; readonly median_amplitude?: number };
  readonly created_at: Date;
  readonly solve: string;
  readonly set_name: string;
  readonly calibrator_rank: number;
  readonly grade: Candidate["grade"];
  readonly status_reason: string | null;
  readonly status_by: string | null;
  readonly status_at: Date | null;
  readonly verified_at: Date | null;
}

export async function chooseCalibration(
  pool: pg.Pool,
  tile: Tile,
  policy: CalibrationPolicy,
  open: OpenTable,
): Promise<CalibrationDecision> {
  const target = await targetOf(pool, tile, policy);
  let candidates = await candidatesFor(pool, target);
  const opened = new Set<string>();
  for (;;) {
    const decision = decide(candidates, target, policy);
    const unopened = decision.tables
      .map(({ calibration_id }) => calibration_id ?? "")
      .filter((id) => !opened.has(id));
    if (unopened.length === 0) return decision;
    for (const id of unopened) {
      opened.add(id);
      const { tablePath } = candidates.find(({ calibrationId }) => calibrationId === id)!;
      const problem = await problemOf(tablePath, open, tile.band);
      candidates = candidates.map((one) => (one.calibrationId === id ? { ...one, problem } : one));
    }
  }
}

async function targetOf(pool: pg.Pool, tile: Tile, policy: CalibrationPolicy): Promise<Target> {
  const reachDays = Math.max(policy.validity_hours ?? 0, policy.last_known_good_hours) / DAY_HOURS;
  const pointings = await pool.query<{ mjd: number; declination_rad: number }>(
    "select mjd, declination_rad from contimg.pointings_between($1, $2)",
    [tile.midMjd - reachDays, tile.midMjd + reachDays],
  );
  const assigned = await pool.query<{ id: string | null }>(
    "select contimg.assigned_calibration($1) as id",
    [tile.groupId],
  );
  return {
    mjd: tile.midMjd,
    declinationRad: tile.declinationRad,
    pointings: pointings.rows.map((row) => ({ mjd: row.mjd, declinationRad: row.declination_rad })),
    assignedId: assigned.rows[0]?.id ?? undefined,
  };
}

async function candidatesFor(pool: pg.Pool, target: Target): Promise<Candidate[]> {
  const { rows } = await pool.query<CalibrationRow>(
    "select * from contimg.calibrations_around($1, $2, $3, $4)",
    [target.mjd, REACH_DAYS, CANDIDATES_MAX, target.assignedId ?? null],
  );
  return rows.map((row) => ({
    calibrationId: row.calibration_id,
    tablePath: row.table_path,
    solve: row.solve,
    calibrator: row.calibrator,
    rank: row.calibrator_rank,
    midMjd: row.mid_mjd,
    startMjd: row.start_mjd,
    endMjd: row.end_mjd,
    declinationRad: row.declination_rad,
    status: row.status,
    statusReason: row.status_reason,
    grade: row.grade,
    channelCount: row.metadata.channel_count ?? null,
    medianAmplitude: row.metadata.median_amplitude ?? null,
    createdUnixMs: row.created_at.getTime(),
  }));
}
