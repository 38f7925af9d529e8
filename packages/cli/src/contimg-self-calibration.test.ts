/** Self-calibration as its user meets it: asked for, published, explained, made again. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freshDatabase, writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

const GROUP = "2026-01-25T08:08:54";
const FOLDER = "images/2026-01-25";
const TABLE = `${FOLDER}/${GROUP}.img-selfcal.gcal`;

const database = freshDatabase();
let dataRoot: string;
beforeAll(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "contimg-cli-selfcal-"));
  assert.equal((await contimg("migrate")).exitCode, 0);
});
afterAll(() => {
  rmSync(dataRoot, { recursive: true });
});

describe.skipIf(!existsSync("/usr/bin/wsclean"))(
  "contimg run imaging with self_calibration (needs wsclean)",
  () => {
    test("publishes the gains with the image, and explain says what was tried", async () => {
      const sources = [{ eastRad: 0.003, northRad: 0.002, fluxJy: 2 }];
      // Odd antennas turn one way, even ones the other, and back.
      const residualOf = (antenna: number, integration: number) => ({
        amplitude: 1,
        phaseRad: 0.4 * (antenna % 2 === 0 ? 1 : -1) * (integration < 3 ? 1 : -1),
      });
      mkdirSync(join(dataRoot, "scratch"));
      writeDriftingSkySet(tile(), sources, { noiseJy: 0.3, seed: 7, residualOf });

      const self_calibration = { phase_intervals_s: [300, 150], amplitude: false };
      const made = await image({ self_calibration });
      assert.equal(made.exitCode, 0, made.stderr);
      assert.ok(existsSync(join(dataRoot, TABLE)));

      const { stdout } = await contimg("explain", `${FOLDER}/${GROUP}.img-image-pb.fits`);
      assert.match(stdout, /self-calibration: round 2 is kept: of 2 rounds tried it is the best/);
      assert.match(stdout, / {2}round 1, phases of 309 s: refused: chi-square /);
      assert.match(
        stdout,
        / {2}round 2, phases of 15\d s: kept: peak over noise .* chi-square falls/,
      );
      const json = await contimg("explain", GROUP, "--json");
      const { self_calibration: record } = JSON.parse(json.stdout) as {
        self_calibration: { kept_round: number; limits: { phase_intervals_s: number[] } };
      };
      assert.deepEqual([record.kept_round, record.limits.phase_intervals_s], [2, [300, 150]]);
    });

    test("imaged again without, the gains are the group's no more", async () => {
      const made = await image({});
      assert.equal(made.exitCode, 0, made.stderr);

      assert.ok(!existsSync(join(dataRoot, TABLE)));
      const { stdout } = await contimg("explain", GROUP);
      assert.match(stdout, /img-image-pb\.fits/);
      assert.doesNotMatch(stdout, /self-calibration/);
      const audit = await contimg("audit", "--json");
      assert.equal(audit.exitCode, 0, audit.stdout);
    });
  },
);

function tile(): string {
  return join(dataRoot, "scratch", "tile.ms");
}

function image(more: object): ReturnType<typeof contimg> {
  const params = {
    ...{ group_id: GROUP, calibrated_measurement_set_path: tile() },
    ...{ pixel_count: 256, cell_arcsec: 12, ...more },
  };
  return contimg("run", "imaging", "--params", JSON.stringify(params));
}

function contimg(
  ...argv: readonly string[]
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { ...process.env, CONTIMG_DATA_ROOT: dataRoot, ABSURD_DATABASE_URL: database.url };
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, "contimg.ts");
    execFile(process.execPath, [program, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
