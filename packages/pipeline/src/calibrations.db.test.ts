import assert from "node:assert/strict";

import { freshDatabase } from "@contimg/testkit";
import pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { PipelineError } from "./errors.ts";
import { migrateAll } from "./migrate.ts";
import { ProductRegistry } from "./products/registry.ts";

const DEC_RAD = 0.95;
const GROUP = "2026-01-25T22:26:05";

const database = freshDatabase(async (url) => {
  const pool = new pg.Pool({ connectionString: url });
  await migrateAll(pool);
  await pool.end();
});

let pool: pg.Pool;
let registry: ProductRegistry;
beforeEach(async () => {
  pool = database.pool();
  registry = new ProductRegistry(pool, "/data");
  await pool.query("truncate contimg.groups cascade");
  await pool.query("select contimg.lock_group($1)", [GROUP]);
});

describe("the calibration for a tile", () => {
  test("is the nearest of those whose window holds the time, however they were made", async () => {
    await register("near", { midMjd: 100.1 });
    await register("made later", { midMjd: 100.3 });

    assert.equal(await registry.findCalibration(100.15, DEC_RAD), "/data/near");
    assert.equal(await registry.findCalibration(100.25, DEC_RAD), "/data/made later");
  });

  test("is the newest of two that are equally near", async () => {
    await register("old", { midMjd: 100.25 });
    await register("new", { midMjd: 100.25 });

    assert.equal(await registry.findCalibration(100.5, DEC_RAD), "/data/new");
  });

  test("has a window that holds the time before one that is nearer", async () => {
    await register("valid", { midMjd: 100.4 });
    await register("nearer", { midMjd: 100.1, reachDays: 0.01 });

    assert.equal(await registry.findCalibration(100.15, DEC_RAD), "/data/valid");
  });

  test("is the nearest within twelve hours when no window holds the time", async () => {
    await register("far", { midMjd: 100, reachDays: 0.01 });
    await register("near", { midMjd: 100.8, reachDays: 0.01 });

    assert.equal(await registry.findCalibration(100.45, DEC_RAD), "/data/near");
  });

  test("may lie after the tile", async () => {
    await register("later", { midMjd: 100.4, reachDays: 0.01 });

    assert.equal(await registry.findCalibration(100.1, DEC_RAD), "/data/later");
  });

  test("registered anew is the same table, not a second one", async () => {
    await register("table", { midMjd: 100 });
    await register("table", { midMjd: 101 });

    const { rows } = await pool.query("select mid_mjd from contimg.calibrations");
    assert.deepEqual(rows, [{ mid_mjd: 101 }]);
  });
});

describe("without a calibration the tile waits, and is told", () => {
  test("that there is none", async () => {
    assert.match(await refusal(100), /at declination 54.43°: the registry has none$/);
  });

  test("that none is active", async () => {
    await register("bad", { midMjd: 100 });
    await pool.query("update contimg.calibrations set status = 'failed'");

    assert.match(await refusal(100), /none of 1 is active$/);
  });

  test("that they belong to another declination", async () => {
    await register("elsewhere", { midMjd: 100, declinationRad: DEC_RAD - 0.1 });

    assert.match(await refusal(100), /none of 1 active ones is within 2.5° of it$/);
  });

  test("how far the nearest is", async () => {
    await register("yesterday", { midMjd: 100, reachDays: 0.01 });

    assert.match(await refusal(100.75), /the nearest is 18.0 h away, more than 12 h$/);
  });
});

async function register(
  path: string,
  given: { midMjd: number; reachDays?: number; declinationRad?: number },
): Promise<void> {
  const { midMjd, reachDays = 0.5, declinationRad = DEC_RAD } = given;
  await pool.query("select contimg.register_calibration($1, $2, $3, $4, $5, $6, $7, $8)", [
    path,
    GROUP,
    "0834+555",
    midMjd,
    midMjd - reachDays,
    midMjd + reachDays,
    declinationRad,
    {},
  ]);
}

async function refusal(mjd: number): Promise<string> {
  try {
    await registry.findCalibration(mjd, DEC_RAD);
  } catch (error) {
    assert.ok(error instanceof PipelineError);
    assert.equal(error.tag, "NoCalibration");
    return error.message;
  }
  return assert.fail("a calibration was found");
}
