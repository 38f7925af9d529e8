/**
 * The same tile through other hands: CASA's `bandpass` of the data and the model that we solved.
 * Runs where Python package casatasks is; CASA_PYTHON names the interpreter that has it.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { antennaResponses, medianOf } from "@contimg/astro";
import { type BandpassTable, isCasacoreAvailable, readBandpassTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { afterAll, beforeAll, describe, test } from "vitest";

import { convertGroup } from "../convert/convert-group.ts";
import { demoScenario } from "../simulate/scenario.ts";
import { simulateGroup } from "../simulate/simulate-group.ts";
import { calibrationSolveStage } from "../stages/calibration-solve.ts";
import { antennaUvwAt } from "./solve-gains.ts";
import { skyOf } from "./solve-sky.ts";
import { openVisibilitySet, type VisibilitySet } from "./visibility-set.ts";

const PYTHON = process.env["CASA_PYTHON"] ?? "python3";
const REFEREE = fileURLToPath(new URL("./casa-bandpass.referee.py", import.meta.url));
/** CASA takes seconds to start and, of a small tile, half a minute to solve. */
const CASA_MILLISECONDS = 300_000;
/** Of the reference antenna's gain. */
const GAIN_LEAST = 1e-3;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-casa-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable() || !isHdf5Available() || !hasCasa())(
  "a bandpass (needs casatasks from PyPI)",
  () => {
    test(
      "is CASA's within 1 % in every antenna, channel and polarization",
      async () => {
        const solved = await solveBoth();

        const { differences, onlyOne } = compare(solved);
        const sorted = differences.toSorted((a, b) => a - b);
        const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
        console.info(
          `bandpass against CASA: ${sorted.length} gains differ by ` +
            `${percent(medianOf(differences)!)} in the median, ${percent(at(0.99))} at the 99th ` +
            `percentile, ${percent(at(1))} at most`,
        );
        assert.ok(sorted.length > 5_000, `only ${sorted.length} gains are in both tables`);
        assert.ok(at(1) < 0.01, `the largest difference is ${percent(at(1))}`);
        assert.deepEqual(onlyOne, [], "antennas with gains in one table only");
      },
      CASA_MILLISECONDS,
    );
  },
);

function hasCasa(): boolean {
  return spawnSync(PYTHON, [REFEREE], { cwd: tmpdir() }).status === 0;
}

async function solveBoth(): Promise<{
  ours: BandpassTable;
  casa: BandpassTable;
  /** Ours does without them; to CASA they are antennas of hardly any gain. */
  rejectedAntennas: readonly string[];
}> {
  const { calibratorTile } = demoScenario("small", 3);
  const group = await simulateGroup({
    ...{ folder: join(folder, "incoming"), ...calibratorTile },
    // Our solver leaves out what stands out in amplitude, CASA's only what is flagged.
    withInterference: false,
  });
  const measurementSetPath = join(folder, `${group.groupId}.ms`);
  await convertGroup({ inputPaths: group.files, outputPath: measurementSetPath });
  const params = calibrationSolveStage.params.parse({
    group_id: group.groupId,
    measurement_set_path: measurementSetPath,
    catalog_path: group.catalogPath,
  });
  const nothing = (): Promise<never> => Promise.reject(new Error("everything is given"));
  const lookup = { dataRoot: folder, find: nothing, findCalibration: nothing };
  const inputs = await calibrationSolveStage.resolve(params, lookup);
  const { result } = await calibrationSolveStage.run(inputs, {
    stageFolder: folder,
    signal: new AbortController().signal,
    threadCount: 2,
    progress: () => undefined,
  });
  {
    using set = openVisibilitySet(measurementSetPath);
    writeFileSync(join(folder, "model"), modelOf(set, skyOf(set, inputs).modelOf));
  }
  const words = [measurementSetPath, join(folder, "model"), join(folder, "casa.bcal")];
  const { reference_antenna, rejected_antennas: rejectedAntennas } = result;
  const end = spawnSync(PYTHON, [REFEREE, ...words, reference_antenna], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(end.status, 0, end.stderr);
  const ours = readBandpassTable(join(folder, `${group.groupId}.bcal`));
  return { ours, casa: readBandpassTable(join(folder, "casa.bcal")), rejectedAntennas };
}

/** [row, channel] complex. */
function modelOf(set: VisibilitySet, sky: ReturnType<typeof skyOf>["modelOf"]): Float32Array {
  const channelCount = set.frequencyHz.length;
  const range = { first: 0, end: channelCount };
  const model = new Float32Array(2 * set.antenna1.length * channelCount);
  for (const integration of set.integrations) {
    const sources = sky(integration, antennaUvwAt(set, integration));
    const antennaCount = set.antennas.names.length;
    const responses = antennaResponses(sources, antennaCount, set.frequencyHz, range);
    const { firstRow, rowCount } = integration;
    for (let at = firstRow * channelCount; at < (firstRow + rowCount) * channelCount; at += 1) {
      const [row, channel] = [Math.floor(at / channelCount), at % channelCount];
      for (let source = 0; source < sources.sourceCount; source += 1) {
        const cell = (antenna: number): number =>
          2 * ((antenna * channelCount + channel) * sources.sourceCount + source);
        const [p, q] = [cell(set.antenna1[row]!), cell(set.antenna2[row]!)];
        const [pRe, pIm, qRe, qIm] = [p, p + 1, q, q + 1].map((k) => responses[k]!) as Four;
        model[2 * at] = model[2 * at]! + pRe * qRe + pIm * qIm;
        model[2 * at + 1] = model[2 * at + 1]! + pIm * qRe - pRe * qIm;
      }
    }
  }
  return model;
}

type Four = [number, number, number, number];

/** |g − g′| / |g′| of each gain that both tables have, both turned to our reference antenna. */
function compare({ ours, casa, rejectedAntennas }: Awaited<ReturnType<typeof solveBoth>>) {
  assert.deepEqual(casa.antennaNames, ours.antennaNames);
  const cells = ours.channelCount * ours.polarizationCount;
  const differences: number[] = [];
  const onlyOne = new Set<string>();
  for (let at = 0; at < ours.flags.length; at += 1) {
    const name = ours.antennaNames[Math.floor(at / cells)]!;
    if (rejectedAntennas.includes(name)) continue;
    const reference = ours.referenceAntenna * cells + (at % cells);
    const [a, b] = [turned(ours, at, reference), turned(casa, at, reference)];
    if (a === undefined && b === undefined) continue;
    if (a === undefined || b === undefined) onlyOne.add(name);
    else differences.push(Math.hypot(a[0] - b[0], a[1] - b[1]) / Math.hypot(...b));
  }
  return { differences, onlyOne: [...onlyOne] };
}

/**
 * The gain with the phase counted from the reference antenna's; undefined where there is none. Of
 * an antenna of zeros CASA's gain is no more than zero, without a flag.
 */
function turned(
  { gains, flags }: BandpassTable,
  at: number,
  reference: number,
): [number, number] | undefined {
  const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
  const [cos, sin] = [gains[2 * reference]!, gains[2 * reference + 1]!];
  const size = Math.hypot(cos, sin);
  if (flags[at] !== 0 || Math.hypot(re, im) < GAIN_LEAST * size) return undefined;
  return [(re * cos + im * sin) / size, (im * cos - re * sin) / size];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)} %`;
}
