/**
 * Injected truth against what the pipeline measured. Pure.
 *
 * A source counts as bright when its injected flux is 8 times the local noise of the corrected
 * image at its place; it is found when blind detection has something within the match radius.
 */
import { medianOf } from "@contimg/astro";
import { z } from "zod";

const BRIGHT_SIGMA = 8;
/** Three times the worst position error of an 8 σ source with a 35″ beam (Condon 1997). */
const MATCH_RADIUS_ARCSEC = 10;
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
  /** From the injected to the fitted position; null where no fit was possible. */
  readonly offsetArcsec: number | null;
  readonly snr: number;
  readonly found: boolean;
}

export interface TileComparison {
  /** Bright sources, brightest first. */
  readonly sources: readonly ComparedSource[];
  readonly falseDetections: number;
}

export interface Summary {
  readonly medianFluxRatio: number | null;
  /** Standard deviation of the ratios. */
  readonly fluxRatioStd: number | null;
  readonly medianOffsetArcsec: number | null;
  readonly found: number;
  readonly injectedAbove8Sigma: number;
  readonly falseDetections: number;
}

export function compareTile(
  truth: Truth,
  photometry: Photometry,
  validation: Validation,
): TileComparison {
  const injected = new Map(truth.sources.map((source) => [source.name, source]));
  const sources = photometry.measurements
    .flatMap((measured): ComparedSource[] => {
      const source = injected.get(measured.source_name);
      if (!source || source.mid_band_flux_jy < BRIGHT_SIGMA * measured.local_rms_jy) return [];
      return [
        {
          groupId: truth.group_id,
          name: source.name,
          raDeg: source.ra_deg,
          decDeg: source.dec_deg,
          injectedJy: source.mid_band_flux_jy,
          measuredJy: measured.flux_jy,
          measuredErrorJy: measured.flux_error_jy,
          fluxRatio: measured.flux_jy / source.mid_band_flux_jy,
          offsetArcsec: measured.offset_arcsec,
          snr: measured.snr,
          found: validation.sources.some((detection) => isNear(detection, source)),
        },
      ];
    })
    .sort((a, b) => b.injectedJy - a.injectedJy);
  const strays = validation.sources.filter(
    (detection) => !truth.sources.some((source) => isNear(detection, source)),
  );
  return { sources, falseDetections: strays.length };
}

export function summarize(tiles: readonly TileComparison[]): Summary {
  const sources = tiles.flatMap((tile) => tile.sources);
  const ratios = sources.map((source) => source.fluxRatio);
  const offsets = sources.flatMap(({ offsetArcsec }) =>
    offsetArcsec === null ? [] : [offsetArcsec],
  );
  return {
    medianFluxRatio: medianOf(ratios),
    fluxRatioStd: standardDeviation(ratios),
    medianOffsetArcsec: medianOf(offsets),
    found: sources.filter((source) => source.found).length,
    injectedAbove8Sigma: sources.length,
    falseDetections: tiles.reduce((sum, tile) => sum + tile.falseDetections, 0),
  };
}

interface Position {
  readonly ra_deg: number;
  readonly dec_deg: number;
}

/** Flat-sky distance, right to a part in a million at 10″; RA wraps. */
function isNear(a: Position, b: Position): boolean {
  const turn = ((((a.ra_deg - b.ra_deg + 180) % 360) + 360) % 360) - 180;
  const east = turn * Math.cos((b.dec_deg * Math.PI) / 180);
  return Math.hypot(east, a.dec_deg - b.dec_deg) * ARCSEC_PER_DEG <= MATCH_RADIUS_ARCSEC;
}

function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = values.reduce((a, b) => a + b) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
