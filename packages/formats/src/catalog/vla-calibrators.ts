/**
 * The VLA calibrator list in `data/vla_calibrators.csv`: one line a calibrator and band.
 *
 * Positions are J2000, which differs from ICRS by less than 0.03″. The fluxes of standard sources
 * come from the scale of Perley & Butler (2017); others are as the list gives them, at the band's
 * center, with a spectral index of ours from the 20 cm and 6 cm entries. A calibrator without a
 * 20 cm flux is not in the list: nothing stands in for a missing flux.
 */
import {
  PERLEY_BUTLER_2017,
  polynomialFluxJy,
  polynomialIndex,
  type FluxPolynomial,
} from "@contimg/astro";

import { readCsv, type CsvRow } from "./csv.ts";

const RAD_PER_DEG = Math.PI / 180;
export const VLA_L_BAND_HZ = 1.4e9;
/** Center of the VLA's C band when the list was made. */
const VLA_C_BAND_HZ = 4.86e9;
/** Where a flux of the list, with its spectral index, may be used: the VLA's L band. */
const LIST_FLUX_HZ = { min: 1e9, max: 2e9 };
/** Typical synchrotron slope, where the list has no 6 cm flux. */
const SPECTRAL_INDEX_DEFAULT = -0.7;
/** In the list's column of other names, these name a survey that the position is from. */
const SURVEYS = new Set(["AW574", "CJ1", "CJ2", "JVAS", "VERA", "VSOP"]);
/** Standard sources by J2000 name; the list lacks the aliases of the last two. */
const STANDARDS: ReadonlyMap<string, string> = new Map([
  ["0137+331", "3C48"],
  ["0521+166", "3C138"],
  ["0542+498", "3C147"],
  ["1331+305", "3C286"],
  ["0813+482", "3C196"],
  ["1411+522", "3C295"],
]);

const COLUMNS = [
  ...["name_j2000", "name_b1950", "alt_name", "position_code", "ra_deg", "dec_deg", "band"],
  ...["quality_ABCD", "flux_jy"],
];

export interface Calibrator {
  readonly name: string;
  /** Such as 3C286; empty for most. */
  readonly alias: string;
  readonly nameB1950: string;
  readonly raRad: number;
  readonly decRad: number;
  /** At 1.4 GHz. */
  readonly fluxJy: number;
  /** α of S ∝ ν^α around 1.4 GHz. */
  readonly spectralIndex: number;
  /** Letters P, S, W, C, X or ? for the VLA configurations A, B, C, D at 20 cm. */
  readonly quality: string;
  /** Of a standard source, whose flux it gives. */
  readonly standard?: FluxPolynomial;
}

/** All calibrators with a 20 cm flux, in the list's order. */
export function readVlaCalibrators(path: string): Calibrator[] {
  const rows = readCsv(path, COLUMNS);
  const cBandFluxJy = new Map<string, number>();
  for (const row of rows) {
    if (row.text("band") === "6cm" && fluxOf(row) > 0) {
      cBandFluxJy.set(row.text("name_j2000"), fluxOf(row));
    }
  }
  return rows
    .filter((row) => row.text("band") === "20cm" && fluxOf(row) > 0)
    .map((row) => toCalibrator(row, cBandFluxJy.get(row.text("name_j2000"))));
}

/**
 * By J2000 name (a J before it is allowed), alias, or B1950 name with its B; exactly, since
 * "0834+55" is another source than "0834+555".
 * @throws {Error} when no calibrator with a 20 cm flux has that name
 */
export function findCalibrator(calibrators: readonly Calibrator[], name: string): Calibrator {
  const found = calibrators.find(
    (entry) =>
      entry.name === name ||
      `J${entry.name}` === name ||
      `B${entry.nameB1950}` === name ||
      (entry.alias !== "" && entry.alias === name),
  );
  if (found === undefined) {
    throw new Error(`the VLA calibrator list has no 20 cm flux for a calibrator named ${name}`);
  }
  return found;
}

/**
 * Flux density at a frequency of our band: a standard source's polynomial, else the power law.
 * @throws {RangeError} where neither holds
 */
export function calibratorFluxJy(calibrator: Calibrator, frequencyHz: number): number {
  const { name, standard, fluxJy, spectralIndex } = calibrator;
  if (standard !== undefined) return polynomialFluxJy(standard, frequencyHz);
  if (!(frequencyHz >= LIST_FLUX_HZ.min && frequencyHz <= LIST_FLUX_HZ.max)) {
    throw new RangeError(
      `the flux of ${name} is known from ${LIST_FLUX_HZ.min} to ${LIST_FLUX_HZ.max} Hz, ` +
        `not at ${frequencyHz} Hz`,
    );
  }
  return fluxJy * (frequencyHz / VLA_L_BAND_HZ) ** spectralIndex;
}

/** 0 where the list has none: blank, or the zeros of 3C279 and 3C371. */
function fluxOf(row: CsvRow): number {
  return row.text("flux_jy") === "" ? 0 : row.number("flux_jy");
}

function toCalibrator(row: CsvRow, cBandFluxJy: number | undefined): Calibrator {
  const name = row.text("name_j2000");
  const other = row.text("alt_name");
  const decDeg = row.number("dec_deg");
  if (Math.abs(decDeg) > 90) row.fail("dec_deg", `is ${decDeg}, expected -90…90`);
  const quality = row.text("quality_ABCD");
  if (!/^[PSWCX?]{4}$/.test(quality)) {
    row.fail("quality_ABCD", `is "${quality}", expected four letters of P, S, W, C, X, ?`);
  }
  const standardName = STANDARDS.get(name);
  const standard = standardName === undefined ? undefined : PERLEY_BUTLER_2017.get(standardName);
  const listFluxJy = row.number("flux_jy");
  const common = {
    name,
    alias: standardName ?? (SURVEYS.has(other) ? "" : other),
    nameB1950: row.text("name_b1950"),
    raRad: row.number("ra_deg") * RAD_PER_DEG,
    decRad: decDeg * RAD_PER_DEG,
    quality,
  };
  if (standard !== undefined) {
    return {
      ...common,
      fluxJy: polynomialFluxJy(standard, VLA_L_BAND_HZ),
      spectralIndex: polynomialIndex(standard, VLA_L_BAND_HZ),
      standard,
    };
  }
  return {
    ...common,
    fluxJy: listFluxJy,
    spectralIndex:
      cBandFluxJy === undefined
        ? SPECTRAL_INDEX_DEFAULT
        : Math.log(cBandFluxJy / listFluxJy) / Math.log(VLA_C_BAND_HZ / VLA_L_BAND_HZ),
  };
}
