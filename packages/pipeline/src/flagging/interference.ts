/**
 * Interference that all baselines see: channels, integrations and single channels of single
 * integrations whose median amplitude stands out. The median over many baselines shows what is
 * far below the noise of one.
 *
 * All is done on logarithms of amplitudes, so that neither the bandpass nor a source that drifts
 * through the beam, which multiply, looks like interference, which adds.
 */
import { medianOf as medianOfFew, SIGMA_PER_MAD } from "@contimg/astro";

import { STEPS_PER_OCTAVE, stepsOf } from "./amplitude-code.ts";
import type { FlagParams } from "./flag-params.ts";
import type { Levels } from "./levels.ts";
import { reasonCode } from "./reasons.ts";
import { cellCount, subbandsOf, type TileLayout } from "./tile-layout.ts";

/** A median scatters by this share at least, from its sample and the bandpass. */
const SCATTER_MIN = 0.03;
/** Subbands of fewer channels are too short to tell what is usual in them. */
const SUBBAND_CHANNELS_MIN = 16;
/** Integrations on each side that an integration is compared with. */
const TIME_WINDOW = 4;
const TIMES_MIN = 3;

/** [time, channel, polarization]: a reason's byte plus one for all baselines, or 0. */
export type CellFlags = Uint8Array;

export function findInterference(
  layout: TileLayout,
  levels: Levels,
  params: FlagParams,
  cellFlags: CellFlags,
): void {
  cellFlags.fill(0);
  flagEdges(layout, params.edge_channels, cellFlags);
  for (let pol = 0; pol < layout.polarizationCount; pol += 1)
    flagPolarization(layout, levels.level, pol, params, cellFlags);
  surround(layout, cellFlags, params);
  if (params.extend_polarizations) spreadOverPolarizations(layout, cellFlags);
}

function flagEdges(layout: TileLayout, edgeChannels: number, cellFlags: CellFlags): void {
  for (const [first, end] of subbandsOf(layout))
    for (let channel = first; channel < end; channel += 1)
      if (channel < first + edgeChannels || channel >= end - edgeChannels)
        flagChannel(layout, channel, cellFlags, reasonCode("band-edge"));
}

function flagChannel(
  layout: TileLayout,
  channel: number,
  cellFlags: CellFlags,
  reason: number,
  pol?: number,
): void {
  for (let time = 0; time < layout.timeCount; time += 1)
    for (let each = 0; each < layout.polarizationCount; each += 1)
      if (pol === undefined || pol === each)
        flagCell(cellFlags, cellAt(layout, time, channel, each), reason);
}

function flagCell(cellFlags: CellFlags, at: number, reason: number): void {
  if (cellFlags[at] === 0) cellFlags[at] = reason + 1;
}

function cellAt(layout: TileLayout, time: number, channel: number, pol: number): number {
  return time * cellCount(layout) + channel * layout.polarizationCount + pol;
}

function flagPolarization(
  layout: TileLayout,
  level: Float32Array,
  pol: number,
  params: FlagParams,
  cellFlags: CellFlags,
): void {
  const sigma = params.amplitude_sigma;
  const octaves = Array.from({ length: layout.timeCount }, (_time, time) =>
    Array.from(
      { length: layout.channelCount },
      (_channel, channel) => level[cellAt(layout, time, channel, pol)]! / STEPS_PER_OCTAVE,
    ),
  );
  const spectrum = octaves[0]!.map((_, channel) => medianOfUsable(octaves.map((t) => t[channel]!)));
  const bumps = spectralBumps(layout, spectrum, params.channel_window);
  const weakest = params.channel_amplitude_min;
  for (const channel of standingOut(bumps, sigma))
    flagChannel(layout, channel, cellFlags, reasonCode("channel"), pol);
  for (const [channel, bump] of bumps.entries())
    if (bump < stepsOf(weakest) / STEPS_PER_OCTAVE)
      flagChannel(layout, channel, cellFlags, reasonCode("channel"), pol);
  flagBursts(layout, octaves, spectrum, { sigma, pol }, cellFlags);
}

/** How far each channel is above the median around it in its subband, octaves. */
function spectralBumps(layout: TileLayout, spectrum: readonly number[], window: number): number[] {
  const subbands = subbandsOf(layout);
  const isLong = subbands.every(([first, end]) => end - first >= SUBBAND_CHANNELS_MIN);
  const bands: [number, number][] = isLong ? subbands : [[0, layout.channelCount]];
  return bands.flatMap(([first, end]) =>
    highPass(spectrum.slice(first, end), Math.min(window, (end - first) >> 1)),
  );
}

function flagBursts(
  layout: TileLayout,
  octaves: readonly (readonly number[])[],
  spectrum: readonly number[],
  { sigma, pol }: { readonly sigma: number; readonly pol: number },
  cellFlags: CellFlags,
): void {
  if (layout.timeCount < TIMES_MIN) return;
  const changes = octaves.map((one) => one.map((value, channel) => value - spectrum[channel]!));
  const common = changes.map(medianOfUsable);
  const reason = reasonCode("burst");
  for (const time of standingOut(heights(common), sigma))
    for (let channel = 0; channel < layout.channelCount; channel += 1)
      flagCell(cellFlags, cellAt(layout, time, channel, pol), reason);
  const own = changes.flatMap((one, time) => one.map((value) => value - common[time]!));
  for (const at of standingOut(own, sigma)) {
    const time = Math.floor(at / layout.channelCount);
    flagCell(cellFlags, cellAt(layout, time, at % layout.channelCount, pol), reason);
  }
}

/** Values less the median of those up to `window` away on each side. */
function highPass(values: readonly number[], window: number): number[] {
  return values.map((value, at) => {
    // As wide at the ends as in the middle.
    const first = Math.max(0, Math.min(at - window, values.length - 2 * window - 1));
    return value - medianOfUsable(values.slice(first, first + 2 * window + 1));
  });
}

/**
 * Values less the higher of the medians before and after: what rises or falls all the time, as a
 * source does that drifts into the beam, has no height.
 */
function heights(values: readonly number[]): number[] {
  return values.map((value, at) => {
    const before = values.slice(Math.max(0, at - TIME_WINDOW), at);
    const after = values.slice(at + 1, at + 1 + TIME_WINDOW);
    const sides = [before, after].map(medianOfUsable).filter((side) => !Number.isNaN(side));
    return sides.length === 0 ? 0 : value - Math.max(...sides);
  });
}

/** Indices of the values that are more than `sigma` robust σ above 0. */
function standingOut(values: readonly number[], sigma: number): number[] {
  const deviations = values.filter((value) => !Number.isNaN(value)).map(Math.abs);
  const mad = medianOfFew(deviations) ?? 0;
  const limit = sigma * Math.max(SIGMA_PER_MAD * mad, Math.log2(1 + SCATTER_MIN));
  return values.flatMap((value, at) => (value > limit ? [at] : []));
}

function medianOfUsable(values: readonly number[]): number {
  return medianOfFew(values.filter((value) => !Number.isNaN(value))) ?? Number.NaN;
}

/** One polarization's interference is all's. */
function spreadOverPolarizations(layout: TileLayout, cellFlags: CellFlags): void {
  const { polarizationCount } = layout;
  for (let first = 0; first < cellFlags.length; first += polarizationCount) {
    const own = cellFlags.subarray(first, first + polarizationCount);
    const found = own.find((flag) => flag !== 0);
    if (found === undefined) continue;
    for (const [pol, flag] of own.entries()) if (flag === 0) own[pol] = found;
  }
}

/** Flags what is within reach of a channel or burst, as `neighbors.ts` does on one baseline. */
function surround(
  layout: TileLayout,
  cellFlags: CellFlags,
  { extend_times: times, extend_channels: channels }: FlagParams,
): void {
  if (times === 0 && channels === 0) return;
  const { timeCount, channelCount, polarizationCount } = layout;
  const seeds = cellFlags.slice();
  const put = (time: number, channel: number, pol: number): void => {
    if (time < 0 || time >= timeCount || channel < 0 || channel >= channelCount) return;
    flagCell(cellFlags, cellAt(layout, time, channel, pol), reasonCode("neighbor"));
  };
  for (const [at, seed] of seeds.entries()) {
    if (seed !== reasonCode("channel") + 1 && seed !== reasonCode("burst") + 1) continue;
    const pol = at % polarizationCount;
    const channel = Math.floor(at / polarizationCount) % channelCount;
    const time = Math.floor(at / cellCount(layout));
    for (let off = -times; off <= times; off += 1) put(time + off, channel, pol);
    for (let off = -channels; off <= channels; off += 1) put(time, channel + off, pol);
  }
}
