/**
 * Normal equations of the gains: for each baseline, channel and polarization the sums over time
 * A = Σ V · conj(M) and B = Σ |M|² of what is usable, with V the measured visibility and M the
 * model. Where V_pq = g_p conj(g_q) M_pq, A / B estimates g_p conj(g_q).
 *
 * Source: Mitchell et al. (2008), IEEE JSTSP 2, 707; Salvini & Wijnholds (2014), A&A 571, A97, §2.
 */
import type { ChannelRange, IntegrationSlab } from "../flagging/amplitude-clip.ts";
import { SPEED_OF_LIGHT_M_S } from "../primary-beam.ts";

export interface NormalEquations {
  readonly range: ChannelRange;
  readonly baselineCount: number;
  /** Indices along the slab's polarization axis that are solved: the parallel hands. */
  readonly polarizations: readonly number[];
  /** [baseline, channel of the range, solved polarization] complex. */
  readonly dataTimesModel: Float32Array;
  /** [baseline, channel of the range, solved polarization]. */
  readonly modelPower: Float32Array;
}

/** Point sources as one integration sees them; V sums over them. */
export interface PointSources {
  /**
   * [source, antenna] meters by which a source's light path to the antenna differs from that of
   * the phase center: M_pq = Σ S · exp(2πi ν/c · (path_p − path_q)).
   */
  readonly pathM: Float64Array;
  /** [source, channel] flux density times primary beam, Jy; all channels, not the range's alone. */
  readonly apparentFluxJy: Float64Array;
  readonly sourceCount: number;
}

/** Rows of one integration that are used, with their baseline and antennas. */
export interface BaselineRows {
  /** Row of the slab. */
  readonly row: Int32Array;
  readonly baseline: Int32Array;
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

export function createNormalEquations(
  range: ChannelRange,
  baselineCount: number,
  polarizations: readonly number[],
): NormalEquations {
  const cellCount = baselineCount * (range.end - range.first) * polarizations.length;
  return {
    range,
    baselineCount,
    polarizations,
    dataTimesModel: new Float32Array(2 * cellCount),
    modelPower: new Float32Array(cellCount),
  };
}

/**
 * Half of each source's signal as each antenna has it: √S · exp(2πi ν/c · path), so that a
 * baseline's model is Σ over sources of E_p · conj(E_q).
 * @returns [antenna, channel of the range, source] complex
 */
export function antennaResponses(
  sources: PointSources,
  antennaCount: number,
  frequencyHz: Float64Array,
  range: ChannelRange,
): Float64Array {
  const { sourceCount, pathM, apparentFluxJy } = sources;
  const responses = new Float64Array(2 * antennaCount * (range.end - range.first) * sourceCount);
  let at = 0;
  for (let antenna = 0; antenna < antennaCount; antenna += 1)
    for (let channel = range.first; channel < range.end; channel += 1)
      for (let source = 0; source < sourceCount; source += 1) {
        const turns =
          (frequencyHz[channel]! / SPEED_OF_LIGHT_M_S) * pathM[source * antennaCount + antenna]!;
        const amplitude = Math.sqrt(apparentFluxJy[source * frequencyHz.length + channel]!);
        responses[at] = amplitude * Math.cos(2 * Math.PI * turns);
        responses[at + 1] = amplitude * Math.sin(2 * Math.PI * turns);
        at += 2;
      }
  return responses;
}

/**
 * Adds one integration. Leaves out flagged, zero and non-finite visibilities and those whose power
 * is beyond the limit.
 * @returns how many visibilities were used
 * @param responses of `antennaResponses`
 * @param powerLimit [channel of the range, polarization of the slab], of `AmplitudeClip`
 */
export function accumulate(
  equations: NormalEquations,
  slab: IntegrationSlab,
  rows: BaselineRows,
  responses: Float64Array,
  sourceCount: number,
  powerLimit: Float32Array,
): number {
  const rangeLength = equations.range.end - equations.range.first;
  const modelRe = new Float64Array(rangeLength);
  const modelIm = new Float64Array(rangeLength);
  let used = 0;
  for (let index = 0; index < rows.row.length; index += 1) {
    baselineModel(
      responses,
      sourceCount,
      rows.antenna1[index]! * rangeLength * sourceCount * 2,
      rows.antenna2[index]! * rangeLength * sourceCount * 2,
      modelRe,
      modelIm,
    );
    used += addBaseline(
      equations,
      slab,
      rows.row[index]!,
      rows.baseline[index]!,
      modelRe,
      modelIm,
      powerLimit,
    );
  }
  return used;
}

/** model[channel] = Σ over sources of E_p · conj(E_q); `p` and `q` are where E_p and E_q start. */
function baselineModel(
  responses: Float64Array,
  sourceCount: number,
  p: number,
  q: number,
  modelRe: Float64Array,
  modelIm: Float64Array,
): void {
  let at = 0;
  for (let channel = 0; channel < modelRe.length; channel += 1) {
    let re = 0;
    let im = 0;
    for (let source = 0; source < sourceCount; source += 1) {
      const pRe = responses[p + at]!;
      const pIm = responses[p + at + 1]!;
      const qRe = responses[q + at]!;
      const qIm = responses[q + at + 1]!;
      re += pRe * qRe + pIm * qIm;
      im += pIm * qRe - pRe * qIm;
      at += 2;
    }
    modelRe[channel] = re;
    modelIm[channel] = im;
  }
}

function addBaseline(
  equations: NormalEquations,
  slab: IntegrationSlab,
  row: number,
  baseline: number,
  modelRe: Float64Array,
  modelIm: Float64Array,
  powerLimit: Float32Array,
): number {
  const { dataTimesModel, modelPower, polarizations, range } = equations;
  const { vis, flags, channelCount, polarizationCount } = slab;
  const solvedCount = polarizations.length;
  let from = (row * channelCount + range.first) * polarizationCount;
  let used = 0;
  let to = baseline * modelRe.length * solvedCount;
  for (let channel = 0; channel < modelRe.length; channel += 1) {
    const mRe = modelRe[channel]!;
    const mIm = modelIm[channel]!;
    const power = mRe * mRe + mIm * mIm;
    for (let solved = 0; solved < solvedCount; solved += 1) {
      const pol = polarizations[solved]!;
      const re = vis[2 * (from + pol)]!;
      const im = vis[2 * (from + pol) + 1]!;
      const visPower = re * re + im * im;
      // False for NaN as well.
      const usable = visPower > 0 && visPower <= powerLimit[channel * polarizationCount + pol]!;
      if (usable && flags[from + pol] === 0 && visPower !== Infinity) {
        const at = to + solved;
        dataTimesModel[2 * at] = dataTimesModel[2 * at]! + re * mRe + im * mIm;
        dataTimesModel[2 * at + 1] = dataTimesModel[2 * at + 1]! + im * mRe - re * mIm;
        modelPower[at] = modelPower[at]! + power;
        used += 1;
      }
    }
    from += polarizationCount;
    to += solvedCount;
  }
  return used;
}
