/**
 * A sky of point sources as a meridian telescope sees it: the beam stands still at hour angle 0,
 * the sources drift through it, and phases refer to a phase center that moves with the sky.
 */
import {
  apparentHourAngleDec,
  unitVector,
  type EarthOrientation,
  type RaDec,
} from "../apparent-place.ts";
import { separationRad } from "../angle.ts";
import { airyPower, DISH_DIAMETER_M } from "../primary-beam.ts";
import { framePositionAngle, uvwBasis } from "../uvw.ts";
import type { PointSources } from "./normal-equations.ts";

/** Flux density S(ν) = S₀ (ν / ν₀)^α, unpolarized, at an ICRS position. */
export interface PointSource extends RaDec {
  readonly fluxJy: number;
  readonly referenceFrequencyHz: number;
  readonly spectralIndex: number;
}

export interface DriftView {
  readonly phaseCenter: RaDec;
  /** Apparent declination at which the beam stands. */
  readonly pointingDecRad: number;
  /** Centers of all channels. */
  readonly frequencyHz: Float64Array;
  readonly dishDiameterM?: number;
}

/**
 * The sources at one instant.
 * @param antennaUvwM [antenna, uvw] at that instant, as `antennaUvwOfRows`
 */
export function driftingSources(
  sources: readonly PointSource[],
  view: DriftView,
  orientation: EarthOrientation,
  antennaUvwM: Float64Array,
): PointSources {
  const antennaCount = antennaUvwM.length / 3;
  const { raRad, decRad } = view.phaseCenter;
  const center = apparentHourAngleDec(orientation, raRad, decRad);
  const positionAngleRad = framePositionAngle(orientation, raRad, decRad);
  const basis = uvwBasis(center.hourAngleRad, center.decRad, positionAngleRad);
  const pathM = new Float64Array(sources.length * antennaCount);
  const apparentFluxJy = new Float64Array(sources.length * view.frequencyHz.length);
  for (const [index, source] of sources.entries()) {
    const place = apparentHourAngleDec(orientation, source.raRad, source.decRad);
    const direction = unitVector(-place.hourAngleRad, place.decRad);
    fillPaths(antennaUvwM, basis, direction, pathM, index * antennaCount);
    const offAxisRad = separationRad(place.hourAngleRad, place.decRad, 0, view.pointingDecRad);
    fillFluxes(source, offAxisRad, view, apparentFluxJy, index * view.frequencyHz.length);
  }
  return { sourceCount: sources.length, pathM, apparentFluxJy };
}

/** One source at the phase center, without a primary beam. */
export function sourceAtPhaseCenter(
  fluxJy: number,
  antennaCount: number,
  channelCount: number,
): PointSources {
  return {
    sourceCount: 1,
    pathM: new Float64Array(antennaCount),
    apparentFluxJy: new Float64Array(channelCount).fill(fluxJy),
  };
}

/** Apparent flux density of a source: its own times the primary beam. */
export function apparentFluxJy(
  source: PointSource,
  offAxisRad: number,
  frequencyHz: number,
  dishDiameterM = DISH_DIAMETER_M,
): number {
  return (
    source.fluxJy *
    (frequencyHz / source.referenceFrequencyHz) ** source.spectralIndex *
    airyPower(offAxisRad, frequencyHz, dishDiameterM)
  );
}

/** path = P · (l, m, n − 1), with (l, m, n) the direction in the basis of u, v, w. */
function fillPaths(
  antennaUvwM: Float64Array,
  basis: Float64Array,
  direction: Float64Array,
  pathM: Float64Array,
  at: number,
): void {
  const [x, y, z] = [direction[0]!, direction[1]!, direction[2]!];
  const l = basis[0]! * x + basis[1]! * y + basis[2]! * z;
  const m = basis[3]! * x + basis[4]! * y + basis[5]! * z;
  // n − 1 from l and m: the difference of nearly equal numbers would lose six digits.
  const nLessOne = -(l * l + m * m) / (1 + Math.sqrt(1 - l * l - m * m));
  for (let antenna = 0; antenna < antennaUvwM.length / 3; antenna += 1)
    pathM[at + antenna] =
      antennaUvwM[3 * antenna]! * l +
      antennaUvwM[3 * antenna + 1]! * m +
      antennaUvwM[3 * antenna + 2]! * nLessOne;
}

function fillFluxes(
  source: PointSource,
  offAxisRad: number,
  view: DriftView,
  fluxes: Float64Array,
  at: number,
): void {
  for (let channel = 0; channel < view.frequencyHz.length; channel += 1)
    fluxes[at + channel] = apparentFluxJy(
      source,
      offAxisRad,
      view.frequencyHz[channel]!,
      view.dishDiameterM,
    );
}
