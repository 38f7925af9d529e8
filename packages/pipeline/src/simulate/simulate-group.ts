/**
 * Simulates one observation: 16 subband files as the telescope writes them, and the truth beside
 * them.
 *
 * The same options give the same bytes. Left out, on purpose: smearing within a channel or an
 * integration, polarized sources, refraction, the ionosphere, polar motion and UT1 − UTC.
 */
import { mkdirSync, rmSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { DEGREE_RAD, mjdFromUnixMs, SECONDS_PER_DAY } from "@contimg/astro";
import type { Calibrator } from "@contimg/formats";
import { isHdf5Available, VLA_L_BAND_HZ } from "@contimg/formats";
import { PipelineError } from "../errors.ts";
import { blameDisk } from "../preflight.ts";
import { band, DSA_SITE, INTEGRATION_SECONDS, SUBBAND_COUNT } from "./array.ts";
import { telescopeArray, TIME_COUNT, type TileSize } from "./array.ts";
import { fileStamps, stampOf, type HostClocks } from "./file-names.ts";
import { drawInstrument } from "./instrument.ts";
import { drawTransmitters } from "./interference.ts";
import { observe } from "./observe.ts";
import { stripSources, type SkySource } from "./strip-sky.ts";
import { radiometerNoiseJy, type GroupPlan } from "./subband.ts";
import { writeTruth, type TruthFiles } from "./truth.ts";

export interface SimulateOptions {
  /** Made when absent; receives subband files, truth and `catalog.csv`. */
  readonly folder: string;
  readonly size: TileSize;
  /** Start of the first integration, milliseconds since 1970, UTC. */
  readonly startUnixMs: number;
  /** Apparent declination of date to which the dishes point. */
  readonly pointingDecRad: number;
  readonly seed: number;
  /** Added to the seeded sky at its catalog position; absent: none. */
  readonly calibrator?: Calibrator;
  /** More of them, as a strip of sky has; the file of truth names the one above. */
  readonly otherCalibrators?: readonly Calibrator[];
  /** Besides the seeded sky, such as `plantFaint` makes them. */
  readonly otherSources?: readonly SkySource[];
  /** Share of the field sources that vary; 0 when absent. */
  readonly variableFraction?: number;
  /** Absent: typical. */
  readonly hostClocks?: HostClocks;
  /** Absent: all true. Switched off in tests that isolate one effect. */
  readonly withNoise?: boolean;
  readonly withGains?: boolean;
  readonly withInterference?: boolean;
  readonly withFaults?: boolean;
  readonly threadCount?: number;
  readonly onFile?: (path: string, doneCount: number) => void;
}

export interface SimulatedGroup extends TruthFiles {
  readonly groupId: string;
  /** By subband. */
  readonly files: readonly string[];
}

/** Of the sixteen files, about. */
const GROUP_BYTES = { small: 118_000_000, full: 2_326_000_000 };
const FAULT_COUNT = { small: 2, full: 3 };
/** Beyond the second null nothing but the calibrator is bright enough to matter. */
const SKY_RADIUS_RAD = 3.6 * DEGREE_RAD;
const CALIBRATOR_CLEARANCE_RAD = DEGREE_RAD / 60;
/** Precession has moved declinations by at most this since J2000. */
const PRECESSION_MARGIN_RAD = 0.3 * DEGREE_RAD;

/**
 * Writes a group's subband files and the truth beside them; when it fails, no subband file stays:
 * some hosts' files without the others' would be taken for a group that is still arriving.
 * @throws {PipelineError} MissingTool without the HDF5 addon, DiskFull
 */
export async function simulateGroup(options: SimulateOptions): Promise<SimulatedGroup> {
  if (!isHdf5Available()) {
    throw new PipelineError(
      "MissingTool",
      "the HDF5 addon is not built: install Debian packages libhdf5-dev and liblzf-dev and run " +
        "the set-up again",
      { packages: ["libhdf5-dev", "liblzf-dev"] },
    );
  }
  mkdirSync(options.folder, { recursive: true });
  const sky = skyOf(options);
  const plan = planGroup(options, sky);
  const files: string[] = [];
  try {
    await writeSubbands(plan, options, files);
    const truthFiles = writeTruth(plan, sky, options.calibrator);
    files.sort((a, b) => a.slice(-7).localeCompare(b.slice(-7)));
    return { groupId: plan.groupId, files, ...truthFiles };
  } catch (error) {
    const blamed = await blameDisk(error, options.folder, GROUP_BYTES[options.size]);
    for (const path of files) rmSync(path, { force: true });
    throw blamed;
  }
}

/** All sources near the strip, the calibrators first. */
export function skyOf(options: SimulateOptions): SkySource[] {
  const margin = SKY_RADIUS_RAD + PRECESSION_MARGIN_RAD;
  const field = stripSources(
    options.seed,
    options.pointingDecRad - margin,
    options.pointingDecRad + margin,
    options.variableFraction ?? 0,
  );
  const { calibrator, otherCalibrators = [], otherSources = [] } = options;
  const calibrators = [...(calibrator === undefined ? [] : [calibrator]), ...otherCalibrators];
  const clear = field.filter((source) => calibrators.every((one) => !isBeside(source, one)));
  return [...calibrators.map(toSource), ...clear, ...otherSources];
}

function isBeside(source: SkySource, calibrator: Calibrator): boolean {
  const dRa = (source.raRad - calibrator.raRad) * Math.cos(calibrator.decRad);
  return Math.hypot(dRa, source.decRad - calibrator.decRad) <= CALIBRATOR_CLEARANCE_RAD;
}

export function planGroup(options: SimulateOptions, sky: readonly SkySource[]): GroupPlan {
  const array = telescopeArray(options.size);
  const groupBand = band(options.size);
  const groupId = stampOf(options.startUnixMs);
  const noiseJy = radiometerNoiseJy(groupBand.channelWidthHz);
  const transmitters =
    options.withInterference === false ? [] : drawTransmitters(options.seed, groupId, DSA_SITE);
  const { pointingDecRad } = options;
  const timesMjd = integrationCenters(options.startUnixMs);
  return {
    groupId,
    folder: options.folder,
    stamps: fileStamps(options.startUnixMs, options.hostClocks ?? "typical", options.seed),
    seed: options.seed,
    array,
    band: groupBand,
    instrument: drawInstrument({
      seed: options.seed,
      slotCount: array.antennaNames.length,
      faultCandidates: array.coreIndices,
      faultCount: options.withFaults === false ? 0 : FAULT_COUNT[options.size],
      noiseJy,
      corrupted: options.withGains !== false,
    }),
    transmitters,
    observation: observe({ sky, transmitters, timesMjd, pointingDecRad, site: DSA_SITE }),
    pointingDecRad,
    noiseJy: options.withNoise === false ? 0 : noiseJy,
  };
}

export function integrationCenters(startUnixMs: number): Float64Array {
  const startMjd = mjdFromUnixMs(startUnixMs);
  return Float64Array.from(
    { length: TIME_COUNT },
    (_, time) => startMjd + ((time + 0.5) * INTEGRATION_SECONDS) / SECONDS_PER_DAY,
  );
}

function toSource(calibrator: Calibrator): SkySource {
  const { name, raRad, decRad, fluxJy, spectralIndex } = calibrator;
  return { name, raRad, decRad, fluxJy, spectralIndex, referenceFrequencyHz: VLA_L_BAND_HZ };
}

/** @param files receives the path of each file as it is whole */
async function writeSubbands(
  plan: GroupPlan,
  options: SimulateOptions,
  files: string[],
): Promise<void> {
  const threadCount = Math.min(options.threadCount ?? 2, SUBBAND_COUNT);
  const onFile = (path: string): void => {
    files.push(path);
    options.onFile?.(path, files.length);
  };
  const all = Array.from({ length: SUBBAND_COUNT }, (_, subband) => subband);
  const runs = Array.from({ length: threadCount }, (_, thread) =>
    runWorker(
      plan,
      all.filter((subband) => subband % threadCount === thread),
      onFile,
    ),
  );
  const results = await Promise.allSettled(runs);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function runWorker(
  plan: GroupPlan,
  subbands: readonly number[],
  onFile: (path: string) => void,
): Promise<void> {
  const worker = new Worker(new URL("./subband-worker.ts", import.meta.url), {
    workerData: { plan, subbands },
  });
  return new Promise((resolve, reject) => {
    worker.on("message", onFile);
    worker.on("error", reject);
    worker.on("exit", () => {
      resolve();
    });
  });
}
