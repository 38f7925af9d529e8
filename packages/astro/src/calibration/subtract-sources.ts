/** Takes point sources off the visibilities of one integration. */
import type { IntegrationSlab } from "../flagging/amplitude-clip.ts";
import { SPEED_OF_LIGHT_M_S } from "../primary-beam.ts";
import type { PointSources } from "./normal-equations.ts";

/** Which antennas the rows of a slab join. */
export interface RowAntennas {
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/**
 * vis −= Σ S · exp(2πi ν/c · (path_p − path_q)) in all polarizations alike. S may be negative: then
 * something is added.
 */
export function subtractSources(
  { vis, rowCount, channelCount, polarizationCount }: IntegrationSlab,
  { antenna1, antenna2 }: RowAntennas,
  sources: PointSources,
  frequencyHz: Float64Array,
): void {
  const { sourceCount, apparentFluxJy } = sources;
  const antennaCount = sources.pathM.length / Math.max(1, sourceCount);
  const { re, im } = antennaPhasors(sources, antennaCount, frequencyHz);
  const modelRe = new Float64Array(channelCount);
  const modelIm = new Float64Array(channelCount);
  for (let row = 0; row < rowCount; row += 1) {
    modelRe.fill(0);
    modelIm.fill(0);
    for (let source = 0; source < sourceCount; source += 1) {
      const p = (source * antennaCount + antenna1[row]!) * channelCount;
      const q = (source * antennaCount + antenna2[row]!) * channelCount;
      const flux = source * channelCount;
      for (let channel = 0; channel < channelCount; channel += 1) {
        const [pRe, pIm] = [re[p + channel]!, im[p + channel]!];
        const [qRe, qIm] = [re[q + channel]!, im[q + channel]!];
        const jy = apparentFluxJy[flux + channel]!;
        modelRe[channel]! += jy * (pRe * qRe + pIm * qIm);
        modelIm[channel]! += jy * (pIm * qRe - pRe * qIm);
      }
    }
    let at = 2 * row * channelCount * polarizationCount;
    for (let channel = 0; channel < channelCount; channel += 1) {
      for (let polarization = 0; polarization < polarizationCount; polarization += 1) {
        vis[at]! -= modelRe[channel]!;
        vis[at + 1]! -= modelIm[channel]!;
        at += 2;
      }
    }
  }
}

/** exp(2πi ν/c · path) as arrays [source, antenna, channel]. */
function antennaPhasors(
  { pathM, sourceCount }: PointSources,
  antennaCount: number,
  frequencyHz: Float64Array,
): { re: Float32Array; im: Float32Array } {
  const channelCount = frequencyHz.length;
  const re = new Float32Array(sourceCount * antennaCount * channelCount);
  const im = new Float32Array(re.length);
  let at = 0;
  for (const path of pathM) {
    const radiansPerHz = (2 * Math.PI * path) / SPEED_OF_LIGHT_M_S;
    for (let channel = 0; channel < channelCount; channel += 1, at += 1) {
      const angle = radiansPerHz * frequencyHz[channel]!;
      re[at] = Math.cos(angle);
      im[at] = Math.sin(angle);
    }
  }
  return { re, im };
}
