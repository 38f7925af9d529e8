/**
 * What the tables promise by themselves, whoever writes into them; and that no statement names a
 * table that is not there.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type pg from "pg";
import { beforeEach, test } from "vitest";

import { pipelineDatabase } from "./testing/pipeline-database.ts";

const PACKAGES = resolve(import.meta.dirname, "../..");
const GROUP = "2026-01-25T22:26:05";
const NOWHERE = "00000000-0000-4000-8000-000000000000";
const FOREIGN_KEY_VIOLATION = "23503";

const database = pipelineDatabase();

let pool: pg.Pool;
beforeEach(async () => {
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
});

test("each table that a statement names exists: none was renamed or never created", async () => {
  const { rows } = await pool.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'contimg'::regnamespace
     union select proname from pg_proc where pronamespace = 'contimg'::regnamespace
     union select typname from pg_type where typnamespace = 'contimg'::regnamespace`,
  );
  const known = new Set(rows.map(({ name }) => name));

  const named = statements().flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:from|join|into|update|table|select|perform) contimg\.(\w+)/g)].map(
      (match) => ({ path, name: match[1]! }),
    ),
  );

  assert.ok(named.length > 100, `${named.length} places`);
  assert.deepEqual(
    named.filter(({ name }) => !known.has(name)),
    [],
  );
});

test("no table is defined twice: each has one create, which must be the first", () => {
  const created = statements()
    .flatMap(({ text }) => [...text.matchAll(/create table (if not exists )?contimg\.(\w+)/g)])
    .map((match) => ({ name: match[2]!, isUnsure: match[1] !== undefined }));

  assert.ok(created.length > 15);
  assert.equal(new Set(created.map(({ name }) => name)).size, created.length);
  assert.deepEqual(
    created.filter(({ isUnsure }) => isUnsure),
    [],
  );
});

test("an insert names its columns: no noise lands in a wrong one, or in none", () => {
  const inserts = statements().flatMap(({ path, text }) =>
    [...text.matchAll(/insert into (contimg\.\w+)(?: as \w+)?\s*(\(?)/g)].map((match) => ({
      ...{ path, table: match[1]!, namesColumns: match[2] === "(" },
    })),
  );

  assert.ok(inserts.length > 15);
  assert.deepEqual(
    inserts.filter(({ namesColumns }) => !namesColumns),
    [],
  );
});

test("an instant is a timestamp or an MJD, and its name says which", async () => {
  const { rows } = await pool.query<{ place: string; type: string }>(
    `select table_name || '.' || column_name as place, data_type as type
       from information_schema.columns where table_schema = 'contimg'`,
  );
  const wrong = rows.filter(({ place, type }) => {
    if (place.endsWith("_at")) return type !== "timestamp with time zone";
    if (place.endsWith("mjd")) return type !== "double precision";
    return /^timestamp|^date$|^time/.test(type);
  });

  assert.ok(rows.some(({ place }) => place === "measurements.mjd"));
  assert.deepEqual(wrong, []);
});

test("a row of a group or product that is not there is refused: there are no orphans", async () => {
  await pool.query("select contimg.lock_group($1)", [GROUP]);
  const orphans: readonly [string, unknown[]][] = [
    ["insert into contimg.product_inputs (product_id, input_path) values ($1, 'x')", [NOWHERE]],
    [
      `insert into contimg.quality_metrics (group_id, task_name, metric, value, fence)
       values ('2026-01-01T00:00:00', 'imaging', 'rms_jy', 1, 'x')`,
      [],
    ],
    [
      `insert into contimg.measurements (group_id, source_name, ra_deg, dec_deg, mjd,
         frequency_hz, flux_jy, flux_error_jy, snr, local_rms_jy)
       values ($1, 'nobody', 1, 1, 61000, 1.4e9, 1, 0.1, 10, 0.1)`,
      [GROUP],
    ],
    [
      `insert into contimg.calibration_uses (decision_id, calibration_id, weight)
       values (0, $1, 1)`,
      [NOWHERE],
    ],
  ];
  for (const [statement, values] of orphans) {
    await assert.rejects(pool.query(statement, values), { code: FOREIGN_KEY_VIOLATION }, statement);
  }
});

test("a group with a product cannot be deleted below it", async () => {
  await pool.query("select contimg.lock_group($1)", [GROUP]);
  const output = { kind: "image", ordinal: 0, metadata: {}, size_bytes: 1 };
  const paths = { final_path: "images/a.fits", stage_path: "images/.stage/a" };
  await pool.query(
    "select contimg.register_products($1, 'imaging', null, null, 'test', '{}', $2, '[]')",
    [GROUP, JSON.stringify([{ ...output, ...paths }])],
  );

  await assert.rejects(pool.query("delete from contimg.groups"), { code: FOREIGN_KEY_VIOLATION });
});

/** Every statement of ours about products: the migrations, the functions, and those in programs. */
function statements(): { path: string; text: string }[] {
  return ["pipeline/sql", "pipeline/src", "api/src", "cli/src"].flatMap((folder) =>
    readdirSync(join(PACKAGES, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.(ts|sql)$/.test(path) && !path.endsWith(".test.ts"))
      .map((path) => ({
        path: `${folder}/${path}`,
        text: readFileSync(join(PACKAGES, folder, path), "utf8"),
      })),
  );
}
