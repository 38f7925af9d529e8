/**
 * Calibrates one integration: V_pq / (g_p · conj(g_q)), then the mean over groups of channels
 * weighted by |g_p g_q|², which is the inverse of the noise that the division leaves when all
 * antennas have the same system temperature.
 */
import type { ChannelRange, IntegrationSlab } from "../flagging/amplitude-clip.ts";

/** Gains by antenna as the data count them: [antenna, channel, receptor]. */
export interface AntennaGains {
  readonly channelCount: number;
  /** 2 for dual-polarization antennas. */
  readonly receptorCount: number;
  /** Complex. */
  readonly gains: Float32Array;
  /** |gain|², and 0 where the solution is flagged. */
  readonly powers: Float32Array;
}

/** Antennas of the rows that are kept, and which row of the slab each is. */
export interface CalibratedRows {
  readonly row: Int32Array;
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/** Receptor of antenna1 and antenna2 of each polarization product: XX is [0, 0], XY [0, 1]. */
export interface Receptors {
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/**
 * Divides the slab's visibilities of a channel range by their gains, in place. Where a gain is
 * flagged or the visibility is zero or not finite, sets its flag.
 * @returns how many visibilities were newly flagged
 */
export function divideByGains(
  slab: IntegrationSlab,
  rows: CalibratedRows,
  solution: AntennaGains,
  receptors: Receptors,
  range: ChannelRange,
): number {
  const { vis, flags, channelCount, polarizationCount } = slab;
  let flagged = 0;
  for (let index = 0; index < rows.row.length; index += 1) {
    const gain1 = rows.antenna1[index]! * solution.channelCount;
    const gain2 = rows.antenna2[index]! * solution.channelCount;
    let at = (rows.row[index]! * channelCount + range.first) * polarizationCount;
    for (let channel = range.first; channel < range.end; channel += 1)
      for (let pol = 0; pol < polarizationCount; pol += 1, at += 1) {
        if (flags[at] !== 0) continue;
        const first = (gain1 + channel) * solution.receptorCount + receptors.first[pol]!;
        const second = (gain2 + channel) * solution.receptorCount + receptors.second[pol]!;
        const isUsable = solution.powers[first]! > 0 && solution.powers[second]! > 0;
        if (isUsable && divide(vis, at, solution.gains, first, second)) continue;
        flags[at] = 1;
        flagged += 1;
      }
  }
  return flagged;
}

/** vis[at] /= g_first · conj(g_second). Returns whether the visibility is one: not 0, not NaN. */
function divide(
  vis: Float32Array,
  at: number,
  gains: Float32Array,
  first: number,
  second: number,
): boolean {
  const re = vis[2 * at]!;
  const im = vis[2 * at + 1]!;
  const power = re * re + im * im;
  if (!(power > 0) || power === Infinity) return false;
  const pRe = gains[2 * first]!;
  const pIm = gains[2 * first + 1]!;
  const qRe = gains[2 * second]!;
  const qIm = gains[2 * second + 1]!;
  const productRe = pRe * qRe + pIm * qIm;
  const productIm = pIm * qRe - pRe * qIm;
  const norm = productRe * productRe + productIm * productIm;
  vis[2 * at] = (re * productRe + im * productIm) / norm;
  vis[2 * at + 1] = (im * productRe - re * productIm) / norm;
  return true;
}

/** Calibrated rows after averaging: all arrays [row, averaged channel, polarization]. */
export interface AveragedSlab {
  /** Complex. 0 where flagged. */
  readonly vis: Float32Array;
  readonly flags: Uint8Array;
  /** Σ |g_p g_q|² of what was averaged; 0 where flagged. */
  readonly weights: Float32Array;
  readonly channelCount: number;
}

/**
 * Averages groups of `factor` channels of calibrated visibilities into `out`, whose cells of the
 * range it overwrites. The range must begin and end at whole groups.
 * @param powerLimit [channel of the range, polarization], of `AmplitudeClip` on calibrated data
 * @returns how many unflagged visibilities were beyond the limit and left out
 */
export function averageChannels(
  slab: IntegrationSlab,
  rows: CalibratedRows,
  solution: AntennaGains,
  receptors: Receptors,
  range: ChannelRange,
  factor: number,
  powerLimit: Float32Array,
  out: AveragedSlab,
): number {
  const { vis, flags, channelCount, polarizationCount } = slab;
  const { powers, receptorCount } = solution;
  let clipped = 0;
  for (let index = 0; index < rows.row.length; index += 1) {
    const gain1 = rows.antenna1[index]! * channelCount;
    const gain2 = rows.antenna2[index]! * channelCount;
    const target = index * out.channelCount * polarizationCount;
    clearGroups(out, target, polarizationCount, range, factor);
    let at = (rows.row[index]! * channelCount + range.first) * polarizationCount;
    for (let channel = range.first; channel < range.end; channel += 1) {
      const cell = target + Math.floor(channel / factor) * polarizationCount;
      const limitAt = (channel - range.first) * polarizationCount;
      for (let pol = 0; pol < polarizationCount; pol += 1, at += 1) {
        if (flags[at] !== 0) continue;
        const re = vis[2 * at]!;
        const im = vis[2 * at + 1]!;
        if (re * re + im * im > powerLimit[limitAt + pol]!) {
          clipped += 1;
          continue;
        }
        const weight =
          powers[(gain1 + channel) * receptorCount + receptors.first[pol]!]! *
          powers[(gain2 + channel) * receptorCount + receptors.second[pol]!]!;
        const to = cell + pol;
        out.vis[2 * to] = out.vis[2 * to]! + weight * re;
        out.vis[2 * to + 1] = out.vis[2 * to + 1]! + weight * im;
        out.weights[to] = out.weights[to]! + weight;
      }
    }
    divideByWeights(out, target, polarizationCount, range, factor);
  }
  return clipped;
}

function clearGroups(
  out: AveragedSlab,
  target: number,
  polarizationCount: number,
  range: ChannelRange,
  factor: number,
): void {
  const first = target + (range.first / factor) * polarizationCount;
  const end = target + (range.end / factor) * polarizationCount;
  out.vis.fill(0, 2 * first, 2 * end);
  out.weights.fill(0, first, end);
}

function divideByWeights(
  out: AveragedSlab,
  target: number,
  polarizationCount: number,
  range: ChannelRange,
  factor: number,
): void {
  const first = target + (range.first / factor) * polarizationCount;
  const end = target + (range.end / factor) * polarizationCount;
  for (let cell = first; cell < end; cell += 1) {
    const weight = out.weights[cell]!;
    out.flags[cell] = weight > 0 ? 0 : 1;
    if (weight === 0) continue;
    out.vis[2 * cell] = out.vis[2 * cell]! / weight;
    out.vis[2 * cell + 1] = out.vis[2 * cell + 1]! / weight;
  }
}
