/**
 * The model of a calibrator tile: the calibrator at its catalog position with its catalog flux,
 * and the brightest other sources of the field where a reference catalog names them.
 */
import {
  apparentFluxJy,
  apparentHourAngleDec,
  ARCSEC_RAD,
  driftingSources,
  earthOrientation,
  separationRad,
  type PointSource,
  type PointSources,
} from "@contimg/astro";
import { VLA_L_BAND_HZ, type Calibrator, type CatalogSource } from "@contimg/formats";

import { PipelineError } from "../errors.ts";
import type { Pointing } from "./pointing.ts";
import type { Integration, VisibilitySet } from "./visibility-set.ts";

/** A calibrator weaker than this, as the beam shows it, does not solve single channels. */
const APPARENT_FLUX_MIN_JY = 0.5;
/** Beyond it the beam's slope turns small pointing errors into flux errors. */
const BEAM_RESPONSE_MIN = 0.2;
/** Field sources below this share of the calibrator change gains less than noise does. */
const FIELD_FLUX_FRACTION_MIN = 0.01;
const FIELD_SOURCES_MAX = 8;
/** The calibrator's own entry in the reference catalog is nearer than this. */
const SAME_SOURCE_RAD = 60 * ARCSEC_RAD;

export interface ChosenCalibrator {
  readonly name: string;
  readonly source: PointSource;
  /** At the band's middle and the observation's. */
  readonly apparentFluxJy: number;
  readonly offAxisRad: number;
}

/** A place in the beam at the middle of the observation. */
interface Tile {
  readonly pointing: Pointing;
  readonly frequencyHz: number;
}

export function tileOf(set: VisibilitySet, pointing: Pointing): Tile {
  const { frequencyHz } = set;
  return { pointing, frequencyHz: (frequencyHz[0]! + frequencyHz.at(-1)!) / 2 };
}

/**
 * The named calibrator (by J2000 name or alias), or else the one that the beam shows brightest.
 * @throws {PipelineError} NoCalibrator when the name is not listed with a flux, or nothing bright
 *   enough is in the beam
 */
export function chooseCalibrator(
  calibrators: readonly Calibrator[],
  name: string | undefined,
  tile: Tile,
): ChosenCalibrator {
  const candidates = calibrators
    .filter((entry) => name === undefined || entry.name === name || entry.alias === name)
    .map((entry) => place(entry.name, toPointSource(entry), tile));
  const [first, ...others] = candidates;
  if (first === undefined)
    throw new PipelineError(
      "NoCalibrator",
      `calibrator ${name ?? "of any name"} has no 20 cm flux in the calibrator list`,
      { calibrator: name },
    );
  const brightest = others.reduce(
    (best, one) => (one.apparentFluxJy > best.apparentFluxJy ? one : best),
    first,
  );
  if (brightest.apparentFluxJy >= APPARENT_FLUX_MIN_JY) return brightest;
  const offAxisDeg = (brightest.offAxisRad * 180) / Math.PI;
  throw new PipelineError(
    "NoCalibrator",
    `the brightest calibrator in the beam is ${brightest.name} with ` +
      `${brightest.apparentFluxJy.toFixed(2)} Jy at ${offAxisDeg.toFixed(1)} degrees off axis, ` +
      `expected at least ${APPARENT_FLUX_MIN_JY} Jy`,
    { calibrator: brightest.name, apparentFluxJy: brightest.apparentFluxJy },
  );
}

/** The brightest catalog sources beside the calibrator, as the beam shows them. */
export function fieldSources(
  catalog: readonly CatalogSource[],
  calibrator: ChosenCalibrator,
  tile: Tile,
): PointSource[] {
  const { raRad, decRad } = calibrator.source;
  return catalog
    .filter((one) => separationRad(one.raRad, one.decRad, raRad, decRad) > SAME_SOURCE_RAD)
    .map((one) => place(one.name, one, tile))
    .filter((one) => one.apparentFluxJy > FIELD_FLUX_FRACTION_MIN * calibrator.apparentFluxJy)
    .sort((a, b) => b.apparentFluxJy - a.apparentFluxJy)
    .slice(0, FIELD_SOURCES_MAX)
    .map((one) => one.source);
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

function toPointSource(calibrator: Calibrator): PointSource {
  return { ...calibrator, referenceFrequencyHz: VLA_L_BAND_HZ };
}

function place(
  name: string,
  source: PointSource,
  { pointing, frequencyHz }: Tile,
): ChosenCalibrator {
  const orientation = earthOrientation(pointing.midMjd, pointing.site);
  const { hourAngleRad, decRad } = apparentHourAngleDec(orientation, source.raRad, source.decRad);
  const offAxisRad = separationRad(hourAngleRad, decRad, 0, pointing.declinationRad);
  return { name, source, offAxisRad, apparentFluxJy: fluxInBeam(source, offAxisRad, frequencyHz) };
}

/** 0 outside the main lobe, also where the Airy pattern's sine would fold back. */
function fluxInBeam(source: PointSource, offAxisRad: number, frequencyHz: number): number {
  if (offAxisRad > Math.PI / 2) return 0;
  const apparent = apparentFluxJy(source, offAxisRad, frequencyHz);
  const full = apparentFluxJy(source, 0, frequencyHz);
  return apparent < BEAM_RESPONSE_MIN * full ? 0 : apparent;
}
