/**
 * The VLA calibrator list in `data/vla_calibrators.csv`: one line a calibrator and band.
 *
 * Positions are J2000, which differs from ICRS by less than 0.03″. Fluxes are as the list gives
 * them, at the band's center; the spectral index is ours, from the 20 cm and 6 cm entries.
 */
import { readCsv, type CsvRow } from "./csv.ts";

const RAD_PER_DEG = Math.PI / 180;
export const VLA_L_BAND_HZ = 1.4e9;
/** Center of the VLA's C band when the list was made. */
const VLA_C_BAND_HZ = 4.86e9;
/** Typical synchrotron slope, where the list has no 6 cm flux. */
const SPECTRAL_INDEX_DEFAULT = -0.7;

const COLUMNS = ["name_j2000", "alt_name", "ra_deg", "dec_deg", "band", "quality_ABCD", "flux_jy"];

export interface Calibrator {
  readonly name: string;
  /** Such as 3C286; empty for most. */
  readonly alias: string;
  readonly raRad: number;
  readonly decRad: number;
  /** At 1.4 GHz. */
  readonly fluxJy: number;
  /** α of S ∝ ν^α. */
  readonly spectralIndex: number;
  /** Letters P, S, W, X or ? for the VLA configurations A, B, C, D at 20 cm. */
  readonly quality: string;
}

/** All calibrators with a 20 cm flux, in the list's order. */
export function readVlaCalibrators(path: string): Calibrator[] {
  const rows = readCsv(path, COLUMNS);
  const cBandFluxJy = new Map<string, number>();
  for (const row of rows) {
    if (row.text("band") === "6cm" && hasFlux(row)) {
      cBandFluxJy.set(row.text("name_j2000"), row.number("flux_jy"));
    }
  }
  const lBandRows = rows.filter((row) => row.text("band") === "20cm" && hasFlux(row));
  return lBandRows.map((row) => toCalibrator(row, cBandFluxJy.get(row.text("name_j2000"))));
}

/** @throws {Error} when no calibrator has that J2000 name or alias */
export function findCalibrator(calibrators: readonly Calibrator[], name: string): Calibrator {
  const found = calibrators.find((entry) => entry.name === name || entry.alias === name);
  if (found === undefined) {
    throw new Error(`the VLA calibrator list has no 20 cm flux for a calibrator named ${name}`);
  }
  return found;
}

function hasFlux(row: CsvRow): boolean {
  return Number(row.text("flux_jy")) > 0;
}

function toCalibrator(row: CsvRow, cBandFluxJy: number | undefined): Calibrator {
  const fluxJy = row.number("flux_jy");
  return {
    name: row.text("name_j2000"),
    alias: row.text("alt_name"),
    raRad: row.number("ra_deg") * RAD_PER_DEG,
    decRad: row.number("dec_deg") * RAD_PER_DEG,
    fluxJy,
    spectralIndex:
      cBandFluxJy === undefined
        ? SPECTRAL_INDEX_DEFAULT
        : Math.log(cBandFluxJy / fluxJy) / Math.log(VLA_C_BAND_HZ / VLA_L_BAND_HZ),
    quality: row.text("quality_ABCD"),
  };
}
