/** What only the whole tile can tell: dead antennas, and channels of which too much stands out. */
import { medianOf as medianOfFew } from "@contimg/astro";

import { CODE_COUNT, relativeAmplitude } from "./amplitude-code.ts";
import type { FlagParams } from "./flag-params.ts";
import type { RowTally } from "./flag-rows.ts";
import { type CellFlags } from "./interference.ts";
import { crossRows, medianOf } from "./levels.ts";
import { reasonCode } from "./reasons.ts";
import { cellCount, type TileLayout } from "./tile-layout.ts";

/**
 * Which polarizations of which antennas are dead, [antenna, polarization]: of their
 * cross-correlations with antennas that live almost all are unusable, or their amplitudes are far
 * below those of the median antenna.
 */
export function findDeadAntennas(
  layout: TileLayout,
  tally: RowTally,
  params: FlagParams,
): Uint8Array {
  const { antennaCount, polarizationCount } = layout;
  const dead = new Uint8Array(antennaCount * polarizationCount);
  const present = new Set([...layout.antenna1, ...layout.antenna2]);
  for (let pol = 0; pol < polarizationCount; pol += 1) {
    const strengths = strengthsOf(layout, tally, pol);
    const usual = medianOfFew(strengths.filter((strength) => strength > 0)) ?? 0;
    for (let antenna = 0; antenna < antennaCount; antenna += 1)
      if (present.has(antenna) && strengths[antenna]! < params.dead_antenna_amplitude * usual)
        dead[antenna * polarizationCount + pol] = 1;
    markSilent(layout, tally, pol, params.dead_antenna_fraction, dead);
  }
  return dead;
}

/** Median amplitude of each antenna's cross-correlations; 0 without any. */
function strengthsOf(layout: TileLayout, { antennaCodes }: RowTally, pol: number): number[] {
  return Array.from({ length: layout.antennaCount }, (_, antenna) => {
    const first = (antenna * layout.polarizationCount + pol) * CODE_COUNT;
    const histogram = Uint32Array.from(antennaCodes.subarray(first, first + CODE_COUNT));
    const count = histogram.reduce((sum, value) => sum + value, 0);
    return count === 0 ? 0 : relativeAmplitude(medianOf(histogram, count));
  });
}

/**
 * A dead antenna takes a part of everyone's cross-correlations with it, so only those with antennas
 * that are not known to be dead are expected; the worst is found first, until none is left.
 */
function markSilent(
  layout: TileLayout,
  { antennaUsable }: RowTally,
  pol: number,
  fraction: number,
  dead: Uint8Array,
): void {
  const { polarizationCount, timeCount, channelCount } = layout;
  const rows = crossRows(layout);
  const isDead = (antenna: number): boolean => dead[antenna * polarizationCount + pol] !== 0;
  for (;;) {
    const expected = new Float64Array(layout.antennaCount);
    for (const row of rows) {
      const [p, q] = [layout.antenna1[row]!, layout.antenna2[row]!];
      if (!isDead(q)) expected[p] = expected[p]! + timeCount * channelCount;
      if (!isDead(p)) expected[q] = expected[q]! + timeCount * channelCount;
    }
    const shares = Array.from(expected, (count, antenna) =>
      isDead(antenna) || count === 0
        ? 1
        : antennaUsable[antenna * polarizationCount + pol]! / count,
    );
    const least = Math.min(...shares);
    if (least >= 1 - fraction) return;
    for (const [antenna, share] of shares.entries())
      if (share === least) dead[antenna * polarizationCount + pol] = 1;
  }
}

/**
 * Flags for all baselines what stands out on many: channels in all, and channels at a time.
 * @param cellFlags gets them, for all polarizations, where it has none yet
 */
export function flagOccupied(
  layout: TileLayout,
  tally: RowTally,
  dead: Uint8Array,
  share: number,
  cellFlags: CellFlags,
): void {
  const { timeCount, channelCount, polarizationCount } = layout;
  const active = activeRowCounts(layout, dead);
  const outliersOf = (time: number, channel: number, pol: number): number =>
    tally.outliers[time * cellCount(layout) + channel * polarizationCount + pol]!;
  const flag = (time: number, channel: number): void => {
    const first = time * cellCount(layout) + channel * polarizationCount;
    for (let at = first; at < first + polarizationCount; at += 1)
      if (cellFlags[at] === 0) cellFlags[at] = reasonCode("occupancy") + 1;
  };
  for (let channel = 0; channel < channelCount; channel += 1)
    for (let pol = 0; pol < polarizationCount; pol += 1) {
      const limit = share * active[pol]!;
      if (active[pol] === 0) continue;
      let sum = 0;
      for (let time = 0; time < timeCount; time += 1) {
        const outliers = outliersOf(time, channel, pol);
        sum += outliers;
        if (outliers > limit) flag(time, channel);
      }
      if (sum <= limit * timeCount) continue;
      for (let time = 0; time < timeCount; time += 1) flag(time, channel);
    }
}

/** [polarization]: cross-correlations of two antennas that are not dead in it. */
function activeRowCounts(layout: TileLayout, dead: Uint8Array): number[] {
  const { polarizationCount, antenna1, antenna2 } = layout;
  return Array.from({ length: polarizationCount }, (_, pol) => {
    const isAlive = (antenna: number): boolean => dead[antenna * polarizationCount + pol] === 0;
    return crossRows(layout).filter((row) => isAlive(antenna1[row]!) && isAlive(antenna2[row]!))
      .length;
  });
}
