/** Simulates seeded tiles, runs the chain on each as `contimg run` does, compares with the truth. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { robustMoments } from "@contimg/astro";
import { readFitsImage } from "@contimg/formats";
import {
  calibratedMeasurementSetPath,
  calibrationTablePath,
  demoScenario,
  type Json,
  photometryPath,
  plantFaint,
  referenceCatalogPath,
  runByHand,
  type ScenarioTile,
  simulateGroup,
  type SimulatedGroup,
  stageOf,
  STAGES,
  type TileSize,
  validationPath,
} from "@contimg/pipeline";
import { compareWithTrueGains } from "@contimg/testkit";
import { z } from "zod";

import {
  compareTile,
  photometrySchema,
  type TileComparison,
  truthSchema,
  validationSchema,
} from "../../packages/cli/src/contimg/demo/compare.ts";

const CACHE = resolve(import.meta.dirname, "../../.cache/bench");
const THREAD_COUNT = 2;
const PLANTED_COUNT = 40;
/** About what an image of the size has [Jy/beam]. */
const NOISE_JY = { small: 0.46e-3, full: 0.31e-3 };
const PLANTED_SIGMA = { min: 4.5, max: 9 };

export interface TilesToJudge {
  readonly size: TileSize;
  readonly seed: number;
  readonly tileCount: number;
}

export interface JudgedTile {
  readonly seed: number;
  readonly groupId: string;
  readonly comparison: TileComparison;
  /** Noise of the image [Jy/beam]. */
  readonly rmsJy: number;
  /** Over that of (XX − YY)/2 with the same weights, which has no sky in it. */
  readonly noiseRatio: number;
  /** Over the theory of natural weights, which no image of a T-shaped array can reach. */
  readonly naturalNoiseRatio: number;
  /** Complex, relative, rms. */
  readonly gainError: number;
  readonly imagingCpuSeconds: number;
}

export async function* judgeTiles(wanted: TilesToJudge): AsyncGenerator<JudgedTile> {
  mkdirSync(CACHE, { recursive: true });
  for (let done = 0, seed = wanted.seed; done < wanted.tileCount; seed += 1) {
    const dataRoot = mkdtempSync(join(CACHE, "truth-"));
    try {
      const { calibratorTile, scienceTiles } = demoScenario(wanted.size, seed);
      const calibrator = await simulate(dataRoot, calibratorTile);
      await convert(dataRoot, calibrator, "calibrators");
      useCatalog(dataRoot, calibrator);
      await run(dataRoot, "calibration-solve", { group_id: calibrator.groupId });
      const table = join(dataRoot, calibrationTablePath(calibrator.groupId));
      const gainError = compareWithTrueGains(table, calibrator.gainsPath).rmsError;
      for (const plan of scienceTiles.slice(0, wanted.tileCount - done)) {
        const otherSources = plantFaint(plan, planting(wanted.size));
        const group = await simulate(dataRoot, { ...plan, otherSources });
        yield { seed, gainError, ...(await judge(dataRoot, group, table)) };
        done += 1;
      }
    } finally {
      rmSync(dataRoot, { recursive: true, force: true });
    }
  }
}

function planting(size: TileSize) {
  return {
    count: PLANTED_COUNT,
    apparentMinJy: PLANTED_SIGMA.min * NOISE_JY[size],
    apparentMaxJy: PLANTED_SIGMA.max * NOISE_JY[size],
  };
}

function simulate(dataRoot: string, tile: ScenarioTile): Promise<SimulatedGroup> {
  const folder = join(dataRoot, "incoming", String(tile.startUnixMs));
  return simulateGroup({ ...tile, folder, threadCount: THREAD_COUNT });
}

function useCatalog(dataRoot: string, group: SimulatedGroup): void {
  const path = referenceCatalogPath(dataRoot);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(group.catalogPath, path);
}

async function run(dataRoot: string, stage: string, params: object): Promise<Json> {
  const options = { dataRoot, threadCount: THREAD_COUNT };
  return (await runByHand(stageOf(STAGES, stage), params, options)).result;
}

function convert(dataRoot: string, group: SimulatedGroup, role: string): Promise<Json> {
  const params = { group_id: group.groupId, input_paths: group.files, role };
  return run(dataRoot, "convert-uvh5-to-ms", params);
}

const imagedSchema = z.object({
  rms_jy: z.number(),
  noise_ratio: z.number(),
  pixel_count: z.number(),
  cell_arcsec: z.number(),
  robustness: z.number(),
  cpu_seconds: z.number(),
});

async function judge(
  dataRoot: string,
  group: SimulatedGroup,
  table: string,
): Promise<Omit<JudgedTile, "seed" | "gainError">> {
  const { groupId } = group;
  useCatalog(dataRoot, group);
  await convert(dataRoot, group, "science");
  await run(dataRoot, "calibration-apply", {
    ...{ group_id: groupId, calibration_table_path: table },
  });
  const imaged = imagedSchema.parse(await run(dataRoot, "imaging", { group_id: groupId }));
  for (const stage of ["validation", "photometry"])
    await run(dataRoot, stage, { group_id: groupId });
  const thermalJy = await thermalNoise(dataRoot, groupId, imaged);
  return {
    groupId,
    comparison: compareTile(
      truthSchema.parse(readJson(group.truthPath)),
      photometrySchema.parse(readJson(join(dataRoot, photometryPath(groupId, "json")))),
      validationSchema.parse(readJson(join(dataRoot, validationPath(groupId, "json")))),
    ),
    rmsJy: imaged.rms_jy,
    noiseRatio: imaged.rms_jy / thermalJy,
    naturalNoiseRatio: imaged.noise_ratio,
    imagingCpuSeconds: imaged.cpu_seconds,
  };
}

/** Of an image of Stokes Q: the simulated sky is not polarized. */
async function thermalNoise(
  dataRoot: string,
  groupId: string,
  settings: z.infer<typeof imagedSchema>,
): Promise<number> {
  const prefix = join(dataRoot, "thermal");
  const size = String(settings.pixel_count);
  const end = spawnSync(
    "wsclean",
    [
      ...["-name", prefix, "-temp-dir", dataRoot, "-j", String(THREAD_COUNT), "-abs-mem", "4"],
      ...["-size", size, size, "-scale", `${settings.cell_arcsec}asec`, "-pol", "Q"],
      ...["-weight", "briggs", String(settings.robustness), "-use-wgridder", "-niter", "0"],
      ...["-no-dirty", "-no-update-model-required"],
      join(dataRoot, calibratedMeasurementSetPath(groupId, "science")),
    ],
    { env: { ...process.env, OPENBLAS_NUM_THREADS: "1" }, encoding: "utf8" },
  );
  if (end.status !== 0) throw new Error(`wsclean of Stokes Q failed: ${end.stderr}`);
  const { pixels } = await readFitsImage(`${prefix}-image.fits`);
  return robustMoments(pixels.filter((_, at) => at % 67 === 0)).rms;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
