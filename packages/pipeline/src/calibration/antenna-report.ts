/**
 * Which antennas a solution does without, and why, in words: too little signal, more noise than
 * the others, a gain far from theirs, phases that jump from channel to channel or in time. Pure.
 */
import type { AntennaHealth, TimeStability } from "@contimg/astro";
import { z } from "zod";

const DEGREES_PER_RAD = 180 / Math.PI;

/** What an antenna must keep to be part of a solution. */
export const antennaLimitsSchema = z.strictObject({
  /** Median over channels of the worse receptor. */
  snr_min: z.number().positive().default(5),
  /** Times the median antenna's noise, gains taken off. */
  noise_ratio_max: z.number().gt(1).default(3),
  /** Times the median antenna's amplitude, or below it. */
  amplitude_ratio_max: z.number().gt(1).default(10),
  /** From channel to channel. */
  phase_scatter_max_deg: z.number().positive().default(50),
  /** About its mean, from gain interval to gain interval. */
  time_phase_rms_max_deg: z.number().positive().default(30),
});

export type AntennaLimits = z.infer<typeof antennaLimitsSchema>;

export const ANTENNA_LIMITS: AntennaLimits = antennaLimitsSchema.parse({});

/** An antenna that is in the data but not in the solution. */
export interface RejectedAntenna {
  readonly antenna: number;
  /** Sentences without the antenna's name, one at least. */
  readonly reasons: readonly string[];
}

/** Phrases, none for a healthy antenna. NaN fails. */
export function antennaFaults(health: AntennaHealth, limits: AntennaLimits): string[] {
  const { snr, noiseRatio, amplitudeRatio } = health;
  const phaseScatterDeg = health.phaseScatterRad * DEGREES_PER_RAD;
  const faults: string[] = [];
  if (!(snr >= limits.snr_min))
    faults.push(`signal-to-noise ratio ${snr.toFixed(1)}, expected at least ${limits.snr_min}`);
  if (!(noiseRatio <= limits.noise_ratio_max))
    faults.push(
      `noise ${noiseRatio.toFixed(1)} times the median antenna's, ` +
        `expected at most ${limits.noise_ratio_max}`,
    );
  const farRatio = Math.max(amplitudeRatio, 1 / amplitudeRatio);
  if (!(farRatio <= limits.amplitude_ratio_max))
    faults.push(
      `gain ${amplitudeRatio.toFixed(2)} of the median antenna's, ` +
        `expected within a factor of ${limits.amplitude_ratio_max}`,
    );
  if (!(phaseScatterDeg <= limits.phase_scatter_max_deg))
    faults.push(
      `phase scatter ${phaseScatterDeg.toFixed(0)} degrees from channel to channel, ` +
        `expected at most ${limits.phase_scatter_max_deg}`,
    );
  return faults;
}

export function stabilityFaults({ phaseRmsRad }: TimeStability, limits: AntennaLimits): string[] {
  const phaseRmsDeg = phaseRmsRad * DEGREES_PER_RAD;
  if (phaseRmsDeg <= limits.time_phase_rms_max_deg) return [];
  return [
    `phase moves by ${phaseRmsDeg.toFixed(0)} degrees rms within the observation, ` +
      `expected at most ${limits.time_phase_rms_max_deg}`,
  ];
}

/** "antenna 42: noise 6.1 times the median antenna's, expected at most 3". */
export function describeRejected(
  { antenna, reasons }: RejectedAntenna,
  names: readonly string[],
): string {
  return `antenna ${names[antenna]!}: ${reasons.join("; ")}`;
}
