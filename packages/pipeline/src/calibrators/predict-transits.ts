/** When calibrators cross the meridian in the days to come, and how the beam will show them. */
import {
  airyPower,
  DISH_DIAMETER_M,
  transitsDuring,
  type Site,
  type Transit,
} from "@contimg/astro";
import { calibratorFluxJy, type Calibrator } from "@contimg/formats";

import { DSA_SITE } from "../array-site.ts";
import { dsaTile, DSA_BAND_HZ, vlaCalibrators } from "./in-beam.ts";
import { CALIBRATOR_LIMITS, placeCalibrator, type CalibratorLimits } from "./rank.ts";

export interface TransitOptions {
  readonly fromMjd: number;
  readonly days: number;
  /** Where the beam will stand, apparent; absent: on each calibrator. */
  readonly pointingDecRad?: number;
  readonly limits?: CalibratorLimits;
  readonly calibrators?: readonly Calibrator[];
  readonly site?: Site;
  readonly dut1Seconds?: number;
}

export interface PredictedTransit extends Transit {
  readonly calibrator: Calibrator;
  /** At mid-band, at the transit itself. */
  readonly beamResponse: number;
  readonly apparentFluxJy: number;
}

const MID_BAND_HZ = (DSA_BAND_HZ[0] + DSA_BAND_HZ[1]) / 2;

/** The transits of all calibrators that may calibrate from there, in order of time. */
export function predictTransits(options: TransitOptions): PredictedTransit[] {
  const { fromMjd, days, site = DSA_SITE, limits = CALIBRATOR_LIMITS, dut1Seconds = 0 } = options;
  return (options.calibrators ?? vlaCalibrators())
    .filter((calibrator) => mayCalibrate(calibrator, { ...options, site, limits }))
    .flatMap((calibrator) =>
      transitsDuring(calibrator, site, fromMjd, days, dut1Seconds)
        .filter(({ elevationRad }) => elevationRad > 0)
        .map((transit) => predict(calibrator, transit, options.pointingDecRad)),
    )
    .sort((a, b) => a.mjdUtc - b.mjdUtc);
}

/** Decided at the first transit: declinations move by seconds of arc in the days that follow. */
function mayCalibrate(
  calibrator: Calibrator,
  {
    fromMjd,
    pointingDecRad,
    limits,
    site,
  }: TransitOptions & { limits: CalibratorLimits; site: Site },
): boolean {
  const [first] = transitsDuring(calibrator, site, fromMjd, 1);
  if (first === undefined) return false;
  const tile = dsaTile(first.mjdUtc, pointingDecRad ?? first.decRad, { site });
  return placeCalibrator(calibrator, tile, limits).refusals.length === 0;
}

function predict(
  calibrator: Calibrator,
  transit: Transit,
  pointingDecRad: number | undefined,
): PredictedTransit {
  const offAxisRad = pointingDecRad === undefined ? 0 : Math.abs(transit.decRad - pointingDecRad);
  const beamResponse = airyPower(offAxisRad, MID_BAND_HZ, DISH_DIAMETER_M);
  return {
    ...transit,
    calibrator,
    beamResponse,
    apparentFluxJy: calibratorFluxJy(calibrator, MID_BAND_HZ) * beamResponse,
  };
}
