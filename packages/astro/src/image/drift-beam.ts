/**
 * The primary beam of a drift scan, averaged over the scan and the band as the image was.
 *
 * The antennas stand still on the meridian while the sky moves through their beam, so the response
 * to a sky position is the mean of the Airy pattern over the track that the position takes. For a
 * tile of 309 s at 1.4 GHz that is up to 10 % lower at half power than the pattern at mid-time.
 */
import { separationRad } from "../angle.ts";
import { apparentHourAngleDec, type EarthOrientation } from "../apparent-place.ts";
import { airyPower } from "../primary-beam.ts";
import { pixelToSky, type SkyPosition, type Wcs } from "./wcs.ts";

export type Pointing =
  | {
      readonly kind: "drift";
      /** One entry an integration (or a thinned-out set of them). */
      readonly orientations: readonly EarthOrientation[];
      /** Apparent declination of the beam's center, on the meridian. */
      readonly declinationRad: number;
    }
  /** Antennas that follow the sky: one direction (ICRS) for the whole observation. */
  | { readonly kind: "tracking"; readonly center: SkyPosition };

export interface BeamScan {
  readonly pointing: Pointing;
  /** Channels (or a thinned-out set of them). */
  readonly frequencyHz: readonly number[];
  readonly dishDiameterM: number;
  /**
   * What each counts; shape [time, channel], times as in `pointing`. All alike when absent. Antennas
   * that track have one row, or one an integration.
   */
  readonly weights?: Float64Array;
}

/** Weighted mean power response towards an ICRS position, 1 on axis. */
export function beamResponse(scan: BeamScan, position: SkyPosition): number {
  const { frequencyHz, weights } = scan;
  const offAxisRad = offAxisAngles(scan.pointing, position);
  let sum = 0;
  let total = 0;
  for (const [time, angleRad] of offAxisRad.entries()) {
    for (const [channel, hz] of frequencyHz.entries()) {
      const weight = weights?.[time * frequencyHz.length + channel] ?? 1;
      sum += weight * airyPower(angleRad, hz, scan.dishDiameterM);
      total += weight;
    }
  }
  return sum / total;
}

function offAxisAngles(pointing: Pointing, { raRad, decRad }: SkyPosition): number[] {
  if (pointing.kind === "tracking") {
    return [separationRad(raRad, decRad, pointing.center.raRad, pointing.center.decRad)];
  }
  return pointing.orientations.map((orientation) => {
    const apparent = apparentHourAngleDec(orientation, raRad, decRad);
    return separationRad(apparent.hourAngleRad, apparent.decRad, 0, pointing.declinationRad);
  });
}

/**
 * Cells of the coarse grid along each side. Over 4° at half-power width 2.7° the error of linear
 * interpolation, h²/8 · A″, is below 1e−4 of the peak.
 */
const GRID_CELLS = 128;

/**
 * Map of the response over an image, linear between the nodes of a coarse grid.
 *
 * @returns shape [height, width]; NaN where the projection has no sky
 */
export function beamMap(
  scan: BeamScan,
  wcs: Wcs,
  shape: { width: number; height: number },
): Float32Array {
  const { width, height } = shape;
  const stepX = (width - 1) / GRID_CELLS;
  const stepY = (height - 1) / GRID_CELLS;
  const nodes = new Float64Array((GRID_CELLS + 1) ** 2);
  for (let row = 0; row <= GRID_CELLS; row++) {
    for (let column = 0; column <= GRID_CELLS; column++) {
      const sky = pixelToSky(wcs, { x: column * stepX, y: row * stepY });
      nodes[row * (GRID_CELLS + 1) + column] = sky === undefined ? NaN : beamResponse(scan, sky);
    }
  }
  const map = new Float32Array(width * height);
  const line = new Float64Array(GRID_CELLS + 1);
  for (let y = 0; y < height; y++) {
    interpolateRow(nodes, y / stepY, line);
    for (let x = 0; x < width; x++) {
      const column = Math.min(Math.floor(x / stepX), GRID_CELLS - 1);
      const share = x / stepX - column;
      map[y * width + x] = line[column]! * (1 - share) + line[column + 1]! * share;
    }
  }
  return map;
}

function interpolateRow(nodes: Float64Array, rowPosition: number, line: Float64Array): void {
  const row = Math.min(Math.floor(rowPosition), GRID_CELLS - 1);
  const share = rowPosition - row;
  for (let column = 0; column <= GRID_CELLS; column++) {
    const below = nodes[row * (GRID_CELLS + 1) + column]!;
    const above = nodes[(row + 1) * (GRID_CELLS + 1) + column]!;
    line[column] = below * (1 - share) + above * share;
  }
}
