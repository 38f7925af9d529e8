/**
 * Blind detections against the reference catalogue: astrometry, flux scale, completeness, false
 * detections.
 */
import {
  crossmatch,
  type DetectedSource,
  medianOf,
  offsetRad,
  pixelToSky,
  type SkyPosition,
} from "@contimg/astro";

import { type Field, type FieldSource, responseAt } from "./catalog-field.ts";

/** What is needed of one. */
export type Detection = Pick<DetectedSource, "x" | "y" | "amplitude" | "snr" | "localRms">;

/** A blind detection with its true flux and, where it has one, its catalogue entry. */
export interface ValidatedSource extends SkyPosition {
  readonly snr: number;
  /** Over the primary beam. */
  readonly fluxJy: number;
  readonly localRmsJy: number;
  readonly match: Matched | undefined;
}

interface Matched {
  readonly name: string;
  readonly fluxRatio: number;
  /** Image minus catalogue. */
  readonly eastArcsec: number;
  readonly northArcsec: number;
}

export interface ValidationOptions {
  readonly matchRadiusArcsec: number;
  readonly responseMin: number;
  /** Detections and catalogue sources weaker than this are not judged [σ]. */
  readonly judgedSnrMin: number;
  /** Weaker detections without a catalogue source are not counted [σ]. */
  readonly countedSnrMin: number;
}

/** Noise of the uncorrected image at a pixel [Jy/beam]. */
export type NoiseAt = (x: number, y: number) => number;

const ARCSEC_PER_RAD = (180 / Math.PI) * 3600;

/** Detections inside the response limit, each with its nearest catalogue source in the radius. */
export function matchDetections(
  detections: readonly Detection[],
  expected: readonly FieldSource[],
  field: Field,
  options: ValidationOptions,
): ValidatedSource[] {
  const found = detections.flatMap((detection) => {
    const position = pixelToSky(field.wcs, detection);
    const response = responseAt(field, detection);
    if (position === undefined || !(response >= options.responseMin)) return [];
    return [{ detection, response, ...position }];
  });
  const sources = expected.map(({ source }) => source);
  const matches = crossmatch(found, sources, options.matchRadiusArcsec / ARCSEC_PER_RAD);
  const expectedOf = new Map(matches.map((match) => [match.firstIndex, match.secondIndex]));
  return found.map(({ detection, response, raRad, decRad }, index) => {
    const fluxJy = detection.amplitude / response;
    const partner = expected[expectedOf.get(index) ?? -1];
    const common = { raRad, decRad, snr: detection.snr, localRmsJy: detection.localRms };
    if (partner === undefined) return { ...common, fluxJy, match: undefined };
    const { eastRad, northRad } = offsetRad(partner.source, { raRad, decRad });
    const match = {
      name: partner.source.name,
      fluxRatio: fluxJy / partner.fluxJy,
      eastArcsec: eastRad * ARCSEC_PER_RAD,
      northArcsec: northRad * ARCSEC_PER_RAD,
    };
    return { ...common, fluxJy, match };
  });
}

export interface ValidationSummary {
  readonly detection_count: number;
  readonly matched_count: number;
  /** Detections without a catalogue source, strong enough to be counted: false, or new. */
  readonly unmatched_count: number;
  /** Catalogue sources bright enough to be judged, and how many of them were found. */
  readonly expected_count: number;
  readonly found_count: number;
  /** The rest is null where nothing could be compared. */
  readonly completeness: number | null;
  readonly median_flux_ratio: number | null;
  readonly median_east_arcsec: number | null;
  readonly median_north_arcsec: number | null;
  readonly rms_offset_arcsec: number | null;
}

export function summarize(
  validated: readonly ValidatedSource[],
  expected: readonly FieldSource[],
  noiseAt: NoiseAt,
  options: ValidationOptions,
): ValidationSummary {
  const judged = expected.filter(({ fluxJy, response, pixel }) => {
    return fluxJy * response >= options.judgedSnrMin * noiseAt(pixel.x, pixel.y);
  });
  const foundNames = new Set(validated.map(({ match }) => match?.name));
  const foundCount = judged.filter(({ source }) => foundNames.has(source.name)).length;
  const strong = validated.flatMap(({ match, snr }) =>
    match !== undefined && snr >= options.judgedSnrMin ? [match] : [],
  );
  const squares = strong.map(({ eastArcsec, northArcsec }) => eastArcsec ** 2 + northArcsec ** 2);
  const matchedCount = validated.filter(({ match }) => match !== undefined).length;
  const unmatched = validated.filter(
    ({ match, snr }) => match === undefined && snr >= options.countedSnrMin,
  );
  return {
    detection_count: validated.length,
    matched_count: matchedCount,
    unmatched_count: unmatched.length,
    expected_count: judged.length,
    found_count: foundCount,
    completeness: judged.length === 0 ? null : foundCount / judged.length,
    median_flux_ratio: medianOf(strong.map(({ fluxRatio }) => fluxRatio)),
    median_east_arcsec: medianOf(strong.map(({ eastArcsec }) => eastArcsec)),
    median_north_arcsec: medianOf(strong.map(({ northArcsec }) => northArcsec)),
    rms_offset_arcsec:
      squares.length === 0 ? null : Math.sqrt(squares.reduce((a, b) => a + b) / squares.length),
  };
}
