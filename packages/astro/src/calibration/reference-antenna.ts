/** The antenna whose phase is zero: gains have one common phase that no data can tell. */
import { antennaFlaggedFraction, antennaSnr } from "./solution-quality.ts";
import type { BandpassArrays } from "./bandpass.ts";

const HEALTHY_FLAGGED_MAX = 0.5;

/**
 * The first of `preferred` with less than half its solutions flagged; otherwise the antenna of
 * the greatest signal-to-noise ratio. Undefined when no antenna has a solution.
 * @param preferred antenna indices, best first
 */
export function chooseReferenceAntenna(
  arrays: BandpassArrays,
  preferred: readonly number[],
): number | undefined {
  const healthy = preferred.find(
    (antenna) => antennaFlaggedFraction(arrays, antenna) < HEALTHY_FLAGGED_MAX,
  );
  if (healthy !== undefined) return healthy;
  const snr = antennaSnr(arrays);
  const best = snr.reduce((most, value, antenna) => (value > snr[most]! ? antenna : most), 0);
  return snr[best]! > 0 ? best : undefined;
}

/**
 * Turns the gains of each channel and polarization so that the reference antenna's phase is zero.
 * Where its own solution is flagged, the phase stays as it came from the solver: products of two
 * gains of one polarization do not feel it.
 */
export function referToAntenna(arrays: BandpassArrays, reference: number): void {
  const { antennaCount, channelCount, polarizationCount, gains, flags } = arrays;
  const cellCount = channelCount * polarizationCount;
  for (let cell = 0; cell < cellCount; cell += 1) {
    const own = reference * cellCount + cell;
    if (flags[own] !== 0) continue;
    const size = Math.hypot(gains[2 * own]!, gains[2 * own + 1]!);
    const cos = gains[2 * own]! / size;
    const sin = gains[2 * own + 1]! / size;
    for (let antenna = 0; antenna < antennaCount; antenna += 1) {
      const at = antenna * cellCount + cell;
      if (flags[at] !== 0) continue;
      const re = gains[2 * at]!;
      const im = gains[2 * at + 1]!;
      gains[2 * at] = re * cos + im * sin;
      gains[2 * at + 1] = im * cos - re * sin;
    }
  }
}
