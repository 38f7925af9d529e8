/**
 * What drifts through the beam during one tile: apparent directions, beam angles and fluxes.
 *
 * The beam stands still at hour angle 0 and the pointing declination (apparent, of date); each
 * source is placed by astro's apparent places at the center of every integration.
 */
import {
  airyPower,
  apparentHourAngleDec,
  earthOrientation,
  unitVector,
  type Site,
} from "@contimg/astro";
import { fluxAtJy } from "@contimg/formats";
import type { Band } from "./array.ts";
import { transmitterFluxJy, type Transmitter } from "./interference.ts";
import { variation, type SkySource } from "./strip-sky.ts";

const BAND_CENTER_HZ = 1.405e9;
/** Fainter ones add less to the image than a fifth of its thermal noise does. */
const APPARENT_MIN_JY = 0.001;

export interface ObservedSource {
  readonly source: SkySource;
  /** Of the light curve, at this tile's mid-time. */
  readonly factor: number;
  /** Apparent flux at 1.405 GHz, averaged over the tile, beam included. */
  readonly apparentFluxJy: number;
  /** Angle to the beam's axis at mid-tile. */
  readonly separationRad: number;
}

export interface Observation {
  readonly sources: readonly ObservedSource[];
  /** s − w0 of sources, then transmitters; shape [time, source, 3], local frame. */
  readonly directions: Float64Array;
  /** Angle to the beam's axis, shape [time, source without transmitters]. */
  readonly separationsRad: Float64Array;
  readonly timesMjd: Float64Array;
}

export interface ObserveOptions {
  readonly sky: readonly SkySource[];
  readonly transmitters: readonly Transmitter[];
  readonly timesMjd: Float64Array;
  readonly pointingDecRad: number;
  readonly site: Site;
}

export function observe(options: ObserveOptions): Observation {
  const { sky, transmitters, timesMjd, pointingDecRad, site } = options;
  const axis = unitVector(0, pointingDecRad);
  const midMjd = (timesMjd[0]! + timesMjd.at(-1)!) / 2;
  const orientations = Array.from(timesMjd, (mjd) => earthOrientation(mjd, site));
  const paths = sky.map((source) => pathOf(source, orientations, axis));
  const seen = sky
    .map((source, index) => toObserved(source, paths[index]!, midMjd))
    .map((observed, index) => ({ observed, path: paths[index]! }))
    .filter(({ observed }) => observed.apparentFluxJy >= APPARENT_MIN_JY);

  const columnCount = seen.length + transmitters.length;
  const directions = new Float64Array(timesMjd.length * columnCount * 3);
  const separationsRad = new Float64Array(timesMjd.length * seen.length);
  for (let time = 0; time < timesMjd.length; time++) {
    const columns = [
      ...seen.map(({ path }) => path.directions.subarray(3 * time, 3 * time + 3)),
      ...transmitters.map(({ direction }) => direction),
    ];
    columns.forEach((direction, column) => {
      for (let k = 0; k < 3; k++) {
        directions[3 * (time * columnCount + column) + k] = direction[k]! - axis[k]!;
      }
    });
    seen.forEach(({ path }, index) => {
      separationsRad[time * seen.length + index] = path.separationsRad[time]!;
    });
  }
  return { sources: seen.map(({ observed }) => observed), directions, separationsRad, timesMjd };
}

/** Apparent fluxes of sources and transmitters, shape [time, source, channel] [Jy]. */
export function apparentFluxes(
  observation: Observation,
  transmitters: readonly Transmitter[],
  frequencyHz: Float64Array,
  channelWidthHz: Band["channelWidthHz"],
): Float32Array {
  const { sources, separationsRad, timesMjd } = observation;
  const channelCount = frequencyHz.length;
  const columnCount = sources.length + transmitters.length;
  const fluxJy = new Float32Array(timesMjd.length * columnCount * channelCount);
  const spectra = sources.map(({ source, factor }) =>
    Float64Array.from(frequencyHz, (frequency) => factor * fluxAtJy(source, frequency)),
  );
  for (let time = 0; time < timesMjd.length; time++) {
    for (let column = 0; column < columnCount; column++) {
      const at = (time * columnCount + column) * channelCount;
      for (let channel = 0; channel < channelCount; channel++) {
        const frequency = frequencyHz[channel]!;
        fluxJy[at + channel] =
          column < sources.length
            ? spectra[column]![channel]! *
              airyPower(separationsRad[time * sources.length + column]!, frequency)
            : transmitterFluxJy(
                transmitters[column - sources.length]!,
                time,
                frequency,
                channelWidthHz,
              );
      }
    }
  }
  return fluxJy;
}

interface Path {
  /** Unit vectors, shape [time, 3]. */
  readonly directions: Float64Array;
  readonly separationsRad: Float64Array;
}

function pathOf(
  source: SkySource,
  orientations: readonly ReturnType<typeof earthOrientation>[],
  axis: Float64Array,
): Path {
  const directions = new Float64Array(3 * orientations.length);
  const separationsRad = new Float64Array(orientations.length);
  orientations.forEach((orientation, time) => {
    const place = apparentHourAngleDec(orientation, source.raRad, source.decRad);
    const direction = unitVector(-place.hourAngleRad, place.decRad);
    directions.set(direction, 3 * time);
    separationsRad[time] = angleBetween(direction, axis);
  });
  return { directions, separationsRad };
}

function toObserved(source: SkySource, path: Path, midMjd: number): ObservedSource {
  const factor = variation(source, midMjd);
  const beams = path.separationsRad.map((angle) =>
    angle < Math.PI / 2 ? airyPower(angle, BAND_CENTER_HZ) : 0,
  );
  const meanBeam = beams.reduce((sum, beam) => sum + beam, 0) / beams.length;
  return {
    source,
    factor,
    apparentFluxJy: factor * fluxAtJy(source, BAND_CENTER_HZ) * meanBeam,
    separationRad: path.separationsRad[Math.floor(path.separationsRad.length / 2)]!,
  };
}

/** Half-angle form: accurate for small angles, where the arc cosine is not. */
function angleBetween(one: Float64Array, other: Float64Array): number {
  const chord = Math.hypot(one[0]! - other[0]!, one[1]! - other[1]!, one[2]! - other[2]!);
  return 2 * Math.asin(Math.min(1, chord / 2));
}
