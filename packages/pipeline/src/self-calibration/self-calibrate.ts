/**
 * Self-calibration of a tile: an image, gains of the data against its model, the image again, as
 * long as it gets better. What stays in the stage folder is the best round's image, and with it
 * the record of what was tried.
 *
 * Phases go from long intervals to short, then amplitudes once over the tile; every round solves
 * the published data, with the model of the best round so far.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import {
  chiSquareOf,
  correctMatrices,
  gainScatter,
  type GainScatter,
  type IntervalGains,
  type MatricesInTime,
  multiplyGains,
  solveAmplitudes,
  solvePhases,
  sumIntervals,
} from "@contimg/astro";
import { writeGainTable } from "@contimg/casacore";

import { divideTime, type Intervals } from "../calibration/solve-intervals.ts";
import { openVisibilitySet, type StoredSet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import type { CleanedFiles, CleanRequest } from "../imaging/clean-tile.ts";
import type { ImagedObservation } from "../imaging/observation.ts";
import type { PointingKind } from "../imaging/primary-beam.ts";
import type { VisibilityCensus } from "../imaging/visibility-census.ts";
import type { RunContext } from "../stage.ts";
import { imageRound, responseAtPeak, type RoundImage, settleRound } from "./image-round.ts";
import { judgeImage, type Judgement, objectionToGains, reasonToSkip } from "./judge.ts";
import type { SelfCalibrationLimits } from "./limits.ts";
import type { SelfCalibrationRecord, SelfCalibrationRound } from "./record.ts";
import { copyForRounds, gatherModelled, writeCorrected } from "./working-set.ts";

export interface SelfCalibration {
  /** Its Measurement Set is the published one, which is only read. */
  readonly clean: CleanRequest;
  readonly limits: SelfCalibrationLimits;
  readonly observation: ImagedObservation;
  readonly census: VisibilityCensus;
  readonly pointing: PointingKind;
}

export interface SelfCalibrated {
  readonly cleaned: CleanedFiles;
  readonly record: SelfCalibrationRecord;
}

/** In the stage folder when a round was kept: its gains, as a G table. */
export const SELF_CALIBRATION_TABLE = "selfcal.gcal";
const DEGREES_PER_RAD = 180 / Math.PI;
const COPY = "selfcal.ms";

interface Solved {
  readonly kind: SelfCalibrationRound["kind"];
  readonly gains: IntervalGains;
  readonly intervals: Intervals;
}

/** The best so far. */
interface Best {
  readonly round: number;
  readonly image: RoundImage;
  /** Against the image's own model. */
  readonly sums: MatricesInTime;
  /** Undefined for round 0. */
  readonly solved?: Solved;
}

/** @throws {PipelineError} what imaging throws of round 0; a later round that fails is refused */
export async function selfCalibrate(
  request: SelfCalibration,
  context: RunContext,
): Promise<SelfCalibrated> {
  const { clean, limits } = request;
  const copyPath = join(context.stageFolder, COPY);
  using set = openVisibilitySet(clean.measurementSetPath);
  await copyForRounds(clean.measurementSetPath, copyPath);
  const run = { ...request, set, copyPath, context, plans: plansOf(set, limits) };
  const image = await imageOf(run, 0);
  const first = await firstFacts(request, image);
  const skipped = reasonToSkip(first, limits);
  const { best, rounds } =
    skipped === undefined
      ? await tryRounds(run, image)
      : { best: { round: 0, image, sums: [] }, rounds: [] };
  await rm(copyPath, { recursive: true });
  await settleRound(best.image, context.stageFolder);
  if (best.solved !== undefined) writeTable(set, best.solved, context.stageFolder);
  const record = {
    kept_round: best.round,
    reason: skipped ?? reasonOf(best, first.snr, rounds),
    ...{ first, kept_snr: best.image.snr, rounds, limits },
  };
  return { cleaned: best.image.cleaned, record };
}

interface Run extends SelfCalibration {
  readonly set: StoredSet;
  readonly copyPath: string;
  readonly context: RunContext;
  readonly plans: readonly Plan[];
}

interface Plan {
  readonly kind: SelfCalibrationRound["kind"];
  readonly intervals: Intervals;
}

/** Intervals that come to the same number on a short tile are tried once. */
function plansOf(set: StoredSet, limits: SelfCalibrationLimits): Plan[] {
  const divided = limits.phase_intervals_s.map((seconds) => divideTime(set, seconds));
  const different = divided.filter(
    ({ ends }, at) => at === 0 || ends.length !== divided[at - 1]!.ends.length,
  );
  const phases = different.map((intervals): Plan => ({ kind: "phase", intervals }));
  const amplitudes: Plan = { kind: "amplitude", intervals: different[0]! };
  return limits.amplitude ? [...phases, amplitudes] : phases;
}

function imageOf({ clean, copyPath, context, plans }: Run, round: number): Promise<RoundImage> {
  const count = plans.length + 1;
  const note = round === 0 ? "" : `self-calibration round ${round}: `;
  const progress: RunContext["progress"] = (fraction, what) => {
    context.progress((clean.progressShare * round + fraction) / count, note + what);
  };
  const request = { ...clean, measurementSetPath: copyPath };
  return imageRound(request, { ...context, progress }, `round-${round}`);
}

async function firstFacts(
  { observation, census, pointing }: SelfCalibration,
  image: RoundImage,
): Promise<SelfCalibrationRecord["first"]> {
  return {
    snr: image.snr,
    flagged_fraction: 1 - census.visibilityCount / census.sampleCount,
    beam_response: await responseAtPeak(image, observation, census, pointing),
  };
}

async function tryRounds(
  run: Run,
  image: RoundImage,
): Promise<{ best: Best; rounds: SelfCalibrationRound[] }> {
  const { set, copyPath, context } = run;
  const { signal } = context;
  let best: Best = { round: 0, image, sums: await gatherModelled(set, copyPath, signal) };
  const rounds: SelfCalibrationRound[] = [];
  for (const [index, plan] of run.plans.entries()) {
    const round = index + 1;
    const solved = solve(best, plan, run.limits);
    const worth = worthOf(best, solved, run.plans);
    const tried = await tryRound(run, round, { best, solved, ...worth });
    rounds.push(describeRound(round, solved, { ...worth, ...tried }));
    if (tried.image !== undefined && tried.verdict === "kept") {
      await rm(best.image.folder, { recursive: true });
      const sums = await gatherModelled(set, copyPath, signal);
      best = { round, image: tried.image, sums, solved };
    } else if (tried.image !== undefined) {
      await rm(tried.image.folder, { recursive: true });
    }
    if (tried.verdict === "diverged") break;
  }
  return { best, rounds };
}

interface Worth {
  readonly scatter: GainScatter;
  readonly chiSquareRatio: number;
}

interface Tried extends Judgement {
  readonly image?: RoundImage;
}

async function tryRound(
  run: Run,
  round: number,
  { best, solved, scatter, chiSquareRatio }: Worth & { best: Best; solved: Solved },
): Promise<Tried> {
  const { limits, context } = run;
  const objection = objectionToGains(scatter, chiSquareRatio, limits);
  if (objection !== undefined) return objection;
  await writeCorrected(run.set, run.copyPath, solved.gains, context.signal);
  try {
    const image = await imageOf(run, round);
    const diverged = image.cleaned.recoveries.find(({ failure }) => failure === "diverged");
    const snrs = { before: best.image.snr, after: image.snr };
    return { ...judgeImage(snrs, chiSquareRatio, limits, diverged?.reason), image };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PipelineError && error.tag === "ToolFailed")) throw error;
    return judgeImage({ before: best.image.snr, after: 0 }, chiSquareRatio, limits, error.message);
  }
}

/** Amplitudes go on top of phases at the intervals of the best round, solved with its model. */
function solve(best: Best, { kind, intervals }: Plan, limits: SelfCalibrationLimits): Solved {
  const { phase_snr_min: phaseSnr, amplitude_snr_min: amplitudeSnr } = limits;
  if (kind === "phase")
    return { kind, intervals, gains: solvePhases(best.sums, intervals.ends, phaseSnr) };
  if (best.solved === undefined) {
    const gains = solveAmplitudes(best.sums, amplitudeSnr);
    const [startMjd, endMjd] = [intervals.timesMjd[0]!, intervals.timesMjd.at(-1)!];
    const seconds = intervals.intervalSeconds * intervals.ends.length;
    const whole = {
      ends: gains.ends,
      timesMjd: [(startMjd + endMjd) / 2],
      intervalSeconds: seconds,
    };
    return { kind, intervals: whole, gains };
  }
  const phases = solvePhases(best.sums, best.solved.intervals.ends, phaseSnr);
  const amplitudes = solveAmplitudes(correctMatrices(best.sums, phases), amplitudeSnr);
  return { kind, intervals: best.solved.intervals, gains: multiplyGains(phases, amplitudes) };
}

/** χ² by the shortest intervals of all rounds, so that the numbers of two rounds compare. */
function worthOf({ sums, solved: before }: Best, { gains }: Solved, plans: readonly Plan[]): Worth {
  const finest = plans.reduce(
    (most, { intervals: { ends } }) => (ends.length > most.length ? ends : most),
    plans[0]!.intervals.ends,
  );
  const chiSquare = (by: IntervalGains | undefined): number =>
    chiSquareOf(sumIntervals(by === undefined ? sums : correctMatrices(sums, by), finest));
  const start = chiSquare(before?.gains);
  return {
    scatter: gainScatter(gains, sums),
    // Without data, or with a model that leaves nothing, there is nothing to gain.
    chiSquareRatio: start > 0 ? chiSquare(gains) / start : 1,
  };
}

function describeRound(
  round: number,
  { kind, intervals }: Solved,
  { scatter, chiSquareRatio, image, verdict, reason }: Worth & Tried,
): SelfCalibrationRound {
  return {
    ...{ round, kind, interval_s: intervals.intervalSeconds },
    solved_fraction: scatter.solvedFraction,
    phase_scatter_deg: scatter.phaseRad * DEGREES_PER_RAD,
    amplitude_scatter: scatter.amplitude,
    chi_square_ratio: chiSquareRatio,
    snr: image?.snr ?? null,
    ...{ verdict, reason },
  };
}

function reasonOf(
  { round, image }: Best,
  firstSnr: number,
  rounds: readonly SelfCalibrationRound[],
): string {
  if (round === 0) return `none of ${rounds.length} rounds tried made the image better`;
  return (
    `of ${rounds.length} rounds tried it is the best; ` +
    `peak over noise ${firstSnr.toFixed(1)} to ${image.snr.toFixed(1)}`
  );
}

function writeTable(set: StoredSet, { gains, intervals }: Solved, stageFolder: string): void {
  const { timesMjd, intervalSeconds } = intervals;
  // Phases are counted from their mean over the antennas, not from one of them.
  const solutions = { ...gains, timesMjd, intervalSeconds, referenceAntenna: -1 };
  writeGainTable(join(stageFolder, SELF_CALIBRATION_TABLE), solutions, set.path);
}
