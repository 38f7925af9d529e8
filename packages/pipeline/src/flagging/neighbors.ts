/**
 * Extension of flags within one baseline. Interference leaks beyond what stands out: into the other
 * polarizations, between two flagged channels or times, and, where it is asked for, around them.
 * What all baselines see is found far below what one shows, so nothing hides between two such.
 */
import type { FlagParams } from "./flag-params.ts";
import type { CellFlags } from "./interference.ts";
import { AMPLITUDE_FIRST, reasonCode } from "./reasons.ts";
import { cellCount, type TileCodes, type TileLayout } from "./tile-layout.ts";

const FIRST_OF_BASELINE = reasonCode("time-outlier");
const LAST_OF_BASELINE = reasonCode("occupancy");
const NEIGHBOR = reasonCode("neighbor");

export interface Extension {
  readonly layout: TileLayout;
  readonly codes: TileCodes;
  readonly cellFlags: CellFlags;
  readonly params: FlagParams;
}

/** @param found what stands out on the baseline, places in [time, channel, polarization] */
export function extendFlags(extension: Extension, row: number, found: readonly number[]): void {
  const { layout, params } = extension;
  const { polarizationCount, channelCount, timeCount } = layout;
  for (const at of found) {
    const pol = at % polarizationCount;
    const channel = Math.floor(at / polarizationCount) % channelCount;
    const time = Math.floor(at / cellCount(layout));
    const line = lineOf(extension, row, pol);
    for (let other = 0; params.extend_polarizations && other < polarizationCount; other += 1)
      if (other !== pol) lineOf(extension, row, other).add(time, channel);
    for (const way of [-1, 1]) {
      if (line.isFlagged(time + 2 * way, channel)) line.add(time + way, channel);
      if (line.isFlagged(time, channel + 2 * way)) line.add(time, channel + way);
    }
    for (let off = -params.extend_times; off <= params.extend_times; off += 1)
      line.add(Math.min(timeCount - 1, Math.max(0, time + off)), channel);
    for (let off = -params.extend_channels; off <= params.extend_channels; off += 1)
      line.add(time, Math.min(channelCount - 1, Math.max(0, channel + off)));
  }
}

/** One polarization of the baseline. */
function lineOf({ layout, codes, cellFlags }: Extension, row: number, pol: number) {
  const { timeCount, channelCount, polarizationCount } = layout;
  const cells = cellCount(layout);
  const codeAt = (time: number, channel: number): number =>
    (time * layout.rowCount + row) * cells + channel * polarizationCount + pol;
  return {
    /** As interference; what was added does not count, so nothing grows from itself. */
    isFlagged(time: number, channel: number): boolean {
      if (time < 0 || time >= timeCount || channel < 0 || channel >= channelCount) return false;
      const code = codes[codeAt(time, channel)]!;
      if (code >= FIRST_OF_BASELINE && code <= LAST_OF_BASELINE) return true;
      return cellFlags[time * cells + channel * polarizationCount + pol] !== 0;
    },
    add(time: number, channel: number): void {
      const at = codeAt(time, channel);
      if (codes[at]! >= AMPLITUDE_FIRST) codes[at] = NEIGHBOR;
    },
  };
}
