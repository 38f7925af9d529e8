/**
 * Limits on visibility amplitudes of one integration, against radio-frequency interference.
 *
 * Two tests, both over cross-correlations and for each polarization apart: a visibility stands out
 * from the baselines of its channel, or a channel stands out from the channels around it (there
 * all baselines are hit, and none stands out). Either at median + 7 · 1.4826 · MAD. What hits all
 * channels and baselines of an integration alike is not seen.
 *
 * Medians come from a sample of at most about a thousand baselines, which leaves them 4 % of the
 * scatter uncertain and costs a tenth of the whole.
 */
import { madInPlace, medianInPlace, SIGMA_PER_MAD } from "../median.ts";

const CLIP_SIGMA = 7;
const SAMPLED_ROWS_MAX = 1024;
/** A channel's median scatters by this share at least, from its sample and the bandpass. */
const CHANNEL_SCATTER_MIN = 0.03;
/** Amplitudes of baselines differ by this share at least: no noise is no reason to clip. */
const BASELINE_SCATTER_MIN = 0.05;
/** Fewer baselines say nothing about which of them stands out. */
const SAMPLES_MIN = 8;

/** One integration as the Measurement Set has it. */
export interface IntegrationSlab {
  /** [row, channel, polarization] complex. */
  readonly vis: Float32Array;
  /** [row, channel, polarization]; not 0 is bad. */
  readonly flags: Uint8Array;
  readonly rowCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
}

export interface ChannelRange {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
}

export interface AmplitudeClip {
  /**
   * Fills `limit` with the greatest allowed |V|² of each channel and polarization: 0 where nothing
   * is usable or the whole channel stands out.
   * @param crossRows rows of the slab that are cross-correlations
   * @returns `limit`, [channel of the range, polarization]
   */
  powerLimits(slab: IntegrationSlab, crossRows: Int32Array): Float32Array;
}

/** Allocates the work space once for all integrations. */
export function createAmplitudeClip(range: ChannelRange, polarizationCount: number): AmplitudeClip {
  const cellCount = (range.end - range.first) * polarizationCount;
  const samples = new Float32Array(cellCount * SAMPLED_ROWS_MAX);
  const counts = new Int32Array(cellCount);
  const limit = new Float32Array(cellCount);
  const medians = new Float32Array(cellCount);
  return {
    powerLimits(slab, crossRows) {
      takeSamples(slab, crossRows, range, samples, counts);
      baselineLimits(samples, counts, medians, limit);
      for (let pol = 0; pol < polarizationCount; pol += 1)
        closeLoudChannels(medians, limit, pol, polarizationCount);
      return limit;
    },
  };
}

/** samples[cell, …] = amplitudes of evenly spread rows; flagged, zero and non-finite left out. */
function takeSamples(
  slab: IntegrationSlab,
  crossRows: Int32Array,
  range: ChannelRange,
  samples: Float32Array,
  counts: Int32Array,
): void {
  const { vis, flags, channelCount, polarizationCount } = slab;
  const cellCount = counts.length;
  const step = Math.ceil(crossRows.length / SAMPLED_ROWS_MAX);
  counts.fill(0);
  for (let index = 0; index < crossRows.length; index += step) {
    const start = (crossRows[index]! * channelCount + range.first) * polarizationCount;
    for (let cell = 0; cell < cellCount; cell += 1) {
      const at = start + cell;
      const re = vis[2 * at]!;
      const im = vis[2 * at + 1]!;
      const power = re * re + im * im;
      // The comparison is false for NaN; infinity is caught by the second.
      if (flags[at] !== 0 || !(power > 0) || power === Infinity) continue;
      samples[cell * SAMPLED_ROWS_MAX + counts[cell]!] = Math.sqrt(power);
      counts[cell] = counts[cell]! + 1;
    }
  }
}

function baselineLimits(
  samples: Float32Array,
  counts: Int32Array,
  medians: Float32Array,
  limit: Float32Array,
): void {
  for (let cell = 0; cell < counts.length; cell += 1) {
    const count = counts[cell]!;
    const own = samples.subarray(cell * SAMPLED_ROWS_MAX, cell * SAMPLED_ROWS_MAX + count);
    const median = count < SAMPLES_MIN ? 0 : medianInPlace(own);
    const mad = count < SAMPLES_MIN ? 0 : madInPlace(own, median);
    medians[cell] = median;
    limit[cell] = count === 0 ? 0 : clipLimit(count, median, mad);
  }
}

function clipLimit(count: number, median: number, mad: number): number {
  if (count < SAMPLES_MIN) return Infinity;
  const scatter = Math.max(SIGMA_PER_MAD * mad, BASELINE_SCATTER_MIN * median);
  return (median + CLIP_SIGMA * scatter) ** 2;
}

function closeLoudChannels(
  medians: Float32Array,
  limit: Float32Array,
  pol: number,
  polarizationCount: number,
): void {
  const cells: number[] = [];
  for (let cell = pol; cell < medians.length; cell += polarizationCount)
    if (medians[cell]! > 0) cells.push(cell);
  if (cells.length < SAMPLES_MIN) return;
  const work = Float32Array.from(cells, (cell) => medians[cell]!);
  const median = medianInPlace(work);
  const scatter = Math.max(SIGMA_PER_MAD * madInPlace(work, median), CHANNEL_SCATTER_MIN * median);
  for (const cell of cells) if (medians[cell]! > median + CLIP_SIGMA * scatter) limit[cell] = 0;
}
