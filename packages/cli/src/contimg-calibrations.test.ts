import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";

import { freshDatabase } from "@contimg/testkit";
import { beforeAll, describe, test } from "vitest";

const SOLVE = "2026-01-25T08:08:54";
const TILE = "2026-01-25T08:55:17";
const TABLE = "caltables/2026-01-25/2026-01-25T08:08:54.bcal";

const database = freshDatabase();
let calibrationId: string;
beforeAll(async () => {
  assert.equal((await contimg("migrate")).exitCode, 0);
  const client = await database.connect();
  await client.query("select contimg.lock_group($1), contimg.lock_group($2)", [SOLVE, TILE]);
  const registered = await client.query<{ id: string }>(
    "select contimg.register_calibration($1, $2, '0834+555', $3, $4, $5, 0.97, '{}') as id",
    [TABLE, SOLVE, 61_065.4, 61_064.9, 61_065.9],
  );
  calibrationId = registered.rows[0]!.id;
  const held = {
    kind: "hold",
    tables: [],
    age_hours: null,
    staleness: null,
    reason: "no calibration for MJD 61075.40000 at declination 55.58°: the nearest is 240.0 h away",
    warnings: [],
    refused: [
      {
        calibration_id: calibrationId,
        table_path: TABLE,
        calibrator: "0834+555",
        offset_hours: -240,
        refusal: "expired",
        reason: `${TABLE} is 240.0 h away, valid for 12.0 h`,
      },
    ],
    target: { mjd: 61075.4, declination_rad: 0.97 },
  };
  await client.query("select contimg.hold_for_calibration($1, null, $2, $3)", [
    TILE,
    held,
    {
      validity_hours: null,
      last_known_good_hours: 48,
      declination_tolerance_deg: 2.5,
      aging_hours: 6,
      warned_handicap_hours: 2,
    },
  ]);
});

describe("contimg explain", () => {
  test("says of a tile that waits why, and what was refused", async () => {
    const { exitCode, stdout } = await contimg("explain", TILE);

    assert.equal(exitCode, 0);
    assert.match(stdout, /has no calibrated product\n\nwaits: no calibration for MJD 61075/);
    assert.match(stdout, /refused:\n {2}expired: caltables.* is 240\.0 h away, valid for 12\.0 h/);
  });

  test("gives the same as JSON", async () => {
    const { stdout } = await contimg("explain", TILE, "--json");

    const { product, waiting } = JSON.parse(stdout) as {
      product: unknown;
      waiting: { kind: string; refused: { refusal: string }[] };
    };
    assert.equal(product, null);
    assert.deepEqual([waiting.kind, waiting.refused[0]?.refusal], ["hold", "expired"]);
  });

  test.each([
    ["images/none.fits", /no product has the path images\/none\.fits: see contimg ls products/],
    ["2026-01-26T00:00:00", /group 2026-01-26T00:00:00 has no calibrated product and waits/],
  ])("says that there is no %s", async (named, message) => {
    const { exitCode, stderr } = await contimg("explain", named);

    assert.equal(exitCode, 3);
    assert.match(stderr, message);
  });
});

describe("contimg calibrations", () => {
  test("lists who waits", async () => {
    const { stdout } = await contimg("calibrations", "holds", "--json");

    const { holds } = JSON.parse(stdout) as { holds: { group_id: string; reason: string }[] };
    assert.deepEqual(
      holds.map(({ group_id }) => group_id),
      [TILE],
    );
  });

  test("lists what is registered, and retires it once, with the reason", async () => {
    const retire = ["calibrations", "retire", calibrationId.slice(0, 13), "--by", "ana"];
    const missing = await contimg(...retire);
    assert.equal(missing.exitCode, 2);
    assert.match(missing.stderr, /required option '--reason <text>'/);

    const done = await contimg(...retire, "--reason", "antenna 7 was moved");
    assert.equal(done.exitCode, 0);
    assert.match(done.stdout, /^retired caltables/);
    const again = await contimg(...retire, "--reason", "antenna 7 was moved");
    assert.equal(again.exitCode, 2);
    assert.match(again.stderr, /is retired already: antenna 7 was moved/);

    const { stdout } = await contimg("calibrations", "list", "--status", "retired");
    assert.match(stdout, /0834\+555 .* retired .* antenna 7 was moved/);
    const active = await contimg("calibrations", "list", "--status", "active");
    assert.equal(active.stdout, "no calibrations\n");
  });

  test("assigns one to a tile and takes it back", async () => {
    const sign = ["--reason", "the only one", "--by", "ana"];
    const given = await contimg("calibrations", "assign", TILE, TABLE, ...sign, "--json");
    assert.deepEqual(JSON.parse(given.stdout), { group_id: TILE, table_path: TABLE, woken: [] });

    const back = await contimg("calibrations", "assign", TILE, ...sign);
    assert.equal(back.stdout, `${TILE} has no assigned calibration any more\n`);
  });

  test("refuses a name of none, and a group that is no time", async () => {
    const sign = ["--reason", "x"];
    const none = await contimg("calibrations", "retire", "zzz", ...sign);
    assert.equal(none.exitCode, 2);
    assert.match(none.stderr, /calibration "zzz" is the name of none, expected an id/);
    const group = await contimg("calibrations", "assign", "yesterday", ...sign);
    assert.equal(group.exitCode, 2);
    assert.match(group.stderr, /group is "yesterday", expected a time such as/);
  });

  test("shows the tiles that would be made again", async () => {
    const { stdout } = await contimg("calibrations", "supersede", "--dry-run");
    assert.equal(stdout, "no tile would be better\n");
  });
});

function contimg(
  ...argv: readonly string[]
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { ...process.env, CONTIMG_DATA_ROOT: "/nowhere", ABSURD_DATABASE_URL: database.url };
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, "contimg.ts");
    execFile(process.execPath, [program, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
