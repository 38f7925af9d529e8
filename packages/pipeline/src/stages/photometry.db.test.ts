/** What photometry leaves in the database: a point a source and tile, and the sources. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { photometryStage as stage } from "./photometry.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const FIRST_GROUP = "2026-01-25T22:26:05";
const SECOND_GROUP = "2026-01-25T22:31:14";

const database = pipelineDatabase();

let pool: pg.Pool;
beforeEach(async () => {
  pool = database.pool();
  await pool.query("truncate contimg.groups, contimg.sources cascade");
  for (const group of [FIRST_GROUP, SECOND_GROUP]) {
    await pool.query("select contimg.lock_group($1)", [group]);
  }
});

describe("the measurements of a tile", () => {
  test("make a light curve with those of other tiles, beside what the catalogue says", async () => {
    await register(FIRST_GROUP, { A: 0.5, B: 0.1 });
    await register(SECOND_GROUP, { B: 0.2 });

    const { rows } = await pool.query(
      `select s.source_name, s.spectral_index, array_agg(m.flux_jy order by m.mjd) as fluxes
         from contimg.sources s
         join contimg.measurements m on m.source_name = s.source_name
        group by s.source_name order by s.source_name`,
    );
    assert.deepEqual(rows, [
      { source_name: "A", spectral_index: -0.7, fluxes: [0.5] },
      { source_name: "B", spectral_index: -0.7, fluxes: [0.1, 0.2] },
    ]);
  });

  test("are replaced when the tile is measured again, and leave other tiles alone", async () => {
    await register(FIRST_GROUP, { A: 0.5, B: 0.1 });
    await register(SECOND_GROUP, { B: 0.2 });

    await register(FIRST_GROUP, { B: 0.15 });

    const { rows } = await pool.query(
      "select group_id, source_name, flux_jy from contimg.measurements order by group_id",
    );
    assert.deepEqual(rows, [
      { group_id: FIRST_GROUP, source_name: "B", flux_jy: 0.15 },
      { group_id: SECOND_GROUP, source_name: "B", flux_jy: 0.2 },
    ]);
  });

  test("bring what a corrected catalogue says of a source", async () => {
    await register(FIRST_GROUP, { A: 0.5 });
    await register(FIRST_GROUP, { A: 0.5 }, { spectralIndex: -1 });

    const { rows } = await pool.query("select source_name, spectral_index from contimg.sources");
    assert.deepEqual(rows, [{ source_name: "A", spectral_index: -1 }]);
  });

  test("have the time of the observation, however late they are made or made again", async () => {
    const place = "select mjd, measured_at from contimg.measurements where group_id = $1";
    await register(FIRST_GROUP, { A: 0.5 });
    const first = await pool.query<{ mjd: number }>(place, [FIRST_GROUP]);
    await register(FIRST_GROUP, { A: 0.4 });
    const again = await pool.query<{ mjd: number; measured_at: Date }>(place, [FIRST_GROUP]);

    assert.equal(first.rows[0]?.mjd, 61_065.93);
    assert.equal(again.rows[0]?.mjd, 61_065.93);
    assert.ok(again.rows[0].measured_at.getTime() > 0);
  });

  test("of a field without sources are none", async () => {
    await register(FIRST_GROUP, { A: 0.5 });
    await register(FIRST_GROUP, {});

    const { rowCount } = await pool.query("select from contimg.measurements");
    assert.equal(rowCount, 0);
  });
});

async function register(
  groupId: string,
  fluxesJy: Readonly<Record<string, number>>,
  { spectralIndex = -0.7 } = {},
): Promise<void> {
  const place = { ra_deg: 130, dec_deg: 54.5 };
  const mjd = groupId === FIRST_GROUP ? 61_065.93 : 61_065.94;
  const result = {
    sources: Object.keys(fluxesJy).map((source_name) => ({
      ...{ source_name, ...place, flux_jy: 0.4 },
      ...{ reference_frequency_hz: 1.4e9, spectral_index: spectralIndex },
    })),
    measurements: Object.entries(fluxesJy).map(([source_name, flux_jy]) => ({
      ...{ source_name, ...place, mjd, frequency_hz: 1.405e9, flux_jy },
      ...{ flux_error_jy: 0.001, snr: flux_jy / 0.001, local_rms_jy: 0.001 },
      ...{ catalog_flux_jy: 0.4, offset_arcsec: null, offset_error_arcsec: null },
    })),
    skipped_count: 0,
  };
  await stage.register?.(pool, stage.params.parse({ group_id: groupId }), result);
}
