/**
 * The reference catalog: point sources with positions, fluxes and spectral indices, as CSV.
 *
 * Columns `name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index`; positions ICRS.
 */
import { writeFileSync } from "node:fs";
import { readCsv } from "./csv.ts";

const RAD_PER_DEG = Math.PI / 180;
const COLUMNS = [
  "name",
  "ra_deg",
  "dec_deg",
  "flux_jy",
  "reference_frequency_hz",
  "spectral_index",
] as const;

export interface CatalogSource {
  readonly name: string;
  readonly raRad: number;
  readonly decRad: number;
  /** At the reference frequency. */
  readonly fluxJy: number;
  readonly referenceFrequencyHz: number;
  /** α of S ∝ ν^α. */
  readonly spectralIndex: number;
}

/** Flux density of a power-law source at another frequency. */
export function fluxAtJy(source: CatalogSource, frequencyHz: number): number {
  return source.fluxJy * (frequencyHz / source.referenceFrequencyHz) ** source.spectralIndex;
}

/** @throws {Error} that names file, line and column of a value out of range */
export function readReferenceCatalog(path: string): CatalogSource[] {
  return readCsv(path, COLUMNS).map((row) => {
    const decDeg = row.number("dec_deg");
    if (Math.abs(decDeg) > 90) row.fail("dec_deg", `is ${decDeg}, expected -90…90`);
    const referenceFrequencyHz = row.number("reference_frequency_hz");
    if (!(referenceFrequencyHz > 0)) {
      row.fail("reference_frequency_hz", `is ${referenceFrequencyHz}, expected above 0`);
    }
    return {
      name: row.text("name"),
      raRad: row.number("ra_deg") * RAD_PER_DEG,
      decRad: decDeg * RAD_PER_DEG,
      fluxJy: row.number("flux_jy"),
      referenceFrequencyHz,
      spectralIndex: row.number("spectral_index"),
    };
  });
}

/** Positions to 1e-7 degrees (0.4 mas), fluxes to 1 µJy. */
export function writeReferenceCatalog(path: string, sources: readonly CatalogSource[]): void {
  const lines = sources.map((source) =>
    [
      source.name,
      (source.raRad / RAD_PER_DEG).toFixed(7),
      (source.decRad / RAD_PER_DEG).toFixed(7),
      source.fluxJy.toFixed(6),
      source.referenceFrequencyHz.toFixed(0),
      source.spectralIndex.toFixed(4),
    ].join(","),
  );
  writeFileSync(path, [COLUMNS.join(","), ...lines, ""].join("\n"));
}
