/**
 * Blind detections against the reference catalogue: astrometry, flux scale, completeness, false
 * detections; and the verdict on them.
 */
import {
  crossmatch,
  type DetectedSource,
  medianOf,
  offsetRad,
  pixelToSky,
  type SkyPosition,
} from "@contimg/astro";

import type { QualityVerdict } from "../stage.ts";
import { type Field, type FieldSource, responseAt } from "./catalog-field.ts";

/** Limits of the telescope's operation; a number each so that they can be configured. */
export interface ValidationLimits {
  readonly offsetFailArcsec: number;
  readonly offsetWarnArcsec: number;
  /** |1 − median flux ratio|. */
  readonly fluxScaleFail: number;
  readonly fluxScaleWarn: number;
  readonly completenessFail: number;
  readonly completenessWarn: number;
  readonly unmatchedWarn: number;
}

export const VALIDATION_LIMITS: ValidationLimits = {
  offsetFailArcsec: 5,
  offsetWarnArcsec: 2.5,
  fluxScaleFail: 0.2,
  fluxScaleWarn: 0.1,
  completenessFail: 0.7,
  completenessWarn: 0.8,
  unmatchedWarn: 2,
};

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
}

/** Noise of the uncorrected image at a pixel [Jy/beam]. */
export type NoiseAt = (x: number, y: number) => number;

const ARCSEC_PER_RAD = (180 / Math.PI) * 3600;

/** Detections inside the response limit, each with its nearest catalogue source in the radius. */
export function matchDetections(
  detections: readonly DetectedSource[],
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
  /** Detections without a catalogue source: false, or new. */
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
  return {
    detection_count: validated.length,
    matched_count: matchedCount,
    unmatched_count: validated.length - matchedCount,
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

/** Too few sources to compare is a warning: an empty field is no proof of a good image. */
export function gradeValidation(
  summary: ValidationSummary,
  limits: ValidationLimits,
): QualityVerdict {
  const failures: string[] = [];
  const warnings: string[] = [];
  const judge = (bad: { fail: boolean; warn: boolean }, text: string): void => {
    if (bad.fail) failures.push(text);
    else if (bad.warn) warnings.push(text);
  };
  const { completeness, median_flux_ratio: ratio, rms_offset_arcsec: offset } = summary;
  if (completeness === null || ratio === null || offset === null) {
    warnings.push(`only ${summary.matched_count} sources could be compared with the catalogue`);
  }
  if (completeness !== null) {
    const found = `${summary.found_count} of ${summary.expected_count} expected sources found`;
    const [fail, warn] = [limits.completenessFail, limits.completenessWarn];
    judge({ fail: completeness < fail, warn: completeness < warn }, `${found}, limit ${warn}`);
  }
  if (ratio !== null) {
    const off = Math.abs(1 - ratio);
    const text = `median flux ratio is ${ratio.toFixed(3)}, limit 1 ± ${limits.fluxScaleWarn}`;
    judge({ fail: off > limits.fluxScaleFail, warn: off > limits.fluxScaleWarn }, text);
  }
  if (offset !== null) {
    const text = `rms offset is ${offset.toFixed(2)} arcsec, limit ${limits.offsetWarnArcsec}`;
    const [fail, warn] = [limits.offsetFailArcsec, limits.offsetWarnArcsec];
    judge({ fail: offset > fail, warn: offset > warn }, text);
  }
  const unmatched = summary.unmatched_count;
  const text = `${unmatched} detections have no catalogue source, limit ${limits.unmatchedWarn}`;
  judge({ fail: false, warn: unmatched > limits.unmatchedWarn }, text);
  return {
    grade: failures.length > 0 ? "fail" : warnings.length > 0 ? "warn" : "good",
    findings: [...failures, ...warnings],
    metrics: numbersOf(summary),
  };
}

function numbersOf(summary: ValidationSummary): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries<number | null>({ ...summary })) {
    if (value !== null) numbers[name] = value;
  }
  return numbers;
}
