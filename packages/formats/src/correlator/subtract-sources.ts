/**
 * Takes point sources off the visibilities of one integration, in the native addon: in JavaScript
 * a full-size tile would take minutes.
 */
import { loadAddon } from "../hdf5/file.ts";

/** Arrays are row-major; complex numbers interleaved re, im. */
export interface SubtractionInput {
  readonly antennaCount: number;
  readonly sourceCount: number;
  readonly rowCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
  /** The antennas that each row joins. */
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
  /** By which a source's light path to an antenna differs; shape [source, antenna]. */
  readonly pathM: Float64Array;
  /** Shape [source, channel]. */
  readonly fluxJy: Float64Array;
  /** What is to be left of each source, the same in all channels; shape [source]. */
  readonly steadyJy: Float64Array;
  /** A channel is the mean of so many parts; 1 when nothing was averaged. */
  readonly partCount: number;
  /** Their width. */
  readonly partHz: number;
  readonly firstHz: number;
  /** Between channels, which are evenly spaced. */
  readonly stepHz: number;
  /** In and out: shape [row, channel, polarization]. */
  readonly vis: Float32Array;
}

/**
 * vis −= Σ (B S − steady) exp(+2πi ν/c (path1 − path2)) in all polarizations alike, with
 * B = sin(n x) / (n sin x), x = π δν (path1 − path2)/c, what averaging n parts of δν leaves of a
 * source beside the phase center. Blocks the thread: 3 s of a full-size tile of 190 sources.
 * @throws {RangeError} when an array has another length, or a row names no antenna
 */
export function subtractSources(input: SubtractionInput): void {
  loadAddon().subtractSources(input);
}
