/**
 * A data root with one raw tile of known gains and any number of registered calibration tables
 * around it: real files, so that what opens them opens something.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { writeBandpassTable } from "@contimg/casacore";
import { type KnownGains, writeKnownGainsSet } from "@contimg/testkit";
import type pg from "pg";

import { readPointing } from "../calibration/pointing.ts";
import { measurementSetPath } from "../products/paths.ts";

/** The tile's group; the set is of that night. */
export const TILE_GROUP = "2025-11-21T00:00:00";

export interface RegisteredTable {
  /** From the tile's middle to the table's. */
  readonly hours: number;
  readonly group?: string;
  readonly calibrator?: string;
  readonly rank?: number;
  readonly declinationOffsetDeg?: number;
  readonly reachHours?: number;
  readonly solve?: string;
  readonly setName?: string;
  readonly grade?: "good" | "warn";
  /** Turns the gains of each antenna by its number times so many degrees. */
  readonly turnDeg?: number;
  /** No file is written. */
  readonly withoutFile?: boolean;
}

export interface CalibrationSite {
  readonly dataRoot: string;
  readonly measurementSetPath: string;
  readonly truth: KnownGains;
  readonly midMjd: number;
  readonly declinationRad: number;
  /** Registers a table and gives its id. */
  register(name: string, table: RegisteredTable): Promise<string>;
  tablePath(name: string): string;
  remove(): void;
}

export async function makeCalibrationSite(pool: pg.Pool): Promise<CalibrationSite> {
  const dataRoot = mkdtempSync(join(tmpdir(), "contimg-registry-"));
  const path = join(dataRoot, measurementSetPath(TILE_GROUP, "science"));
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(join(dataRoot, "caltables"));
  const truth = writeKnownGainsSet(path, {
    antennaCount: 12,
    channelCount: 8,
    integrationCount: 3,
    fluxJy: 20,
    noise: 1,
  });
  const { midMjd, declinationRad } = readPointing(path);
  await registerRawSet(pool);
  const tablePath = (name: string): string => `caltables/${name}.bcal`;
  return {
    dataRoot,
    measurementSetPath: path,
    truth,
    midMjd,
    declinationRad,
    tablePath,
    async register(name, table) {
      if (table.withoutFile !== true)
        writeTable(join(dataRoot, tablePath(name)), truth, path, table.turnDeg ?? 0);
      const at = { midMjd, declinationRad, tablePath: tablePath(name) };
      return registerTable(pool, table, at);
    },
    remove() {
      rmSync(dataRoot, { recursive: true });
    },
  };
}

/** The raw set as a conversion leaves it: registered and published. */
async function registerRawSet(pool: pg.Pool): Promise<void> {
  const final_path = measurementSetPath(TILE_GROUP, "science");
  const output = { kind: "measurement-set", ordinal: 0, final_path, stage_path: final_path };
  await pool.query("select contimg.lock_group($1)", [TILE_GROUP]);
  await pool.query(
    `select contimg.mark_published(product_id)
       from contimg.register_products($1, 'convert-uvh5-to-ms', null, null, 'test', '{}', $2, '[]')`,
    [TILE_GROUP, JSON.stringify([{ ...output, metadata: {}, size_bytes: 0 }])],
  );
}

async function registerTable(
  pool: pg.Pool,
  table: RegisteredTable,
  at: { midMjd: number; declinationRad: number; tablePath: string },
): Promise<string> {
  const group = table.group ?? "2025-11-20T20:00:00";
  const { hours, reachHours = 12, declinationOffsetDeg = 0 } = table;
  const mid = at.midMjd + hours / 24;
  await pool.query("select contimg.lock_group($1)", [group]);
  await pool.query(
    "select contimg.record_verdict($1, 'calibration-solve', $2, '{}', '{}', null, 'test')",
    [group, table.grade ?? "good"],
  );
  const { rows } = await pool.query<{ id: string }>(
    "select contimg.register_calibration($1, $2, $3, $4, $5, $6, $7, $8) as id",
    [
      at.tablePath,
      group,
      table.calibrator ?? "0834+555",
      mid,
      mid - reachHours / 24,
      mid + reachHours / 24,
      at.declinationRad + (declinationOffsetDeg * Math.PI) / 180,
      {
        channel_count: 8,
        calibrator_rank: table.rank ?? 0,
        solve: table.solve ?? at.tablePath,
        ...(table.setName === undefined ? {} : { set_name: table.setName }),
      },
    ],
  );
  return rows[0]!.id;
}

function writeTable(path: string, truth: KnownGains, setPath: string, turnDeg: number): void {
  const { antennaCount, channelCount } = truth;
  const cells = channelCount * 2;
  const count = antennaCount * cells;
  const gains = Float32Array.from(truth.gains);
  for (let at = 0; at < count; at += 1) {
    const angle = (Math.floor(at / cells) * turnDeg * Math.PI) / 180;
    const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
    gains[2 * at] = re * Math.cos(angle) - im * Math.sin(angle);
    gains[2 * at + 1] = re * Math.sin(angle) + im * Math.cos(angle);
  }
  writeBandpassTable(
    path,
    {
      antennaCount,
      channelCount,
      polarizationCount: 2,
      gains,
      error: new Float32Array(count).fill(0.01),
      snr: new Float32Array(count).fill(100),
      flags: new Uint8Array(count),
      referenceAntenna: 0,
      timeMjd: 61_000,
      intervalSeconds: 300,
    },
    setPath,
  );
}
