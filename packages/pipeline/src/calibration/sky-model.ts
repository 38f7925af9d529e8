/**
 * The model of a calibrator tile: the calibrator at its catalog position with its catalog flux,
 * and the brightest other sources of the field where a reference catalog names them, all through
 * the beam that they drift through.
 */
import {
  ARCSEC_RAD,
  driftingSources,
  earthOrientation,
  SECONDS_PER_DAY,
  separationRad,
  type PointSource,
  type PointSources,
} from "@contimg/astro";
import { fluxAtJy, type Calibrator, type CatalogSource } from "@contimg/formats";

import { knownCalibrator } from "../calibrators/in-beam.ts";
import {
  beamView,
  describeCalibrator,
  placeCalibrator,
  rankCalibrators,
  type BeamTile,
  type CalibratorLimits,
  type RankedCalibrator,
} from "../calibrators/rank.ts";
import { PipelineError } from "../errors.ts";
import type { Pointing } from "./pointing.ts";
import type { Integration, VisibilitySet } from "./visibility-set.ts";

/** Who names a calibrator answers for its quality; flux and place in the beam still count. */
const ANY_QUALITY = "PSWCX?";
/** The calibrator's own entry in the reference catalog is nearer than this. */
const SAME_SOURCE_RAD = 60 * ARCSEC_RAD;
/** So many refused calibrators an error names. */
const NAMED_MAX = 5;

export interface CalibratorChoice {
  readonly chosen: RankedCalibrator;
  /** Other usable ones of the beam, best first. */
  readonly backups: readonly RankedCalibrator[];
  /** Sentences on those that the beam shows but that were refused. */
  readonly refused: readonly string[];
}

export interface FieldLimits {
  /** Sources are taken, brightest first, until the model holds this share of the field's flux. */
  readonly fluxFraction: number;
  readonly sourcesMax: number;
}

export interface FieldModel {
  readonly sources: readonly PointSource[];
  /** Apparent flux of calibrator and catalog sources inside the first null. */
  readonly fieldFluxJy: number;
  /** Share of it that the model holds. */
  readonly fluxFraction: number;
  /** Of the faintest source in the model. */
  readonly fluxLimitJy: number;
}

export function tileOf(set: VisibilitySet, pointing: Pointing): BeamTile {
  const { frequencyHz } = set;
  return {
    midMjd: pointing.midMjd,
    durationSeconds: (set.endMjd - set.startMjd) * SECONDS_PER_DAY,
    pointingDecRad: pointing.declinationRad,
    site: pointing.site,
    bandHz: [frequencyHz[0]!, frequencyHz.at(-1)!],
    dishDiameterM: set.antennas.dishDiameterM[0]!,
  };
}

/**
 * The named calibrator (by J2000 name or alias), or else the best that the beam shows.
 * @throws {PipelineError} NoCalibrator when the name is not listed with a flux, or the beam shows
 *   none that may calibrate; the message says why each was refused
 */
export function chooseCalibrator(
  calibrators: readonly Calibrator[],
  name: string | undefined,
  tile: BeamTile,
  limits: CalibratorLimits,
): CalibratorChoice {
  const ranked = rankCalibrators(calibrators, tile, limits);
  const usable = ranked.filter(({ refusals }) => refusals.length === 0);
  const refused = ranked.filter(({ refusals }) => refusals.length > 0).map(describeCalibrator);
  const chosen = name === undefined ? usable[0] : placeNamed(name, tile, limits);
  if (chosen === undefined) {
    const candidates = ranked.slice(0, NAMED_MAX).map(describeCalibrator);
    throw new PipelineError(
      "NoCalibrator",
      `the beam shows no calibrator that may calibrate, but ${candidates.join(", ") || "none at all"}`,
      { refused },
    );
  }
  const backups = usable.filter(({ calibrator }) => calibrator.name !== chosen.calibrator.name);
  return { chosen, backups, refused };
}

function placeNamed(name: string, tile: BeamTile, limits: CalibratorLimits): RankedCalibrator {
  const calibrator = knownCalibrator(name);
  const placed = placeCalibrator(calibrator, tile, { ...limits, qualities: ANY_QUALITY });
  if (placed.refusals.length === 0) return placed;
  throw new PipelineError("NoCalibrator", `calibrator ${describeCalibrator(placed)}`, {
    calibrator: calibrator.name,
    apparentFluxJy: placed.apparentFluxJy,
  });
}

/** The calibrator and the brightest catalog sources beside it, as the beam shows them. */
export function fieldModel(
  catalog: readonly CatalogSource[],
  calibrator: RankedCalibrator,
  tile: BeamTile,
  limits: FieldLimits,
): FieldModel {
  const view = beamView(tile);
  const { raRad, decRad } = calibrator.source;
  const others = catalog
    .filter((one) => view.offAxisRad(one) < view.firstNullRad)
    .filter((one) => separationRad(one.raRad, one.decRad, raRad, decRad) > SAME_SOURCE_RAD)
    .map((source) => ({ source, fluxJy: fluxAtJy(source, view.midBandHz) * view.response(source) }))
    .sort((a, b) => b.fluxJy - a.fluxJy);
  const fieldFluxJy = others.reduce((sum, { fluxJy }) => sum + fluxJy, calibrator.apparentFluxJy);
  const sources: PointSource[] = [calibrator.source];
  let modelFluxJy = calibrator.apparentFluxJy;
  let fluxLimitJy = calibrator.apparentFluxJy;
  for (const { source, fluxJy } of others) {
    if (modelFluxJy >= limits.fluxFraction * fieldFluxJy || sources.length >= limits.sourcesMax)
      break;
    sources.push(source);
    modelFluxJy += fluxJy;
    fluxLimitJy = Math.min(fluxLimitJy, fluxJy);
  }
  return { sources, fieldFluxJy, fluxFraction: modelFluxJy / fieldFluxJy, fluxLimitJy };
}

/** The model as a function of the integration, for `solveGains`. */
export function driftModel(
  set: VisibilitySet,
  pointing: Pointing,
  sources: readonly PointSource[],
): (integration: Integration, antennaUvwM: Float64Array) => PointSources {
  const view = {
    phaseCenter: set.field,
    pointingDecRad: pointing.declinationRad,
    frequencyHz: set.frequencyHz,
    dishDiameterM: set.antennas.dishDiameterM[0]!,
  };
  return ({ timeMjd }, antennaUvwM) =>
    driftingSources(sources, view, earthOrientation(timeMjd, pointing.site), antennaUvwM);
}
