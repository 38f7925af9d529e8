/**
 * A full-size tile on this machine, stage by stage: seconds, CPU, peak memory, against limits.
 *
 *   node bench/tile.ts [--json]
 *
 * Simulates a calibrator tile and a science tile once (.cache/bench), reads the files once so that
 * they are in the page cache, and runs each stage as `contimg run` does, with two threads. A stage's
 * seconds are those of its process; flushing and renaming its products is publishSeconds. No
 * conversion is faster than one read of its files, no imaging than WSClean itself: floorSeconds, as
 * measured in this run. The total is the science tile from the first stage's start to the last
 * product in place, flushing included; the solve belongs to the calibrator tile and is not in it.
 */
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";

import {
  calibrationTablePath,
  demoScenario,
  groupIdOf,
  referenceCatalogPath,
  runByHand,
  type ScenarioTile,
  simulateGroup,
  stageOf,
  STAGES,
} from "@contimg/pipeline";
import { z } from "zod";

const CACHE = resolve(import.meta.dirname, "../.cache/bench");
const THREAD_COUNT = 2;
const SEED = 2;
const TOTAL_LIMIT_SECONDS = 100;
const SUBBAND_COUNT = 16;

const usageSchema = z.object({
  seconds: z.number(),
  cpu_seconds: z.number(),
  peak_rss_mib: z.number(),
  wsclean_seconds: z.number().nullish(),
});

interface Line {
  readonly stage: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
  readonly floorSeconds: number | null;
  readonly limitSeconds: number | null;
  readonly publishSeconds: number | null;
}

interface Step {
  readonly stage: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly limitSeconds: number | null;
}

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const scenario = demoScenario("full", SEED);
const calibrator = await simulateOnce(scenario.calibratorTile);
const science = await simulateOnce(scenario.scienceTiles[0]!);
const dataRoot = join(CACHE, "data");
rmSync(dataRoot, { recursive: true, force: true });
mkdirSync(dirname(referenceCatalogPath(dataRoot)), { recursive: true });
copyFileSync(join(science.folder, "catalog.csv"), referenceCatalogPath(dataRoot));

await runStage({ ...convert(calibrator, "calibrators"), limitSeconds: null });
const solve = await runStage({
  stage: "calibration-solve",
  params: { group_id: calibrator.groupId },
  limitSeconds: 15,
});
await readAll(science.files);
const readSeconds = await readAll(science.files);
const startMs = performance.now();
const lines: Line[] = [];
for (const step of scienceSteps()) lines.push(await runStage(step));
lines[0] = { ...lines[0]!, floorSeconds: readSeconds };
const totalSeconds = (performance.now() - startMs) / 1000;
lines.splice(1, 0, solve);
report([
  ...lines,
  {
    stage: "total",
    seconds: totalSeconds,
    cpuSeconds: sum(lines.filter((line) => line !== solve).map((line) => line.cpuSeconds)),
    peakRssMiB: Math.max(...lines.map((line) => line.peakRssMiB)),
    floorSeconds: null,
    limitSeconds: TOTAL_LIMIT_SECONDS,
    publishSeconds: sum(
      lines.filter((line) => line !== solve).map((line) => line.publishSeconds ?? 0),
    ),
  },
]);
rmSync(dataRoot, { recursive: true, force: true });

interface SimulatedTile {
  readonly groupId: string;
  readonly folder: string;
  readonly files: readonly string[];
}

async function simulateOnce(tile: ScenarioTile): Promise<SimulatedTile> {
  const groupId = groupIdOf(tile);
  const folder = join(CACHE, `full-seed-${SEED}`, groupId);
  if (!existsSync(folder)) {
    console.error(`bench: simulating ${groupId} (2.3 GB, kept in .cache/bench)`);
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    await simulateGroup({ ...tile, folder: partial, threadCount: THREAD_COUNT });
    renameSync(partial, folder);
  }
  const files = readdirSync(folder)
    .filter((name) => /_sb\d\d\.hdf5$/.test(name))
    .sort((a, b) => a.slice(-7).localeCompare(b.slice(-7)))
    .map((name) => join(folder, name));
  if (files.length !== SUBBAND_COUNT) throw new Error(`${folder} has ${files.length} subbands`);
  return { groupId, folder, files };
}

function convert(tile: SimulatedTile, role: string): Step {
  const params = { group_id: tile.groupId, input_paths: tile.files, role };
  return { stage: "convert-uvh5-to-ms", params, limitSeconds: 6 };
}

function scienceSteps(): Step[] {
  const { groupId } = science;
  const table = join(dataRoot, calibrationTablePath(calibrator.groupId));
  return [
    convert(science, "science"),
    {
      stage: "calibration-apply",
      params: { group_id: groupId, calibration_table_path: table },
      limitSeconds: null,
    },
    ...["imaging", "validation", "photometry"].map((stage) => ({
      stage,
      params: { group_id: groupId },
      limitSeconds: null,
    })),
  ];
}

async function runStage({ stage, params, limitSeconds }: Step): Promise<Line> {
  console.error(`bench: ${stage} of ${String(params["group_id"])}`);
  const startMs = performance.now();
  const { result } = await runByHand(stageOf(STAGES, stage), params, {
    dataRoot,
    threadCount: THREAD_COUNT,
  });
  const usage = usageSchema.parse(result);
  return {
    stage,
    seconds: usage.seconds,
    cpuSeconds: usage.cpu_seconds,
    peakRssMiB: usage.peak_rss_mib,
    floorSeconds: usage.wsclean_seconds ?? null,
    limitSeconds,
    publishSeconds: (performance.now() - startMs) / 1000 - usage.seconds,
  };
}

/**
 * Brings files into the page cache, where they are when the telescope has just delivered them.
 *
 * @returns the seconds that it took
 */
async function readAll(paths: readonly string[]): Promise<number> {
  const startMs = performance.now();
  for (const path of paths) {
    await finished(createReadStream(path, { highWaterMark: 1 << 22 }).resume());
  }
  return (performance.now() - startMs) / 1000;
}

function report(all: readonly Line[]): void {
  const rounded = all.map((line) => ({
    stage: line.stage,
    seconds: round(line.seconds),
    cpuSeconds: round(line.cpuSeconds),
    peakRssMiB: Math.round(line.peakRssMiB),
    floorSeconds: line.floorSeconds === null ? null : round(line.floorSeconds),
    limitSeconds: line.limitSeconds,
    publishSeconds: line.publishSeconds === null ? null : round(line.publishSeconds),
  }));
  if (flags.json) for (const line of rounded) console.log(JSON.stringify(line));
  else console.table(rounded);
}

function round(seconds: number): number {
  return Math.round(100 * seconds) / 100;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
