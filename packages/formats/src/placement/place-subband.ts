/**
 * The inner loops of a conversion: one integration of one subband, from the file's order into its
 * channels of the whole band, turned to another phase center. A kernel in the native addon.
 */
import { loadAddon } from "../hdf5/file.ts";

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
  /** Interleaved re, im. */
  readonly vis: Float32Array;
  /** 1 is bad. */
  readonly flags: Uint8Array;
  /** Of length 0 when nobody wants them. */
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
 * Fills the subband's channels of the band on another thread; the arrays belong to it until the
 * promise settles, except that several subbands may be placed in one band at once.
 *
 * Visibilities are turned and conjugated: V' = conj(V · A1 · conj(A2)), A the phasors of the two
 * antennas; the conjugation takes UVH5's sign of phase to the Measurement Set's. A sample of which
 * nsamples is 0 is flagged besides those that are flagged already; nsamples become the weights.
 * @returns how many samples of the subband are flagged
 * @throws {RangeError} at once, when the arrays and the layout do not fit one another
 */
export function placeSubband(
  block: SubbandBlock,
  layout: SubbandLayout,
  rotation: BaselinePhasors,
  band: BandIntegration,
): Promise<number> {
  return loadAddon().placeSubband(block, layout, rotation, band);
}
