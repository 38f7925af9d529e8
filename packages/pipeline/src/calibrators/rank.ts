/**
 * Which calibrators a drift scan's beam shows, and which of them may calibrate: by the flux that
 * the beam leaves them over the whole tile, the place in the beam, and the list's own letter for
 * an array as long as ours. Each refused one says why. Pure.
 */
import {
  apparentHourAngleDec,
  beamResponse,
  DEGREE_RAD,
  earthOrientation,
  SECONDS_PER_DAY,
  separationRad,
  SPEED_OF_LIGHT_M_S,
  type HourAngleDec,
  type PointSource,
  type RaDec,
  type Site,
} from "@contimg/astro";
import { calibratorFluxJy, VLA_L_BAND_HZ, type Calibrator } from "@contimg/formats";

/** A stretch of a drift scan. */
export interface BeamTile {
  readonly midMjd: number;
  readonly durationSeconds: number;
  /** Apparent: the beam stands at hour angle 0. */
  readonly pointingDecRad: number;
  readonly site: Site;
  /** Both ends of the band. */
  readonly bandHz: readonly [number, number];
  readonly dishDiameterM: number;
}

export interface CalibratorLimits {
  /** Weaker ones, as the beam shows them, do not solve single channels. */
  readonly apparentFluxMinJy: number;
  /** Below it the beam's slope turns small pointing errors into flux errors. */
  readonly beamResponseMin: number;
  /** Letters of the list that are good enough: P closes within 3 %, S within 10 %. */
  readonly qualities: string;
}

export const CALIBRATOR_LIMITS: CalibratorLimits = {
  apparentFluxMinJy: 0.5,
  beamResponseMin: 0.2,
  qualities: "PS",
};

export interface RankedCalibrator {
  readonly calibrator: Calibrator;
  readonly source: PointSource;
  /** At mid-band, times the mean response over tile and band. */
  readonly apparentFluxJy: number;
  readonly beamResponse: number;
  /** At the middle of the tile. */
  readonly offAxisRad: number;
  /** From the middle of the tile to the transit: negative when that is past. */
  readonly transitInSeconds: number;
  /** Sentences; none when it may calibrate. */
  readonly refusals: readonly string[];
}

/** Of letters for the VLA configurations A to D: C reaches 3.4 km, DSA-110 2.6 km. */
const CONFIGURATION_C = 2;
/** Enough for a beam that changes by a tenth over the tile. */
const INSTANTS = 5;
/** x = π D sin θ / λ of the Airy pattern's first null: the first zero of J1. */
const FIRST_NULL_X = 3.831_705_97;
const SIDEREAL_SECONDS_PER_RAD = 86_164.0905 / (2 * Math.PI);

/**
 * The calibrators inside the beam's first null, those that may calibrate first, each part the
 * brightest first.
 */
export function rankCalibrators(
  calibrators: readonly Calibrator[],
  tile: BeamTile,
  limits: CalibratorLimits = CALIBRATOR_LIMITS,
): RankedCalibrator[] {
  const view = beamView(tile);
  return calibrators
    .filter((calibrator) => view.offAxisRad(calibrator) < view.firstNullRad)
    .map((calibrator) => place(calibrator, view, limits))
    .sort(
      (a, b) =>
        Number(a.refusals.length > 0) - Number(b.refusals.length > 0) ||
        b.apparentFluxJy - a.apparentFluxJy,
    );
}

/** One calibrator, wherever it is. */
export function placeCalibrator(
  calibrator: Calibrator,
  tile: BeamTile,
  limits: CalibratorLimits = CALIBRATOR_LIMITS,
): RankedCalibrator {
  return place(calibrator, beamView(tile), limits);
}

/** The letter of the VLA list for arrays of our length. */
export function qualityLetter({ quality }: Calibrator): string {
  return quality.charAt(CONFIGURATION_C);
}

/** A tile's beam, towards any ICRS direction. */
export interface BeamView {
  readonly midBandHz: number;
  readonly firstNullRad: number;
  /** At the middle of the tile. */
  apparent(direction: RaDec): HourAngleDec;
  offAxisRad(direction: RaDec): number;
  /** Mean over the tile and the band, 0 behind the dish. */
  response(direction: RaDec): number;
}

export function beamView(tile: BeamTile): BeamView {
  const { midMjd, durationSeconds, pointingDecRad, site, bandHz, dishDiameterM } = tile;
  const middle = earthOrientation(midMjd, site);
  const orientations = Array.from({ length: INSTANTS }, (_, instant) => {
    const seconds = ((instant + 0.5) / INSTANTS - 0.5) * durationSeconds;
    return earthOrientation(midMjd + seconds / SECONDS_PER_DAY, site);
  });
  const midBandHz = (bandHz[0] + bandHz[1]) / 2;
  const scan = {
    pointing: { kind: "drift", orientations, declinationRad: pointingDecRad } as const,
    frequencyHz: [bandHz[0], midBandHz, bandHz[1]],
    dishDiameterM,
  };
  const apparent = ({ raRad, decRad }: RaDec): HourAngleDec =>
    apparentHourAngleDec(middle, raRad, decRad);
  const offAxisRad = (direction: RaDec): number => {
    const { hourAngleRad, decRad } = apparent(direction);
    return separationRad(hourAngleRad, decRad, 0, pointingDecRad);
  };
  const nullSine = (FIRST_NULL_X * SPEED_OF_LIGHT_M_S) / (Math.PI * dishDiameterM * bandHz[0]);
  return {
    midBandHz,
    firstNullRad: Math.asin(Math.min(1, nullSine)),
    apparent,
    offAxisRad,
    // The pattern's sine folds back behind the dish.
    response: (direction) =>
      offAxisRad(direction) < Math.PI / 2 ? beamResponse(scan, direction) : 0,
  };
}

function place(calibrator: Calibrator, view: BeamView, limits: CalibratorLimits): RankedCalibrator {
  const response = view.response(calibrator);
  const placed = {
    calibrator,
    source: { ...calibrator, referenceFrequencyHz: VLA_L_BAND_HZ },
    apparentFluxJy: calibratorFluxJy(calibrator, view.midBandHz) * response,
    beamResponse: response,
    offAxisRad: view.offAxisRad(calibrator),
    transitInSeconds: -view.apparent(calibrator).hourAngleRad * SIDEREAL_SECONDS_PER_RAD,
  };
  return { ...placed, refusals: refusalsOf(placed, limits) };
}

function refusalsOf(
  placed: Omit<RankedCalibrator, "refusals">,
  { apparentFluxMinJy, beamResponseMin, qualities }: CalibratorLimits,
): string[] {
  const refusals: string[] = [];
  if (placed.beamResponse < beamResponseMin)
    refusals.push(
      `beam response ${placed.beamResponse.toFixed(3)} at ` +
        `${(placed.offAxisRad / DEGREE_RAD).toFixed(1)} degrees off axis, ` +
        `expected at least ${beamResponseMin}`,
    );
  if (placed.apparentFluxJy < apparentFluxMinJy)
    refusals.push(
      `apparent flux ${placed.apparentFluxJy.toFixed(2)} Jy, ` +
        `expected at least ${apparentFluxMinJy} Jy`,
    );
  const letter = qualityLetter(placed.calibrator);
  if (!qualities.includes(letter))
    refusals.push(
      `quality ${letter} in the VLA's C configuration (${placed.calibrator.quality}), ` +
        `expected one of ${qualities}`,
    );
  return refusals;
}

/** One line for a person: name, flux, place, and why not. */
export function describeCalibrator(ranked: RankedCalibrator): string {
  const { calibrator, refusals } = ranked;
  const alias = calibrator.alias === "" ? "" : ` (${calibrator.alias})`;
  const place =
    `${ranked.apparentFluxJy.toFixed(2)} Jy at ` +
    `${(ranked.offAxisRad / DEGREE_RAD).toFixed(2)} degrees off axis`;
  const why = refusals.length === 0 ? "" : `: refused for ${refusals.join("; ")}`;
  return `${calibrator.name}${alias} with ${place}${why}`;
}
