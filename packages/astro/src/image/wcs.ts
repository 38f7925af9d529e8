/**
 * World coordinates of images: SIN and TAN projections about a reference point.
 *
 * Calabretta & Greisen (2002), A&A 395, 1077, sections 5.1.3 and 5.1.5. Pixel indices count from 0
 * at the center of the first pixel (FITS counts from 1). Angles are radians; right ascensions come
 * back in [0, 2π) whatever range the header used (WSClean writes negative CRVAL1).
 */
import { DEGREE_RAD, wrapTurn } from "../angle.ts";

export interface Wcs {
  readonly projection: "SIN" | "TAN";
  readonly referenceRaRad: number;
  readonly referenceDecRad: number;
  /** Pixel of the reference point, from 0. */
  readonly referenceX: number;
  readonly referenceY: number;
  /** Row-major 2×2: intermediate world coordinates (east, north) per pixel (x, y) [rad]. */
  readonly radPerPixel: readonly [number, number, number, number];
}

export interface SkyPosition {
  readonly raRad: number;
  readonly decRad: number;
}

export interface PixelPosition {
  readonly x: number;
  readonly y: number;
}

/** What this module needs of a FITS header. */
export interface WcsCards {
  find(keyword: string): string | number | boolean | undefined;
}

/**
 * Reads the celestial WCS of axes 1 and 2: CTYPE, CRVAL, CRPIX and CDELT with CROTA2 or PCi_j, or
 * CDi_j.
 *
 * @throws {RangeError} for another projection, a slanted SIN, or a card that is missing
 */
export function wcsFromCards(cards: WcsCards): Wcs {
  const number = (keyword: string, fallback?: number): number => {
    const value = cards.find(keyword) ?? fallback;
    if (typeof value === "number") return value;
    throw new RangeError(`WCS card ${keyword} is ${String(value)}, expected a number`);
  };
  for (const keyword of ["PV2_1", "PV2_2"]) {
    if (number(keyword, 0) !== 0) throw new RangeError(`WCS card ${keyword} is not 0: slanted SIN`);
  }
  return {
    projection: projectionOf(cards),
    referenceRaRad: wrapTurn(number("CRVAL1") * DEGREE_RAD),
    referenceDecRad: number("CRVAL2") * DEGREE_RAD,
    referenceX: number("CRPIX1") - 1,
    referenceY: number("CRPIX2") - 1,
    radPerPixel: pixelMatrix(cards, number),
  };
}

function projectionOf(cards: WcsCards): "SIN" | "TAN" {
  const types = [cards.find("CTYPE1"), cards.find("CTYPE2")].map(String).join(" ");
  if (types === "RA---SIN DEC--SIN") return "SIN";
  if (types === "RA---TAN DEC--TAN") return "TAN";
  throw new RangeError(`WCS axes are "${types}", expected RA and DEC in SIN or TAN projection`);
}

function pixelMatrix(
  cards: WcsCards,
  number: (keyword: string, fallback?: number) => number,
): Wcs["radPerPixel"] {
  if (cards.find("CD1_1") !== undefined) {
    const cd = ["CD1_1", "CD1_2", "CD2_1", "CD2_2"].map((keyword) => number(keyword, 0));
    return [cd[0]! * DEGREE_RAD, cd[1]! * DEGREE_RAD, cd[2]! * DEGREE_RAD, cd[3]! * DEGREE_RAD];
  }
  const dx = number("CDELT1") * DEGREE_RAD;
  const dy = number("CDELT2") * DEGREE_RAD;
  const rotationRad = number("CROTA2", 0) * DEGREE_RAD;
  if (rotationRad !== 0) {
    const [cos, sin] = [Math.cos(rotationRad), Math.sin(rotationRad)];
    return [dx * cos, -dy * sin, dx * sin, dy * cos];
  }
  return [
    dx * number("PC1_1", 1),
    dx * number("PC1_2", 0),
    dy * number("PC2_1", 0),
    dy * number("PC2_2", 1),
  ];
}

/** Side of a pixel along north [rad]: the cell of a square grid. */
export function cellRad(wcs: Wcs): number {
  return Math.hypot(wcs.radPerPixel[1], wcs.radPerPixel[3]);
}

/** @returns the sky position of a pixel, or undefined where the projection has no sky */
export function pixelToSky(wcs: Wcs, { x, y }: PixelPosition): SkyPosition | undefined {
  const [a, b, c, d] = wcs.radPerPixel;
  const east = a * (x - wcs.referenceX) + b * (y - wcs.referenceY);
  const north = c * (x - wcs.referenceX) + d * (y - wcs.referenceY);
  const r2 = east * east + north * north;
  if (wcs.projection === "SIN" && r2 > 1) return undefined;

  // (l, m, n) in the frame of the reference point; TAN is the gnomonic l/n, m/n.
  const n = wcs.projection === "SIN" ? Math.sqrt(1 - r2) : 1 / Math.sqrt(1 + r2);
  const [l, m] = wcs.projection === "SIN" ? [east, north] : [east * n, north * n];
  const sin0 = Math.sin(wcs.referenceDecRad);
  const cos0 = Math.cos(wcs.referenceDecRad);
  const raRad = wcs.referenceRaRad + Math.atan2(l, n * cos0 - m * sin0);
  const toPole = m * cos0 + n * sin0;
  return { raRad: wrapTurn(raRad), decRad: Math.asin(Math.min(1, Math.max(-1, toPole))) };
}

/** @returns the pixel of a sky position, or undefined for the far side of the sky */
export function skyToPixel(wcs: Wcs, { raRad, decRad }: SkyPosition): PixelPosition | undefined {
  const sin0 = Math.sin(wcs.referenceDecRad);
  const cos0 = Math.cos(wcs.referenceDecRad);
  const deltaRa = raRad - wcs.referenceRaRad;
  const l = Math.cos(decRad) * Math.sin(deltaRa);
  const m = Math.sin(decRad) * cos0 - Math.cos(decRad) * sin0 * Math.cos(deltaRa);
  const n = Math.sin(decRad) * sin0 + Math.cos(decRad) * cos0 * Math.cos(deltaRa);
  if (n <= 0) return undefined;

  const [east, north] = wcs.projection === "SIN" ? [l, m] : [l / n, m / n];
  const [a, b, c, d] = wcs.radPerPixel;
  const determinant = a * d - b * c;
  return {
    x: wcs.referenceX + (d * east - b * north) / determinant,
    y: wcs.referenceY + (a * north - c * east) / determinant,
  };
}
