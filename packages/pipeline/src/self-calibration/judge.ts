/** Whether a tile is worth self-calibrating, and whether a round has made it better. Pure. */
import type { GainScatter } from "@contimg/astro";

import type { SelfCalibrationLimits } from "./limits.ts";
import type { SelfCalibrationRecord, SelfCalibrationRound } from "./record.ts";

const DEGREES_PER_RAD = 180 / Math.PI;

export type Judgement = Pick<SelfCalibrationRound, "verdict" | "reason">;

/** Why nothing is tried; undefined when it is. NaN is a reason. */
export function reasonToSkip(
  { snr, flagged_fraction, beam_response }: SelfCalibrationRecord["first"],
  limits: SelfCalibrationLimits,
): string | undefined {
  if (!(snr >= limits.initial_snr_min))
    return `its peak is ${snr.toFixed(1)} times its noise, expected at least ${limits.initial_snr_min}`;
  if (!(flagged_fraction <= limits.flagged_fraction_max))
    return `${percent(flagged_fraction)} of it is flagged, expected at most ${percent(limits.flagged_fraction_max)}`;
  if (!(beam_response >= limits.beam_response_min))
    return (
      `the beam's response at its brightest source is ${beam_response.toFixed(2)}, ` +
      `expected at least ${limits.beam_response_min}`
    );
  return undefined;
}

/**
 * Why gains are not worth an image: undefined when they are. Scatter beyond the limits ends the
 * rounds, because shorter intervals only scatter more.
 */
export function objectionToGains(
  { phaseRad, amplitude }: GainScatter,
  chiSquareRatio: number,
  limits: SelfCalibrationLimits,
): Judgement | undefined {
  const phaseDeg = phaseRad * DEGREES_PER_RAD;
  if (!(phaseDeg <= limits.phase_scatter_max_deg))
    return {
      verdict: "diverged",
      reason: `phases scatter by ${phaseDeg.toFixed(1)} degrees, expected at most ${limits.phase_scatter_max_deg}`,
    };
  if (!(amplitude <= limits.amplitude_scatter_max))
    return {
      verdict: "diverged",
      reason: `amplitudes scatter by ${amplitude.toFixed(2)}, expected at most ${limits.amplitude_scatter_max}`,
    };
  if (!(1 - chiSquareRatio >= limits.improvement_min))
    return {
      verdict: "refused",
      reason: `chi-square ${change(chiSquareRatio)}, expected to fall by at least ${percent(limits.improvement_min)}`,
    };
  return undefined;
}

/** @param diverged what WSClean said of the round's image, if it diverged or failed */
export function judgeImage(
  { before, after }: { readonly before: number; readonly after: number },
  chiSquareRatio: number,
  limits: SelfCalibrationLimits,
  diverged?: string,
): Judgement {
  if (diverged !== undefined) return { verdict: "diverged", reason: diverged };
  const grown = `peak over noise ${before.toFixed(1)} to ${after.toFixed(1)}`;
  const least = percent(limits.improvement_min);
  if (after >= (1 + limits.improvement_min) * before)
    return { verdict: "kept", reason: `${grown}, chi-square ${change(chiSquareRatio)}` };
  const wanted = `expected to grow by at least ${least}`;
  // As far down as it had to go up; NaN as well.
  if (!(after > before / (1 + limits.improvement_min)))
    return { verdict: "diverged", reason: `${grown}, ${wanted}` };
  return { verdict: "refused", reason: `${grown}, ${wanted}` };
}

function change(ratio: number): string {
  return ratio <= 1 ? `falls by ${percent(1 - ratio)}` : `grows by ${percent(ratio - 1)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
