/**
 * Injected truth against what the pipeline measured. Pure.
 *
 * A source counts as bright when its injected flux is 8 times the local noise of the corrected
 * image at its place; it is found when blind detection has something within the match radius.
 */
import { medianOf } from "@contimg/astro";
import { z } from "zod";

const BRIGHT_SIGMA = 8;
/** From here to BRIGHT_SIGMA a source is faint: noise alone hides some of them. */
const FAINT_SIGMA = 5;
/** Fainter detections may be noise and are not counted as false. */
const FALSE_SIGMA = 5;
/**
 * Sources whose place the noise alone lets be off by more say more about the noise than about the
 * astrometry.
 */
export const STRONG_ERROR_ARCSEC = 0.3;
/** What an error of the gains of 1 %, the limit of their tests, can do to a flux. */
const CALIBRATION_SHARE = 0.01;
/** Three times the error of place of a 5 σ source along a beam of 35″, and some (Condon 1997). */
const MATCH_RADIUS_ARCSEC = 17;
const ARCSEC_PER_DEG = 3600;

/** What the simulator writes beside a group, as far as it is compared. */
export const truthSchema = z.object({
  group_id: z.string(),
  sources: z.array(
    z.object({
      name: z.string(),
      ra_deg: z.number(),
      dec_deg: z.number(),
      mid_band_flux_jy: z.number(),
    }),
  ),
});

/** The result of the photometry stage. */
export const photometrySchema = z.object({
  measurements: z.array(
    z.object({
      source_name: z.string(),
      ra_deg: z.number(),
      dec_deg: z.number(),
      flux_jy: z.number(),
      flux_error_jy: z.number(),
      snr: z.number(),
      local_rms_jy: z.number(),
      offset_arcsec: z.number().nullable(),
      offset_error_arcsec: z.number().nullable(),
    }),
  ),
});

/** The file of the validation stage. */
export const validationSchema = z.object({
  sources: z.array(z.object({ ra_deg: z.number(), dec_deg: z.number(), snr: z.number() })),
});

type Truth = z.infer<typeof truthSchema>;
type Photometry = z.infer<typeof photometrySchema>;
type Validation = z.infer<typeof validationSchema>;

export interface ComparedSource {
  readonly groupId: string;
  readonly name: string;
  readonly raDeg: number;
  readonly decDeg: number;
  /** At the middle of the band and of the tile. */
  readonly injectedJy: number;
  readonly measuredJy: number;
  readonly measuredErrorJy: number;
  readonly fluxRatio: number;
  /** Measured minus injected, over what noise and calibration let expect. */
  readonly fluxPull: number;
  /** From the injected to the fitted position; null where no fit was possible. */
  readonly offsetArcsec: number | null;
  /** That the noise alone lets expect, rms. */
  readonly offsetErrorArcsec: number | null;
  readonly snr: number;
  readonly found: boolean;
}

export interface TileComparison {
  /** Bright sources, brightest first. */
  readonly sources: readonly ComparedSource[];
  /** Between 5 and 8 σ. */
  readonly faint: { readonly injected: number; readonly found: number };
  /** Above 5 σ. */
  readonly falseDetections: number;
}

export interface Summary {
  readonly medianFluxRatio: number | null;
  /** Standard deviation of the ratios. */
  readonly fluxRatioStd: number | null;
  /** Standard deviation of the pulls: 1 when errors are what they should be. */
  readonly fluxPullStd: number | null;
  readonly medianOffsetArcsec: number | null;
  /** Of sources that STRONG_ERROR_ARCSEC lets judge. */
  readonly rmsOffsetArcsec: number | null;
  /** Of offsets over what noise lets expect, rms: 1 when noise alone moves places. */
  readonly offsetPull: number | null;
  readonly found: number;
  readonly injectedAbove8Sigma: number;
  readonly foundFaint: number;
  readonly injectedFaint: number;
  readonly falseDetections: number;
  /** Of one tile. */
  readonly falseDetectionsMax: number;
}

export function compareTile(
  truth: Truth,
  photometry: Photometry,
  validation: Validation,
): TileComparison {
  const injected = new Map(truth.sources.map((source) => [source.name, source]));
  const compared = photometry.measurements.flatMap((measured) => {
    const source = injected.get(measured.source_name);
    if (source === undefined) return [];
    const sigma = source.mid_band_flux_jy / measured.local_rms_jy;
    const found = validation.sources.some((detection) => isNear(detection, source));
    return [{ sigma, found, source: compareSource(truth.group_id, source, measured, found) }];
  });
  const faint = compared.filter(({ sigma }) => sigma >= FAINT_SIGMA && sigma < BRIGHT_SIGMA);
  const strays = validation.sources
    .filter(({ snr }) => snr >= FALSE_SIGMA)
    .filter((detection) => !truth.sources.some((source) => isNear(detection, source)));
  return {
    sources: compared
      .filter(({ sigma }) => sigma >= BRIGHT_SIGMA)
      .map(({ source }) => source)
      .sort((a, b) => b.injectedJy - a.injectedJy),
    faint: { injected: faint.length, found: faint.filter(({ found }) => found).length },
    falseDetections: strays.length,
  };
}

function compareSource(
  groupId: string,
  source: Truth["sources"][number],
  measured: Photometry["measurements"][number],
  found: boolean,
): ComparedSource {
  const injectedJy = source.mid_band_flux_jy;
  const expectedErrorJy = Math.hypot(measured.flux_error_jy, CALIBRATION_SHARE * injectedJy);
  return {
    groupId,
    name: source.name,
    raDeg: source.ra_deg,
    decDeg: source.dec_deg,
    injectedJy,
    measuredJy: measured.flux_jy,
    measuredErrorJy: measured.flux_error_jy,
    fluxRatio: measured.flux_jy / injectedJy,
    fluxPull: (measured.flux_jy - injectedJy) / expectedErrorJy,
    offsetArcsec: measured.offset_arcsec,
    offsetErrorArcsec: measured.offset_error_arcsec,
    snr: measured.snr,
    found,
  };
}

export function summarize(tiles: readonly TileComparison[]): Summary {
  const sources = tiles.flatMap((tile) => tile.sources);
  const ratios = sources.map((source) => source.fluxRatio);
  const placed = sources.flatMap(({ offsetArcsec: offset, offsetErrorArcsec: error }) =>
    offset === null || error === null ? [] : [{ offset, error }],
  );
  const strong = placed.filter(({ error }) => error <= STRONG_ERROR_ARCSEC);
  const faint = tiles.map((tile) => tile.faint);
  const falseCounts = tiles.map((tile) => tile.falseDetections);
  return {
    medianFluxRatio: medianOf(ratios),
    fluxRatioStd: standardDeviation(ratios),
    fluxPullStd: standardDeviation(sources.map((source) => source.fluxPull)),
    medianOffsetArcsec: medianOf(placed.map(({ offset }) => offset)),
    rmsOffsetArcsec: rms(strong.map(({ offset }) => offset)),
    offsetPull: rms(placed.map(({ offset, error }) => offset / error)),
    found: sources.filter((source) => source.found).length,
    injectedAbove8Sigma: sources.length,
    foundFaint: faint.reduce((sum, { found }) => sum + found, 0),
    injectedFaint: faint.reduce((sum, { injected }) => sum + injected, 0),
    falseDetections: falseCounts.reduce((sum, count) => sum + count, 0),
    falseDetectionsMax: Math.max(0, ...falseCounts),
  };
}

interface Position {
  readonly ra_deg: number;
  readonly dec_deg: number;
}

/** Flat-sky distance, right to a part in a million at 17″; RA wraps. */
function isNear(a: Position, b: Position): boolean {
  const turn = ((((a.ra_deg - b.ra_deg + 180) % 360) + 360) % 360) - 180;
  const east = turn * Math.cos((b.dec_deg * Math.PI) / 180);
  return Math.hypot(east, a.dec_deg - b.dec_deg) * ARCSEC_PER_DEG <= MATCH_RADIUS_ARCSEC;
}

function rms(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = values.reduce((a, b) => a + b) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
