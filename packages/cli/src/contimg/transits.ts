/** `contimg transits`: when calibrators cross the meridian, and how the beam shows them. */
import {
  DEGREE_RAD,
  formatDegrees,
  formatHours,
  mjdFromUnixMs,
  unixMsFromMjd,
} from "@contimg/astro";
import {
  CALIBRATOR_LIMITS,
  knownCalibrator,
  predictTransits,
  qualityLetter,
  type PredictedTransit,
} from "@contimg/pipeline";
import { Command } from "commander";

import { parseTime } from "../absurd/time-argument.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { withJson } from "./options.ts";

/** Of calibrators on the axis, so that the list without a pointing is one that a person reads. */
const FLUX_MIN_ON_AXIS_JY = 5;

interface TransitFlags {
  readonly days: number;
  readonly from?: Date;
  readonly dec?: number;
  readonly calibrator?: string;
  readonly minFlux?: number;
  readonly dut1: number;
  readonly json?: boolean;
}

const HELP = `
With --dec: the calibrators that a beam at that apparent declination shows bright enough, with the
response and the apparent flux at 1405 MHz. Without it: those of ${FLUX_MIN_ON_AXIS_JY} Jy and more,
each on the axis. Calibrators that the VLA's C configuration should not use are left out, unless
named by --calibrator. Times are UTC; without --dut1 they are off by UT1 - UTC, 0.9 s at most.

Examples:
  contimg transits --dec 54.57
  contimg transits --dec 54.57 --days 1 --json
  contimg transits --calibrator 3C286 --days 7 --from 2026-01-25`;

export function transitsCommand(): Command {
  const command = new Command("transits")
    .description("predict the transits of calibrators")
    .option("--days <count>", "how far to look ahead", numberIn(0, 366), 60)
    .option("--from <time>", "begin at, ISO 8601, UTC (default: now)", parseTime)
    .option("--dec <degrees>", "apparent declination of the pointing", numberIn(-37, 90))
    .option("--calibrator <name>", "only it: J2000 name or alias, such as 3C286")
    .option("--min-flux <Jy>", "apparent flux at least", numberIn(0, 1000))
    .option("--dut1 <seconds>", "UT1 - UTC", numberIn(-1, 1), 0);
  return withJson(command).addHelpText("after", HELP).action(transits);
}

function transits(flags: TransitFlags): void {
  const from = flags.from ?? new Date();
  const isNamed = flags.calibrator !== undefined;
  const fluxDefaultJy =
    flags.dec === undefined ? FLUX_MIN_ON_AXIS_JY : CALIBRATOR_LIMITS.apparentFluxMinJy;
  const predicted = predictTransits({
    fromMjd: mjdFromUnixMs(from.getTime()),
    days: flags.days,
    dut1Seconds: flags.dut1,
    ...(flags.dec === undefined ? {} : { pointingDecRad: flags.dec * DEGREE_RAD }),
    ...(isNamed ? { calibrators: [knownCalibrator(flags.calibrator)] } : {}),
    limits: {
      apparentFluxMinJy: flags.minFlux ?? (isNamed ? 0 : fluxDefaultJy),
      beamResponseMin: isNamed ? 0 : CALIBRATOR_LIMITS.beamResponseMin,
      qualities: isNamed ? "PSWCX?" : CALIBRATOR_LIMITS.qualities,
    },
  });
  print(flags.json ?? false, { transits: predicted.map(toJsonRow) }, () => describe(predicted));
}

function toJsonRow(transit: PredictedTransit): object {
  const { calibrator } = transit;
  return {
    calibrator: calibrator.name,
    alias: calibrator.alias === "" ? null : calibrator.alias,
    transit_utc: new Date(unixMsFromMjd(transit.mjdUtc)).toISOString(),
    transit_mjd: transit.mjdUtc,
    sidereal_time: formatHours(transit.siderealTimeRad),
    apparent_declination_deg: round(transit.decRad / DEGREE_RAD, 6),
    elevation_deg: round(transit.elevationRad / DEGREE_RAD, 4),
    beam_response: round(transit.beamResponse, 4),
    apparent_flux_jy: round(transit.apparentFluxJy, 4),
    quality: qualityLetter(calibrator),
  };
}

function describe(predicted: readonly PredictedTransit[]): string {
  if (predicted.length === 0) {
    return "no transit of a bright enough calibrator; try another --dec, --min-flux or --days";
  }
  return formatTable(
    ["CALIBRATOR", "ALIAS", "UTC", "LST", "DEC", "ELEVATION", "BEAM", "FLUX JY", "QUALITY"],
    predicted.map((transit) => [
      transit.calibrator.name,
      transit.calibrator.alias,
      new Date(unixMsFromMjd(transit.mjdUtc)).toISOString().slice(0, 19).replace("T", " "),
      formatHours(transit.siderealTimeRad, 0),
      formatDegrees(transit.decRad, 0),
      (transit.elevationRad / DEGREE_RAD).toFixed(1),
      transit.beamResponse.toFixed(3),
      transit.apparentFluxJy.toFixed(2),
      qualityLetter(transit.calibrator),
    ]),
  );
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
