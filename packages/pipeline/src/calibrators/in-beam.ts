/**
 * Calibrators of the telescope's own list for a time and a declination: what tells a calibrator
 * tile from a science tile before any data are read.
 */
import { fileURLToPath } from "node:url";

import { DISH_DIAMETER_M, type Site } from "@contimg/astro";
import { findCalibrator, readVlaCalibrators, type Calibrator } from "@contimg/formats";

import { DSA_SITE } from "../array-site.ts";
import { PipelineError } from "../errors.ts";
import { CALIBRATOR_LIMITS, rankCalibrators } from "./rank.ts";
import type { BeamTile, CalibratorLimits, RankedCalibrator } from "./rank.ts";

const LIST_PATH = fileURLToPath(new URL("../../../../data/vla_calibrators.csv", import.meta.url));

/** Edges of the telescope's band. */
export const DSA_BAND_HZ = [1.31125e9, 1.49875e9] as const;
/** 24 integrations of 12.884901888 s. */
const TILE_SECONDS = 309.237_645_312;
/** A brighter one is worth a tile's solving. */
const CALIBRATOR_TILE_JY = 1;
/** Two tiles see a transit within it at most, one at least, unless the recorder skips. */
const TRANSIT_WITHIN_SECONDS = 300;

let list: readonly Calibrator[] | undefined;

/** The VLA list that comes with the product, read once a process. */
export function vlaCalibrators(): readonly Calibrator[] {
  list ??= readVlaCalibrators(LIST_PATH);
  return list;
}

/**
 * From the list, by J2000 name or alias.
 * @throws {PipelineError} NoCalibrator when the list has no flux of that name
 */
export function knownCalibrator(name: string): Calibrator {
  try {
    return findCalibrator(vlaCalibrators(), name);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PipelineError("NoCalibrator", message, { calibrator: name }, { cause });
  }
}

export interface InBeamOptions extends Partial<CalibratorLimits> {
  readonly site?: Site;
  readonly durationSeconds?: number;
  readonly transitWithinSeconds?: number;
}

export function dsaTile(
  midMjd: number,
  decRad: number,
  { site = DSA_SITE, durationSeconds = TILE_SECONDS }: InBeamOptions = {},
): BeamTile {
  return {
    midMjd,
    durationSeconds,
    pointingDecRad: decRad,
    site,
    bandHz: DSA_BAND_HZ,
    dishDiameterM: DISH_DIAMETER_M,
  };
}

/**
 * The calibrators that may calibrate a tile, best first.
 * @param midMjd middle of the tile, UTC
 * @param decRad apparent declination of the beam, as the headers have it
 */
export function calibratorsInBeam(
  midMjd: number,
  decRad: number,
  options: InBeamOptions = {},
): RankedCalibrator[] {
  const limits = { ...CALIBRATOR_LIMITS, apparentFluxMinJy: CALIBRATOR_TILE_JY, ...options };
  return rankCalibrators(vlaCalibrators(), dsaTile(midMjd, decRad, options), limits).filter(
    ({ refusals }) => refusals.length === 0,
  );
}

/** A calibrator tile: one that sees a usable calibrator within minutes of its transit. */
export function isCalibratorTile(
  midMjd: number,
  decRad: number,
  options: InBeamOptions = {},
): boolean {
  const { transitWithinSeconds = TRANSIT_WITHIN_SECONDS } = options;
  return calibratorsInBeam(midMjd, decRad, options).some(
    ({ transitInSeconds }) => Math.abs(transitInSeconds) <= transitWithinSeconds,
  );
}
