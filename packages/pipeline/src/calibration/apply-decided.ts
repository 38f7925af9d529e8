/**
 * Applies the calibration that was decided for a tile, wherever its visibilities come from, and
 * says what came of it: metrics for the gate, facts for the registry, sentences for the copy.
 */
import { basename } from "node:path";

import { type BandpassTable, openTable, readBandpassTable } from "@contimg/casacore";
import { z } from "zod";

import { PipelineError } from "../errors.ts";
import { measured } from "../quality/measured.ts";
import { type CalibrationDecision, decisionSchema } from "../registry/decision.ts";
import { interpolateGains, type InterpolatedGains } from "../registry/interpolate-gains.ts";
import { type CalibrationPolicy, policySchema } from "../registry/policy.ts";
import type { QualityVerdict, RunContext } from "../stage.ts";
import { applyGains, type ApplyReport } from "./apply-gains.ts";
import type { VisibilitySet } from "./visibility-set.ts";

/** More than this is flagged: nothing to image, whatever the gate says. */
export const FLAGGED_FRACTION_MAX = 0.95;

export type DecidedCalibration = {
  /** Absolute, the heaviest first: one, or two to interpolate between. */
  calibration_table_paths: string[];
  decision: CalibrationDecision;
  policy: CalibrationPolicy;
};

export interface Applied {
  readonly report: ApplyReport;
  readonly quality: QualityVerdict;
}

/** @throws {PipelineError} TooFewVisibilities, NoCalibration, MalformedFile */
export async function applyDecided(
  set: VisibilitySet,
  decided: DecidedCalibration,
  outputPath: string,
  context: RunContext,
  flaggedFractionMax: number,
): Promise<Applied> {
  const gains = gainsOf(decided);
  const report = await applyGains(set, gains.table, outputPath, {
    threadCount: context.threadCount,
    signal: context.signal,
    progress(fraction) {
      context.progress(fraction, "calibrating");
    },
    history: historyOf(decided),
  });
  assertEnough(report, set.path, flaggedFractionMax);
  return { report, quality: judge(report, decided.decision, gains) };
}

/** The gains of the tile's time: read once, and interpolated before the data come. */
export function gainsOf({
  calibration_table_paths,
  decision,
}: DecidedCalibration): InterpolatedGains {
  return interpolateGains(
    calibration_table_paths.map((path, index) => ({
      table: readTable(path),
      weight: decision.tables[index]?.weight ?? 0,
    })),
  );
}

/** The first sentence names the table that imaging names in its images. */
function historyOf({ calibration_table_paths, decision }: DecidedCalibration): string[] {
  return [
    ...calibration_table_paths.map((path, index) => {
      const weight = (decision.tables[index]?.weight ?? 0).toFixed(3);
      const name = basename(path);
      return index === 0
        ? `calibrated with ${name}`
        : `interpolated with ${name}, weight ${weight}`;
    }),
    `calibration ${decision.kind}: ${decision.reason}`,
    ...decision.warnings.map((warning) => `calibration warning: ${warning}`),
  ];
}

function readTable(path: string): BandpassTable {
  try {
    return readBandpassTable(path);
  } catch (cause) {
    throw new PipelineError(
      "MalformedFile",
      `${path} is not a bandpass table that can be read: ${String(cause)}`,
      { path },
      { cause },
    );
  }
}

/** @throws {PipelineError} TooFewVisibilities */
export function assertEnough(
  report: Pick<ApplyReport, "rowCount" | "flaggedFraction"> & Partial<ApplyReport>,
  path: string,
  flaggedFractionMax: number,
): void {
  const { flaggedFraction } = report;
  if (report.rowCount > 0 && flaggedFraction <= flaggedFractionMax) return;
  throw new PipelineError(
    "TooFewVisibilities",
    `${path}: ${(100 * flaggedFraction).toFixed(1)} % of the calibrated ` +
      `visibilities are flagged, expected at most ${100 * flaggedFractionMax} %`,
    {
      path,
      flaggedFraction,
      flaggedBeforeFraction: report.flaggedBeforeFraction,
      unusableFraction: report.unusableFraction,
      clippedFraction: report.clippedFraction,
    },
  );
}

function judge(
  report: ApplyReport,
  { warnings, age_hours }: CalibrationDecision,
  { report: interpolation }: InterpolatedGains,
): QualityVerdict {
  const { metrics } = measured({
    flagged_fraction: report.flaggedFraction,
    flagged_before_fraction: report.flaggedBeforeFraction,
    unusable_fraction: report.unusableFraction,
    clipped_fraction: report.clippedFraction,
    gains_interpolated_fraction: interpolation.interpolatedFraction,
    gains_one_sided_fraction: interpolation.oneSidedFraction,
    gains_turned_fraction: interpolation.turnedFraction,
    calibration_age_hours: age_hours,
  });
  return { grade: warnings.length > 0 ? "warn" : "good", findings: warnings, metrics };
}

/** What the registry keeps of a calibrated set. */
export function factsOfApply(report: ApplyReport) {
  return {
    row_count: report.rowCount,
    channel_count: report.channelCount,
    averaging_factor: report.averagingFactor,
    antennas_without_solution: [...report.antennasWithoutSolution],
    flagged_fraction: report.flaggedFraction,
    flagged_before_fraction: report.flaggedBeforeFraction,
    clipped_fraction: report.clippedFraction,
  };
}

const noteSchema = z.object({
  metrics: z.record(z.string(), z.number()),
  decision: decisionSchema,
  policy: policySchema,
  calibration_table_paths: z.array(z.string()),
});

/** What a conversion that applied gains leaves in the copy for the stage whose work it did. */
export type AppliedNote = z.infer<typeof noteSchema>;

const NOTE = "applied by the conversion: ";

/** @param path of the copy, which nobody else has open */
export function leaveNote(path: string, note: AppliedNote): void {
  using history = openTable(`${path}/HISTORY`, { writable: true });
  const row = history.rowCount;
  history.addRows(1);
  history.putScalars("MESSAGE", row, [NOTE + JSON.stringify(note)]);
}

/** Undefined for a set that was calibrated from a raw one. */
export function readNote(path: string): AppliedNote | undefined {
  using history = openTable(`${path}/HISTORY`);
  const messages = history.rowCount === 0 ? [] : history.getStrings("MESSAGE");
  const said = messages.find((message) => message.startsWith(NOTE));
  return said === undefined ? undefined : noteSchema.parse(JSON.parse(said.slice(NOTE.length)));
}
