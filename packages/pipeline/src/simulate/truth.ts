/**
 * What was injected, beside the data: `<group>.truth.json`, `<group>.gains.h5` and `catalog.csv`.
 *
 * The JSON names every simulated source, with its flux at this epoch; the catalog lists the strip
 * as a survey would, without the variables' current state. The HDF5 file holds the gains that
 * a solver should find: V_pq = G_p conj(G_q) M_pq with the Measurement Set's conjugation, without
 * the drift, which stands beside them.
 */
import { writeFileSync } from "node:fs";
import { DEGREE_RAD } from "@contimg/astro";
import { createHdf5, fluxAtJy, writeReferenceCatalog, type Calibrator } from "@contimg/formats";
import { INTEGRATION_SECONDS, SEFD_JY } from "./array.ts";
import { driftAt, gainAt } from "./instrument.ts";
import type { ObservedSource } from "./observe.ts";
import type { SkySource } from "./strip-sky.ts";
import type { GroupPlan } from "./subband.ts";

const MID_BAND_HZ = 1.405e9;

export interface TruthFiles {
  readonly truthPath: string;
  readonly gainsPath: string;
  readonly catalogPath: string;
}

export function writeTruth(
  plan: GroupPlan,
  sky: readonly SkySource[],
  calibrator: Calibrator | undefined,
): TruthFiles {
  const truthPath = `${plan.folder}/${plan.groupId}.truth.json`;
  const gainsPath = `${plan.folder}/${plan.groupId}.gains.h5`;
  const catalogPath = `${plan.folder}/catalog.csv`;
  writeFileSync(truthPath, `${JSON.stringify(truthOf(plan, calibrator), null, 1)}\n`);
  writeGains(plan, gainsPath);
  writeReferenceCatalog(catalogPath, sky);
  return { truthPath, gainsPath, catalogPath };
}

function truthOf(plan: GroupPlan, calibrator: Calibrator | undefined) {
  const { observation, instrument } = plan;
  return {
    group_id: plan.groupId,
    seed: plan.seed,
    pointing_dec_deg: plan.pointingDecRad / DEGREE_RAD,
    start_mjd: observation.timesMjd[0]! - INTEGRATION_SECONDS / 2 / 86_400,
    mid_mjd: (observation.timesMjd[0]! + observation.timesMjd.at(-1)!) / 2,
    mid_band_hz: MID_BAND_HZ,
    calibrator: calibrator?.name ?? null,
    sources: observation.sources.map(sourceTruth),
    gains: {
      file: `${plan.groupId}.gains.h5`,
      scale: instrument.scale,
      drift: "phase: one sinusoid per antenna and polarization, 2 to 6 deg, period 4 to 8 h",
    },
    dead_antennas: Array.from(instrument.faults, ([slot, fault]) => ({
      antenna_number: slot,
      antenna_name: plan.array.antennaNames[slot],
      fault,
    })),
    interference: plan.transmitters.map((transmitter) => ({
      kind: transmitter.kind,
      center_hz: transmitter.centerHz,
      width_hz: transmitter.widthHz,
      flux_jy: transmitter.fluxJy,
      first_integration: transmitter.firstTime,
      integration_count: transmitter.timeCount,
    })),
    noise: { sefd_jy: SEFD_JY, sigma_jy_per_part: plan.noiseJy },
  };
}

function sourceTruth({ source, factor, apparentFluxJy, separationRad }: ObservedSource) {
  return {
    name: source.name,
    ra_deg: source.raRad / DEGREE_RAD,
    dec_deg: source.decRad / DEGREE_RAD,
    flux_jy: source.fluxJy,
    reference_frequency_hz: source.referenceFrequencyHz,
    spectral_index: source.spectralIndex,
    mid_band_flux_jy: factor * fluxAtJy(source, MID_BAND_HZ),
    apparent_flux_jy: apparentFluxJy,
    separation_deg: separationRad / DEGREE_RAD,
    is_variable: source.lightCurve !== undefined,
  };
}

/** Channels ascend here, as in the Measurement Set. */
function writeGains(plan: GroupPlan, path: string): void {
  const { array, instrument, observation } = plan;
  const frequencyHz = Float64Array.from(plan.band.frequencyHz.flatMap((f) => [...f])).sort();
  const timeCount = observation.timesMjd.length;
  const antennaCount = array.activeIndices.length;
  const gains = new Float32Array(antennaCount * frequencyHz.length * 2 * 2);
  const driftRad = new Float64Array(timeCount * antennaCount * 2);
  array.activeIndices.forEach((slot, antenna) => {
    instrument.receivers[slot]!.forEach((receiver, polarization) => {
      const level = instrument.faults.has(slot) ? 0 : instrument.scale;
      frequencyHz.forEach((frequency, channel) => {
        const { amplitude, phaseRad } = gainAt(receiver, frequency);
        const at = 2 * ((antenna * frequencyHz.length + channel) * 2 + polarization);
        gains[at] = level * amplitude * Math.cos(phaseRad);
        gains[at + 1] = level * amplitude * Math.sin(phaseRad);
      });
      observation.timesMjd.forEach((mjd, time) => {
        driftRad[(time * antennaCount + antenna) * 2 + polarization] = driftAt(receiver, mjd);
      });
    });
  });
  const file = createHdf5(path);
  const put = (
    name: string,
    type: "complex64" | "float64",
    shape: number[],
    values: Float32Array | Float64Array,
  ): void => {
    file.createDataset(name, { type, shape });
    file.writeSlab(
      name,
      shape.map(() => 0),
      shape,
      values,
    );
  };
  put("gains", "complex64", [antennaCount, frequencyHz.length, 2], gains);
  put("drift_rad", "float64", [timeCount, antennaCount, 2], driftRad);
  put("frequency_hz", "float64", [frequencyHz.length], frequencyHz);
  put("times_mjd", "float64", [timeCount], observation.timesMjd);
  put("antenna_number", "float64", [antennaCount], Float64Array.from(array.activeIndices));
  file.close();
}
