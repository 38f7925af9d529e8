/**
 * The inner loops of a conversion: one integration of one subband, from the file's order into its
 * channels of the Measurement Set's rows. They allocate nothing.
 */

/** One integration of one file, [baseline, channel, polarization] in the file's order. */
export interface SubbandBlock {
  /** Interleaved re, im. */
  readonly vis: Float32Array;
  /** 1 is bad. */
  readonly flags: Uint8Array;
  readonly nsamples: Float32Array;
}

/** One integration of the whole band, [baseline, channel, polarization], channels ascending. */
export interface BandIntegration {
  readonly vis: Float32Array;
  readonly flags: Uint8Array;
  readonly weights: Float32Array;
}

/** How a subband's axes map onto the band's. */
export interface SubbandLayout {
  readonly baselineCount: number;
  /** Of the whole band. */
  readonly bandChannelCount: number;
  readonly firstChannel: number;
  readonly channelCount: number;
  readonly isDescending: boolean;
  /** Index in the file of each polarization of the band. */
  readonly polarizationSource: Int32Array;
}

export interface BaselinePhasors {
  /** [antenna, channel of the band], interleaved. */
  readonly phasors: Float64Array;
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/**
 * Rotates and conjugates: V' = conj(V · A1 · conj(A2)), A the phasors of the two antennas.
 *
 * The conjugation takes UVH5's sign of phase to the Measurement Set's (docs/conventions.md).
 */
export function rotateVis(
  block: SubbandBlock,
  layout: SubbandLayout,
  { phasors, antenna1, antenna2 }: BaselinePhasors,
  band: BandIntegration,
): void {
  const { baselineCount, bandChannelCount, firstChannel, channelCount } = layout;
  const polarizationCount = layout.polarizationSource.length;
  const source = block.vis;
  const target = band.vis;
  const polarizationSource = layout.polarizationSource;
  const channelStep = 2 * polarizationCount * (layout.isDescending ? -1 : 1);
  const firstOffset = layout.isDescending ? 2 * polarizationCount * (channelCount - 1) : 0;
  for (let baseline = 0; baseline < baselineCount; baseline += 1) {
    let p1 = 2 * (antenna1[baseline]! * bandChannelCount + firstChannel);
    let p2 = 2 * (antenna2[baseline]! * bandChannelCount + firstChannel);
    let from = 2 * baseline * channelCount * polarizationCount + firstOffset;
    let to = 2 * (baseline * bandChannelCount + firstChannel) * polarizationCount;
    for (let channel = 0; channel < channelCount; channel += 1) {
      const re1 = phasors[p1]!;
      const im1 = phasors[p1 + 1]!;
      const re2 = phasors[p2]!;
      const im2 = phasors[p2 + 1]!;
      const turnRe = re1 * re2 + im1 * im2;
      const turnIm = im1 * re2 - re1 * im2;
      for (let polarization = 0; polarization < polarizationCount; polarization += 1) {
        const at = from + 2 * polarizationSource[polarization]!;
        const re = source[at]!;
        const im = source[at + 1]!;
        target[to] = re * turnRe - im * turnIm;
        target[to + 1] = -(re * turnIm + im * turnRe);
        to += 2;
      }
      from += channelStep;
      p1 += 2;
      p2 += 2;
    }
  }
}

/** Copies flags to their place; a sample that no measurement went into is bad too. */
export function placeFlags(
  block: SubbandBlock,
  layout: SubbandLayout,
  band: BandIntegration,
): number {
  let flaggedCount = 0;
  forEachSample(layout, (from, to) => {
    const isBad = block.flags[from] !== 0 || block.nsamples[from] === 0;
    band.flags[to] = isBad ? 1 : 0;
    if (isBad) flaggedCount += 1;
  });
  return flaggedCount;
}

/** Copies nsamples to their place as weights. */
export function placeWeights(
  block: SubbandBlock,
  layout: SubbandLayout,
  band: BandIntegration,
): void {
  forEachSample(layout, (from, to) => {
    band.weights[to] = block.nsamples[from]!;
  });
}

/** Visits every sample with its index in the file's block and in the band's integration. */
function forEachSample(layout: SubbandLayout, visit: (from: number, to: number) => void): void {
  const { baselineCount, bandChannelCount, firstChannel, channelCount, isDescending } = layout;
  const polarizationCount = layout.polarizationSource.length;
  for (let baseline = 0; baseline < baselineCount; baseline += 1) {
    let to = (baseline * bandChannelCount + firstChannel) * polarizationCount;
    for (let channel = 0; channel < channelCount; channel += 1) {
      const fileChannel = isDescending ? channelCount - 1 - channel : channel;
      const from = (baseline * channelCount + fileChannel) * polarizationCount;
      for (let polarization = 0; polarization < polarizationCount; polarization += 1, to += 1) {
        visit(from + layout.polarizationSource[polarization]!, to);
      }
    }
  }
}
