/** Solving without the antennas that spoil the solution, and the choice of the reference. */
import {
  antennaHealth,
  antennaSnr,
  chooseReferenceAntenna,
  fitDelays,
  referTimeGains,
  referToAntenna,
  timeStability,
  type BandpassOptions,
  type KnownDelays,
  type TimeGains,
} from "@contimg/astro";

import { PipelineError } from "../errors.ts";
import { antennaFaults, stabilityFaults, type RejectedAntenna } from "./antenna-report.ts";
import type { SolveRun } from "./solve-gains.ts";

/** Rounds of rejecting antennas; each is one more solve of everything. */
const REJECTION_ROUNDS_MAX = 4;

export interface Rejection {
  readonly activeAntennas: readonly number[];
  readonly rejectedAntennas: readonly RejectedAntenna[];
  readonly delaysTakenOff: readonly number[];
}

/** @throws {PipelineError} TooFewVisibilities when no antenna has a usable visibility */
export async function solveRejecting(run: SolveRun): Promise<Rejection> {
  const { workers, solutions, bandpass, options } = run;
  const antennaIsUsed = new Uint8Array(solutions.antennaCount).fill(1);
  const { delays, delaysTakenOff } = await longDelays(run, antennaIsUsed);
  const solving: BandpassOptions = delays === undefined ? bandpass : { ...bandpass, delays };
  let activeAntennas: number[] | undefined;
  const rejectedAntennas: RejectedAntenna[] = [];
  for (let round = 0; round <= REJECTION_ROUNDS_MAX; round += 1) {
    await workers.ask({ kind: "solve", antennaIsUsed, options: solving });
    activeAntennas ??= [...antennaSnr(solutions).entries()].flatMap(([antenna, snr]) =>
      snr > 0 ? [antenna] : [],
    );
    if (round === REJECTION_ROUNDS_MAX) break;
    const used = activeAntennas.filter((antenna) => antennaIsUsed[antenna] === 1);
    const rejected = antennaHealth(solutions, used).flatMap((health) => {
      const reasons = antennaFaults(health, options.antennaLimits);
      return reasons.length === 0 ? [] : [{ antenna: health.antenna, reasons }];
    });
    if (rejected.length === 0) break;
    for (const { antenna } of rejected) antennaIsUsed[antenna] = 0;
    rejectedAntennas.push(...rejected);
  }
  if (activeAntennas === undefined || activeAntennas.length === 0)
    throw new PipelineError(
      "TooFewVisibilities",
      `${run.set.path} has no antenna with usable cross-correlations`,
      { path: run.set.path },
    );
  return { activeAntennas, rejectedAntennas, delaysTakenOff };
}

/**
 * Where channels are to be summed, delays beyond the limit would cancel what they sum: they are
 * fitted to a solution of single channels first. With one channel a solution nothing cancels.
 */
async function longDelays(
  { set, workers, solutions, bandpass, options }: SolveRun,
  antennaIsUsed: Uint8Array,
): Promise<{ delays?: KnownDelays; delaysTakenOff: number[] }> {
  if (bandpass.channelsPerSolution === 1) return { delaysTakenOff: [] };
  const single = { ...bandpass, channelsPerSolution: 1, snrMin: 0 };
  await workers.ask({ kind: "solve", antennaIsUsed, options: single });
  const reference = chooseReferenceAntenna(solutions, options.referenceAntennas);
  if (reference === undefined) return { delaysTakenOff: [] };
  const fitted = fitDelays(solutions, set.frequencyHz, reference);
  const { polarizationCount } = fitted;
  const seconds = fitted.delaySeconds.map((delay) =>
    Math.abs(delay) > options.delayMaxSeconds ? delay : 0,
  );
  const long = [...seconds.keys()].filter((at) => seconds[at] !== 0);
  return {
    delays: { polarizationCount, seconds, frequencyHz: set.frequencyHz },
    delaysTakenOff: [...new Set(long.map((at) => Math.floor(at / polarizationCount)))],
  };
}

/** Flags the antennas whose phases move too far in time; their mean is no gain of anything. */
export function rejectUnstable(
  { solutions, options }: SolveRun,
  timeGains: TimeGains,
  before: readonly RejectedAntenna[],
): RejectedAntenna[] {
  const known = new Set(before.map(({ antenna }) => antenna));
  const rejected = timeStability(timeGains).flatMap((stability, antenna) => {
    const reasons = stabilityFaults(stability, options.antennaLimits);
    return reasons.length === 0 || known.has(antenna) ? [] : [{ antenna, reasons }];
  });
  const cellCount = solutions.channelCount * solutions.polarizationCount;
  for (const { antenna } of rejected)
    for (let at = antenna * cellCount; at < (antenna + 1) * cellCount; at += 1) {
      solutions.flags[at] = 1;
      solutions.error[at] = 0;
      solutions.gains[2 * at] = 1;
      solutions.gains[2 * at + 1] = 0;
    }
  return rejected;
}

/**
 * Chooses the reference antenna and turns all gains to it.
 * @throws {PipelineError} SolutionTooNoisy when no antenna has a solution
 */
export function settleReference(
  { set, solutions, options }: SolveRun,
  timeGains: TimeGains,
  rejectedAntennas: readonly RejectedAntenna[],
): { referenceAntenna: number; skippedReferences: number[] } {
  const preferred = options.referenceAntennas;
  const referenceAntenna = chooseReferenceAntenna(solutions, preferred);
  if (referenceAntenna === undefined)
    throw new PipelineError(
      "SolutionTooNoisy",
      `${set.path}: none of ${rejectedAntennas.length} antennas has a solution above the noise`,
      { path: set.path, rejectedAntennas: rejectedAntennas.map(({ antenna }) => antenna) },
    );
  referToAntenna(solutions, referenceAntenna);
  referTimeGains(timeGains, referenceAntenna);
  const at = preferred.indexOf(referenceAntenna);
  return {
    referenceAntenna,
    skippedReferences: at === -1 ? [...preferred] : preferred.slice(0, at),
  };
}
