/**
 * Extension of flags within one baseline. Interference leaks beyond what stands out: into the other
 * polarizations, between two flagged channels or times, and, where it is asked for, around them.
 */
import type { FlagParams } from "./flag-params.ts";
import { AMPLITUDE_FIRST, reasonCode } from "./reasons.ts";
import { cellCount, type TileLayout } from "./tile-layout.ts";

/** Reasons that say something about interference, not about the instrument. */
const FIRST_OF_INTERFERENCE = reasonCode("channel");
const LAST_OF_INTERFERENCE = reasonCode("occupancy");
/** What all baselines see is found far below what one shows: nothing hides beside it. */
const FIRST_OF_BASELINE = reasonCode("time-outlier");
const NEIGHBOR = reasonCode("neighbor");

/** @param local the row's codes, [time, channel, polarization] */
export function extendFlags(layout: TileLayout, local: Uint8Array, params: FlagParams): void {
  const { polarizationCount } = layout;
  const cells = cellCount(layout);
  const spreads = params.extend_polarizations && polarizationCount > 1;
  // What is added on the way is no interference itself, so it does not spread further.
  for (let at = 0; at < local.length; at += 1) {
    if (!isInterference(local[at]!)) continue;
    if (spreads) {
      const first = at - (at % polarizationCount);
      for (let pol = 0; pol < polarizationCount; pol += 1) add(local, first + pol);
    }
    bridge(local, at, cells);
    if (at % cells < cells - 2 * polarizationCount) bridge(local, at, polarizationCount);
    surround(layout, local, at, params);
  }
}

function add(local: Uint8Array, at: number): void {
  if (local[at]! >= AMPLITUDE_FIRST) local[at] = NEIGHBOR;
}

function isInterference(code: number): boolean {
  return code >= FIRST_OF_INTERFERENCE && code <= LAST_OF_INTERFERENCE;
}

/** One visibility between two flagged ones, of which this baseline showed at least one. */
function bridge(local: Uint8Array, at: number, step: number): void {
  const far = at + 2 * step;
  if (far >= local.length || !isInterference(local[far]!)) return;
  if (Math.max(local[at]!, local[far]!) >= FIRST_OF_BASELINE) add(local, at + step);
}

function surround(
  { timeCount, channelCount, polarizationCount }: TileLayout,
  local: Uint8Array,
  at: number,
  { extend_times: times, extend_channels: channels }: FlagParams,
): void {
  if (times === 0 && channels === 0) return;
  const pol = at % polarizationCount;
  const channel = Math.floor(at / polarizationCount) % channelCount;
  const time = Math.floor(at / polarizationCount / channelCount);
  const put = (t: number, c: number): void => {
    if (t < 0 || t >= timeCount || c < 0 || c >= channelCount) return;
    add(local, (t * channelCount + c) * polarizationCount + pol);
  };
  for (let off = -times; off <= times; off += 1) put(time + off, channel);
  for (let off = -channels; off <= channels; off += 1) put(time, channel + off);
}
