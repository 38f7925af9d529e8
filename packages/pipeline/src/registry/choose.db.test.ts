import assert from "node:assert/strict";
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

import { isCasacoreAvailable } from "@contimg/casacore";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { readBand } from "../calibration/pointing.ts";
import { ProductRegistry } from "../products/registry.ts";
import {
  makeCalibrationSite,
  TILE_GROUP,
  type CalibrationSite,
} from "../testing/calibration-site.ts";
import type { CalibrationDecision } from "./decision.ts";
import { CALIBRATION_POLICY } from "./policy.ts";
import { endSet, verifyCalibrations } from "./verify.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const database = pipelineDatabase();

let pool: pg.Pool;
let site: CalibrationSite;

describe.skipIf(!isCasacoreAvailable())("a registry of real tables (needs casacore-dev)", () => {
  beforeEach(async () => {
    pool = database.pool();
    await pool.query("truncate contimg.groups cascade");
    site = await makeCalibrationSite(pool);
  });
  afterEach(() => {
    site.remove();
  });

  describe("each rung of the chain", () => {
    test("interpolates between the nearest before and after the tile", async () => {
      await site.register("before", { hours: -3 });
      await site.register("after", { hours: 1 });
      await site.register("far", { hours: 8 });

      const decision = await choose();

      assert.equal(decision.kind, "interpolated");
      assert.deepEqual(
        decision.tables.map(({ table_path, weight }) => [table_path, weight.toFixed(4)]),
        [
          ["caltables/after.bcal", "0.7500"],
          ["caltables/before.bcal", "0.2500"],
        ],
      );
    });

    test("takes the nearest when all lie on one side, also after the tile", async () => {
      await site.register("later", { hours: 5 });
      await site.register("much later", { hours: 9 });

      const decision = await choose();

      assert.deepEqual([decision.kind, tablesOf(decision)], ["nearest", ["caltables/later.bcal"]]);
    });

    test("takes the backup calibrator of a solve whose first one was retired", async () => {
      const first = await site.register("first", { hours: -1, solve: "transit" });
      await site.register("second", { hours: -1, solve: "transit", rank: 1, calibrator: "3C286" });
      assert.deepEqual(tablesOf(await choose()), ["caltables/first.bcal"]);

      await endSet(pool, first, { status: "retired", reason: "antenna 7 was moved", by: "ana" });

      const decision = await choose();
      assert.deepEqual([decision.kind, tablesOf(decision)], ["backup", ["caltables/second.bcal"]]);
      assert.match(decision.warnings[0]!, /3C286: .*first.bcal is retired: antenna 7 was moved/);
    });

    test("takes the last known good one up to 48 h, with a warning", async () => {
      await site.register("yesterday", { hours: -30 });

      const decision = await choose();

      assert.equal(decision.kind, "last-known-good");
      assert.match(decision.warnings[0]!, /last known good one within 48 h/);
    });

    test("holds the tile when none is left, with every refusal and its reason", async () => {
      await site.register("old", { hours: -49 });
      await site.register("elsewhere", { hours: -1, declinationOffsetDeg: 3 });
      const bad = await site.register("bad", { hours: 2 });
      await endSet(pool, bad, { status: "failed", reason: "phases scatter by 90°", by: "ana" });

      const decision = await choose();

      assert.equal(decision.kind, "hold");
      assert.deepEqual(
        decision.refused.map(({ table_path, refusal }) => [table_path, refusal]),
        [
          ["caltables/elsewhere.bcal", "declination"],
          ["caltables/bad.bcal", "failed"],
          ["caltables/old.bcal", "expired"],
        ],
      );
      assert.match(decision.reason, /the nearest is 49\.0 h away/);
    });

    test("holds the tile when the registry is empty", async () => {
      assert.match((await choose()).reason, /the registry has none near$/);
    });
  });

  describe("a table that cannot be used is refused, and the next one is taken:", () => {
    const spoils: [string, RegExp, (path: string) => void][] = [
      ["gone", /does not exist/, removeTree],
      ["truncated", /reading column|cannot/, truncateLargest],
      [
        "no calibration table",
        /expected "B Jones"/,
        (path) => {
          rmSync(path, { recursive: true });
          cpSync(site.measurementSetPath, path, { recursive: true });
        },
      ],
    ];
    test.each(spoils)("one that is %s", async (_what, problem, spoil) => {
      await site.register("near", { hours: -1 });
      await site.register("next", { hours: -2 });
      spoil(join(site.dataRoot, site.tablePath("near")));

      const decision = await choose();

      assert.deepEqual(tablesOf(decision), ["caltables/next.bcal"]);
      assert.equal(decision.refused[0]?.refusal, "unreadable");
      assert.match(decision.refused[0].reason, problem);
    });

    test("one of other channels", async () => {
      await site.register("near", { hours: -1 });
      const band = readBand(site.measurementSetPath);
      const frequencyHz = band.frequencyHz.map((hz) => hz + band.channelWidthHz);

      const decision = await choose({ ...band, frequencyHz });

      assert.equal(decision.kind, "hold");
      assert.match(
        decision.refused[0]!.reason,
        /has 8 channels from 1312000000 Hz, the tile has 8/,
      );
    });
  });

  test("a slew between solve and tile ends the solution's validity", async () => {
    await site.register("before", { hours: -3 });
    await site.register("after", { hours: 6 });
    await describeGroup("2025-11-20T22:00:00", site.midMjd - 1 / 24, site.declinationRad + 0.3);

    const decision = await choose();

    assert.deepEqual(tablesOf(decision), ["caltables/after.bcal"]);
    assert.equal(decision.refused[0]?.refusal, "slew");
  });

  test("a person's assignment wins and can be taken back", async () => {
    await site.register("near", { hours: -1 });
    const id = await site.register("old", { hours: -80 });
    await assign(id);

    const decision = await choose();
    assert.deepEqual([decision.kind, tablesOf(decision)], ["assigned", ["caltables/old.bcal"]]);

    await assign(null);
    assert.deepEqual(tablesOf(await choose()), ["caltables/near.bcal"]);
  });

  describe("registering", () => {
    test("a path again is the same table, active, unverified", async () => {
      const first = await site.register("table", { hours: -1 });
      await verifyCalibrations(pool, site.dataRoot);
      await endSet(pool, first, { status: "retired", reason: "wrong", by: "ana" });
      rmSync(join(site.dataRoot, site.tablePath("table")), { recursive: true });

      const again = await site.register("table", { hours: -2, grade: "warn" });

      assert.equal(again, first);
      const { rows } = await pool.query(
        "select status, status_reason, grade, verified_at from contimg.calibrations",
      );
      assert.deepEqual(rows, [
        { status: "active", status_reason: null, grade: "warn", verified_at: null },
      ]);
    });

    test("is followed by a look at the file, once", async () => {
      await site.register("table", { hours: -1 });

      const looked = await verifyCalibrations(pool, site.dataRoot);
      assert.deepEqual(looked, { verified: ["caltables/table.bcal"], failed: [] });
      const again = await verifyCalibrations(pool, site.dataRoot);
      assert.deepEqual(again, { verified: [], failed: [] });
    });

    test("no table is judged while the folder of all of them is away", async () => {
      await site.register("table", { hours: -1 });
      const elsewhere = join(site.dataRoot, "not-mounted");

      await assert.rejects(verifyCalibrations(pool, elsewhere), /is the data root mounted\?$/);

      const { rows } = await pool.query("select status from contimg.calibrations");
      assert.deepEqual(rows, [{ status: "active" }]);
    });

    test("a table that is not there takes its whole set out", async () => {
      await site.register("gains", { hours: -1, setName: "set" });
      await site.register("delays", { hours: -1, setName: "set", withoutFile: true });
      await site.register("other", { hours: -2 });

      const { failed } = await verifyCalibrations(pool, site.dataRoot);

      assert.deepEqual(
        failed.map(({ tablePath }) => tablePath),
        ["caltables/delays.bcal"],
      );
      const { rows } = await pool.query(
        `select table_path, status, status_by from contimg.calibrations
          where status <> 'active' order by 1`,
      );
      assert.deepEqual(rows, [
        { table_path: "caltables/delays.bcal", status: "failed", status_by: "verification" },
        { table_path: "caltables/gains.bcal", status: "failed", status_by: "verification" },
      ]);
      assert.deepEqual(tablesOf(await choose()), ["caltables/other.bcal"]);
    });
  });
});

async function choose(band?: ReturnType<typeof readBand>): Promise<CalibrationDecision> {
  const { midMjd, declinationRad } = site;
  return new ProductRegistry(pool, site.dataRoot).findCalibration(
    {
      groupId: TILE_GROUP,
      midMjd,
      declinationRad,
      band: band ?? readBand(site.measurementSetPath),
    },
    CALIBRATION_POLICY,
  );
}

function tablesOf({ tables }: CalibrationDecision): string[] {
  return tables.map(({ table_path }) => table_path);
}

async function describeGroup(groupId: string, mjd: number, declinationRad: number): Promise<void> {
  await pool.query("select contimg.describe_group($1, null, $2, $2, $2, $3)", [
    groupId,
    mjd,
    declinationRad,
  ]);
}

async function assign(calibrationId: string | null): Promise<void> {
  await pool.query("select contimg.assign_calibration($1, $2, 'ana', 'the only clean one')", [
    TILE_GROUP,
    calibrationId,
  ]);
}

function removeTree(path: string): void {
  rmSync(path, { recursive: true });
}

function truncateLargest(path: string): void {
  const largest = readdirSync(path)
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort((a, b) => statSync(b).size - statSync(a).size)[0]!;
  truncateSync(largest, 100);
}
