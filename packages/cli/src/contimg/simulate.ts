/** `contimg simulate`: one observation as the telescope writes it, with its truth beside it. */
import { DEGREE_RAD } from "@contimg/astro";
import {
  knownCalibrator,
  simulateGroup,
  TILE_SECONDS,
  transitOf,
  type SimulatedGroup,
  type SimulateOptions,
} from "@contimg/pipeline";
import { Command, InvalidArgumentError, Option } from "commander";

import { UsageError } from "../failure.ts";
import { numberIn, wholeNumberIn } from "../number-argument.ts";

/** The day of the header from which the active antennas are known. */
const DAY_DEFAULT_UNIX_MS = Date.UTC(2026, 0, 25);
const SUBBAND_COUNT = 16;
const BAR_WIDTH = 32;

interface SimulateFlags {
  readonly out: string;
  readonly size: "small" | "full";
  readonly start?: number;
  readonly dec?: number;
  readonly seed: number;
  readonly calibrator: string;
  readonly variable: number;
  readonly threads: number;
  readonly json?: boolean;
}

const HELP = `
Without --start and --dec the telescope points at the calibrator, and the tile is centered on its
transit on 2026-01-25.

Examples:
  contimg simulate --out incoming
  contimg simulate --out incoming --size full --seed 7
  contimg simulate --out incoming --start 2026-01-25T08:55:17Z --dec 55.4813 --calibrator none`;

export function simulateCommand(): Command {
  return new Command("simulate")
    .description("write 16 subband files as the telescope does, and the truth beside them")
    .requiredOption("--out <folder>", "where the files go; made when absent")
    .addOption(
      new Option("--size <size>", "small: 63 antennas, 64 channels, 117 MB; full: 2.3 GB")
        .choices(["small", "full"])
        .default("small"),
    )
    .option("--start <time>", "first integration's start, ISO 8601, UTC", parseTime)
    .option("--dec <degrees>", "apparent declination of the pointing", parseDeclination)
    .option("--seed <integer>", "of sky, instrument and noise", wholeNumberIn(0, 2 ** 31), 1)
    .option("--calibrator <name>", "added to the sky: VLA J2000 name or alias, or none", "0834+555")
    .option("--variable <fraction>", "share of the field sources that vary", numberIn(0, 1), 0)
    .option("--threads <count>", "worker threads", wholeNumberIn(1, SUBBAND_COUNT), 2)
    .option("--json", "print one JSON object, for programs")
    .addHelpText("after", HELP)
    .action(simulate);
}

async function simulate(flags: SimulateFlags): Promise<void> {
  const startedAt = performance.now();
  const options = toOptions(flags);
  const group = await simulateGroup({ ...options, onFile: progressBar(startedAt) });
  const seconds = (performance.now() - startedAt) / 1000;
  const report = flags.json === true ? JSON.stringify(toJson(group, seconds)) : describe(group);
  process.stdout.write(`${report}\n`);
}

function toOptions(flags: SimulateFlags): SimulateOptions {
  const { out: folder, size, seed, variable: variableFraction, threads: threadCount } = flags;
  const settings = { folder, size, seed, variableFraction, threadCount };
  if (flags.calibrator === "none") {
    if (flags.start === undefined || flags.dec === undefined) {
      throw new UsageError("without a calibrator, --start and --dec are needed");
    }
    return { ...settings, startUnixMs: flags.start, pointingDecRad: flags.dec };
  }
  const calibrator = knownCalibrator(flags.calibrator);
  const transit = transitOf(calibrator, flags.start ?? DAY_DEFAULT_UNIX_MS);
  const centeredMs = 1000 * Math.round(transit.unixMs / 1000 - TILE_SECONDS / 2);
  return {
    ...settings,
    calibrator,
    startUnixMs: flags.start ?? centeredMs,
    pointingDecRad: flags.dec ?? transit.pointingDecRad,
  };
}

function toJson(group: SimulatedGroup, seconds: number): object {
  return {
    group_id: group.groupId,
    files: group.files,
    truth_path: group.truthPath,
    gains_path: group.gainsPath,
    catalog_path: group.catalogPath,
    seconds: Number(seconds.toFixed(3)),
  };
}

function describe(group: SimulatedGroup): string {
  return [
    `${group.groupId}: ${group.files.length} subband files`,
    `truth    ${group.truthPath}`,
    `gains    ${group.gainsPath}`,
    `catalog  ${group.catalogPath}`,
  ].join("\n");
}

/** Only a person at a terminal sees it; the estimate assumes files of equal cost. */
function progressBar(startedAt: number): (path: string, doneCount: number) => void {
  return (_path, doneCount) => {
    if (!process.stderr.isTTY) return;
    const filled = Math.round((BAR_WIDTH * doneCount) / SUBBAND_COUNT);
    const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
    const elapsed = (performance.now() - startedAt) / 1000;
    const leftSeconds = (elapsed / doneCount) * (SUBBAND_COUNT - doneCount);
    const end = doneCount === SUBBAND_COUNT ? "\n" : "";
    const left = `${leftSeconds.toFixed(1).padStart(5)} s left`;
    process.stderr.write(`\r[${bar}] ${doneCount}/${SUBBAND_COUNT} files, ${left}${end}`);
  };
}

function parseTime(text: string): number {
  const withZone = /(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`;
  const unixMs = Date.parse(withZone);
  if (Number.isNaN(unixMs))
    throw new InvalidArgumentError("expected a time as 2026-01-25T22:26:05");
  return unixMs;
}

/** The telescope steers from the southern horizon past the zenith. @returns radians */
function parseDeclination(text: string): number {
  return numberIn(-37, 90)(text) * DEGREE_RAD;
}
