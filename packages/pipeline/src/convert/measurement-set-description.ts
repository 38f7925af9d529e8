/** What the subtables of a converted Measurement Set say. */
import { DISH_DIAMETER_M, geodeticToEcef, SECONDS_PER_DAY } from "@contimg/astro";
import type { AntennaDescription, MeasurementSetDescription } from "@contimg/casacore";
import type { Uvh5Header } from "@contimg/formats";

import { subbandCode } from "../groups/subband-file.ts";
import type { ConversionPlan } from "./conversion-plan.ts";

const METERS_PER_ANTENNA = 3;

export function describeMeasurementSet(
  plan: ConversionPlan,
  weightSpectrum: boolean,
): MeasurementSetDescription {
  const { header } = plan.files[0]!;
  const { timesMjd, integrationSeconds } = header;
  const halfDays = (seconds: number): number => seconds / 2 / SECONDS_PER_DAY;
  return {
    telescopeName: header.telescopeName,
    observer: header.instrument,
    project: header.objectName,
    antennas: describeAntennas(header),
    frequencyHz: plan.axis.frequencyHz,
    channelWidthHz: plan.axis.channelWidthHz,
    correlationTypes: plan.polarizations.correlationTypes,
    field: { name: fieldName(header), ...plan.geometry.center },
    startMjd: timesMjd[0]! - halfDays(integrationSeconds[0]!),
    endMjd: timesMjd.at(-1)! + halfDays(integrationSeconds.at(-1)!),
    history: [
      `converted ${plan.files.length} UVH5 files, the first ${plan.files[0]!.path}`,
      `UT1-UTC ${plan.geometry.dut1Seconds} s`,
      ...plan.axis.missing.map((subband) => `${subbandCode(subband)} has no file, all flagged`),
    ],
    weightSpectrum,
  };
}

/** Every antenna of the telescope, in the file's order, so that indices stay what they are. */
function describeAntennas(header: Uvh5Header): AntennaDescription {
  const siteM = geodeticToEcef(header.site);
  const positionsM = header.antennaPositionsM.map(
    (offsetM, at) => offsetM + siteM[at % METERS_PER_ANTENNA]!,
  );
  const antennaCount = header.antennaNames.length;
  return {
    names: header.antennaNames,
    stations: header.antennaNames,
    positionsM,
    dishDiameterM: header.antennaDiametersM ?? new Float64Array(antennaCount).fill(DISH_DIAMETER_M),
  };
}

function fieldName({ phaseCenter }: Uvh5Header): string {
  switch (phaseCenter.kind) {
    case "drift":
      return "meridian";
    case "unprojected":
      return "zenith";
    case "sidereal":
      return phaseCenter.name;
  }
}
