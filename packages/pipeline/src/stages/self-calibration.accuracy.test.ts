/**
 * Self-calibration of a small tile of known sources in which the calibration left what the test
 * planted: nothing, phases that drift, or more than may be.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ARCSEC_RAD } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { readFitsHeader, readFitsImage } from "@contimg/formats";
import {
  createRandom,
  type DriftingSkyOptions,
  type DriftingSource,
  type ResidualGain,
  writeDriftingSkySet,
} from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { z } from "zod";

import { imagingParamsSchema } from "../imaging/imaging-params.ts";
import { findPeak } from "../imaging/quality.ts";
import { selfCalibrationRecordSchema } from "../self-calibration/record.ts";
import type { StageResult } from "../stage.ts";
import { imagingStage } from "./imaging.ts";

const toolsExist = isCasacoreAvailable() && existsSync("/usr/bin/wsclean");
const GROUP = "2026-01-25T08:08:54";
const DEGREE_RAD = 3600 * ARCSEC_RAD;
const SOURCES: readonly DriftingSource[] = [
  { eastRad: 0.3 * DEGREE_RAD, northRad: 0.2 * DEGREE_RAD, fluxJy: 2 },
  { eastRad: -0.55 * DEGREE_RAD, northRad: 0.5 * DEGREE_RAD, fluxJy: 0.5 },
  { eastRad: 0.1 * DEGREE_RAD, northRad: -0.7 * DEGREE_RAD, fluxJy: 0.8 },
];

let root: string;
/** Of the tile in which the calibration left nothing, without rounds. */
let truth: Awaited<ReturnType<typeof image>>;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "contimg-selfcal-"));
  if (toolsExist) truth = await image("truth", { params: {} });
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

const IMAGE = { pixel_count: 512, cell_arcsec: 12 };
/** A source that the image shows, and a far brighter one outside it that no model has. */
const CONFUSED: readonly DriftingSource[] = [
  { eastRad: 0.1 * DEGREE_RAD, northRad: 0.05 * DEGREE_RAD, fluxJy: 0.3 },
  { eastRad: 0.9 * DEGREE_RAD, northRad: 0.9 * DEGREE_RAD, fluxJy: 5 },
];
const CONFUSED_IMAGE = { pixel_count: 256, cell_arcsec: 8 };

describe.skipIf(!toolsExist)("a tile that calibrates itself (needs casacore and wsclean)", () => {
  test("with drifting phases and wrong amplitudes ends as if there were none", async () => {
    const residualOf = residuals({ phaseRmsDeg: 12, amplitudeRms: 0.08 });

    const made = await image("made", { residualOf, params: { self_calibration: true } });

    const { kept_round, first, kept_snr, rounds } = made.record!;
    assert.ok(first.snr < 0.5 * truth.snr, `${first.snr} of ${truth.snr} without rounds`);
    assert.ok(made.snr > 0.9 * truth.snr, `${made.snr} of ${truth.snr} with them`);
    const fluxRatio = made.peakJy / truth.peakJy;
    assert.ok(Math.abs(fluxRatio - 1) < 0.02, `flux ratio ${fluxRatio}`);
    assert.equal(kept_round, 4, JSON.stringify(rounds));
    // Linear drifts have no mean that one interval could take off: that round is never imaged.
    assert.deepEqual([rounds[0]!.verdict, rounds[0]!.snr], ["refused", null]);
    assert.match(rounds[0]!.reason, /^chi-square falls by .* expected to fall by at least 5\.0 %$/);
    assert.equal(kept_snr, made.snr);
    await assertProducts(made.result, "made");
  });

  test("leaves alone what is well calibrated, at the cost of no image more", async () => {
    const made = await image("good", { params: { self_calibration: true } });

    const { kept_round, rounds } = made.record!;
    assert.equal(kept_round, 0);
    assert.ok(rounds.length === 4 && rounds.every(({ snr }) => snr === null));
    assert.ok(Math.abs(made.snr / truth.snr - 1) < 1e-4);
    assert.deepEqual(await readdir(join(root, "good")), await readdir(join(root, "truth")));
  });

  test("whose model lacks the brightest source is refused: its phases scatter", async () => {
    const made = await image("confused", {
      sources: CONFUSED,
      params: { ...CONFUSED_IMAGE, self_calibration: true },
    });

    const { kept_round, rounds } = made.record!;
    assert.deepEqual([kept_round, rounds.length, rounds[0]!.verdict], [0, 1, "diverged"]);
    assert.match(rounds[0]!.reason, /^phases scatter by .* degrees, expected at most 30$/);
  });

  test("and diverges goes back to the best image", async () => {
    const self_calibration = {
      ...{ phase_intervals_s: [50], phase_snr_min: 0, phase_scatter_max_deg: 180 },
      improvement_min: 0.01,
    };
    const made = await image("diverging", {
      sources: CONFUSED,
      params: { ...CONFUSED_IMAGE, self_calibration },
    });

    const { kept_round, first, rounds } = made.record!;
    assert.deepEqual([kept_round, rounds.length, rounds[0]!.verdict], [0, 1, "diverged"]);
    assert.match(rounds[0]!.reason, /^peak over noise 1\d\.\d to 1\d\.\d, expected to grow/);
    assert.ok(rounds[0]!.snr! < first.snr && made.snr === first.snr);
  });
});

/** The gains as a table, the rounds in the headers, and a published set that was only read. */
async function assertProducts({ outputs }: StageResult, name: string): Promise<void> {
  const table = outputs.find(({ kind }) => kind === "self-calibration-table")!;
  assert.equal(table.finalPath, `images/2026-01-25/${GROUP}.img-selfcal.gcal`);
  const written = await readdir(join(root, name));
  assert.deepEqual(written.toSorted(), outputs.map(({ stagePath }) => stagePath).toSorted());
  using gains = openTable(join(root, name, table.stagePath));
  assert.deepEqual([gains.info().subType, gains.rowCount % 30], ["G Jones", 0]);
  using set = openTable(join(root, `${name}.ms`));
  assert.ok(!set.hasColumn("MODEL_DATA"));
  const header = await readFitsHeader(join(root, name, "image-pb.fits"));
  const history = header.cards
    .filter(({ keyword }) => keyword === "HISTORY")
    .map(({ comment = "" }) => comment.padEnd(72))
    .join("");
  assert.match(history.replaceAll(/\s+/g, ""), /self-calibration:round4iskept:of4roundstried/);
}

/** Phases linear in time and of zero mean, amplitudes constant and 1 in the geometric mean. */
function residuals(size: { readonly phaseRmsDeg: number; readonly amplitudeRms: number }) {
  const random = createRandom(11);
  const slopes = Array.from({ length: 30 }, () => 2 * random() - 1);
  return (antenna: number, integration: number): ResidualGain => ({
    // Even and odd antennas are each other's inverse.
    amplitude: Math.exp(size.amplitudeRms * (antenna % 2 === 0 ? 1 : -1)),
    // Slope and time are both even from −1 to 1: the rms is a third of the largest.
    phaseRad: (Math.PI / 180) * 3 * size.phaseRmsDeg * slopes[antenna]! * ((integration - 2.5) / 3),
  });
}

interface Wanted {
  readonly sources?: readonly DriftingSource[];
  readonly residualOf?: DriftingSkyOptions["residualOf"];
  readonly params: Partial<z.input<typeof imagingParamsSchema>>;
}

async function image(name: string, { sources = SOURCES, residualOf, params }: Wanted) {
  const stageFolder = join(root, name);
  await mkdir(stageFolder);
  const path = join(root, `${name}.ms`);
  writeDriftingSkySet(path, sources, {
    ...{ noiseJy: 0.3, seed: 7 },
    ...(residualOf === undefined ? {} : { residualOf }),
  });
  const none = () => Promise.reject(new Error("every path is given"));
  const all = { group_id: GROUP, calibrated_measurement_set_path: path, ...IMAGE, ...params };
  const inputs = await imagingStage.resolve(imagingParamsSchema.parse(all), {
    ...{ dataRoot: root, find: none, findCalibration: none },
  });
  const result = await imagingStage.run(inputs, {
    ...{ stageFolder, signal: new AbortController().signal, threadCount: 2 },
    progress: () => undefined,
  });
  const { peakJy, rmsJy } = findPeak(await readFitsImage(join(stageFolder, "image.fits")));
  const said = result.outputs[0]!.metadata["self_calibration"];
  const record = said === undefined ? undefined : selfCalibrationRecordSchema.parse(said);
  return { result, peakJy, snr: peakJy / rmsJy, record };
}
