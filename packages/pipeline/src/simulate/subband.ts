/** One subband file of a simulated group: gains, kernel, file. Runs in a worker thread. */
import { DISH_DIAMETER_M, uvwBasis, antennaUvw } from "@contimg/astro";
import { correlate, writeUvh5, type Uvh5Description } from "@contimg/formats";
import { DSA_SITE, INTEGRATION_SECONDS, SEFD_JY } from "./array.ts";
import { activePositionsM, type Band, type TelescopeArray } from "./array.ts";
import { driftAt, gainAt, type Instrument } from "./instrument.ts";
import type { Transmitter } from "./interference.ts";
import { apparentFluxes, type Observation } from "./observe.ts";
import { seedOf } from "./random.ts";

const DEG_PER_RAD = 180 / Math.PI;
const POLARIZATION_CODES = [-5, -6];
/** Base samples of 0.134 s in an integration. */
const SAMPLES_PER_INTEGRATION = 96;

/** Everything that the subbands of a group share; survives structured clone. */
export interface GroupPlan {
  readonly groupId: string;
  readonly folder: string;
  /** Of the file names, by subband. */
  readonly stamps: readonly string[];
  readonly seed: number;
  readonly array: TelescopeArray;
  readonly band: Band;
  readonly instrument: Instrument;
  readonly transmitters: readonly Transmitter[];
  readonly observation: Observation;
  readonly pointingDecRad: number;
  /** σ of the real and of the imaginary part of a cross-correlation; 0 for noiseless data. */
  readonly noiseJy: number;
}

/** Radiometer equation for one cross-correlation: σ = SEFD / √(2 Δν Δt), of each part. */
export function radiometerNoiseJy(channelWidthHz: number): number {
  return SEFD_JY / Math.sqrt(2 * channelWidthHz * INTEGRATION_SECONDS);
}

/** @returns the path of the written file */
export function writeSubband(plan: GroupPlan, subband: number): string {
  const vis = subbandVis(plan, subband);
  const itemCount = vis.length / 2;
  const stem = `${plan.folder}/${plan.stamps[subband]!}_sb${String(subband).padStart(2, "0")}`;
  return writeUvh5(stem, describe(plan, subband), {
    vis,
    flags: new Uint8Array(itemCount),
    nsamples: new Float32Array(itemCount).fill(SAMPLES_PER_INTEGRATION),
  });
}

/** Visibilities [time, baseline, channel, polarization], interleaved. */
export function subbandVis(plan: GroupPlan, subband: number): Float32Array {
  const { array, band, observation, transmitters } = plan;
  const frequencyHz = band.frequencyHz[subband]!;
  const antennaCount = array.activeIndices.length;
  const timeCount = observation.timesMjd.length;
  const baselineCount = (antennaCount * (antennaCount + 1)) / 2;
  const polarizationCount = POLARIZATION_CODES.length;
  const itemCount = timeCount * baselineCount * band.channelCount * polarizationCount;
  const vis = new Float32Array(2 * itemCount);
  correlate({
    antennaCount,
    sourceCount: observation.sources.length + transmitters.length,
    timeCount,
    channelCount: band.channelCount,
    polarizationCount,
    frequencyHz,
    positionsM: activePositionsM(array),
    directions: observation.directions,
    fluxJy: apparentFluxes(observation, transmitters, frequencyHz, band.channelWidthHz),
    skyResponse: Float32Array.from(array.activeIndices, (slot) =>
      plan.instrument.faults.has(slot) ? 0 : 1,
    ),
    gains: gainTable(plan, frequencyHz),
    noiseJy: plan.noiseJy,
    systemJy: SEFD_JY,
    autoNoiseJy: plan.noiseJy * Math.SQRT2,
    seed: seedOf("noise", plan.seed, plan.groupId, subband),
    vis,
  });
  return vis;
}

/** Voltage gains, shape [time, channel, polarization, antenna]. */
export function gainTable(plan: GroupPlan, frequencyHz: Float64Array): Float32Array {
  const { array, instrument, observation } = plan;
  const antennaCount = array.activeIndices.length;
  const gains = new Float32Array(
    2 * observation.timesMjd.length * frequencyHz.length * 2 * antennaCount,
  );
  array.activeIndices.forEach((slot, antenna) => {
    if (instrument.faults.get(slot) === "zero") return;
    instrument.receivers[slot]!.forEach((receiver, polarization) => {
      frequencyHz.forEach((frequency, channel) => {
        const { amplitude, phaseRad } = gainAt(receiver, frequency);
        observation.timesMjd.forEach((mjd, time) => {
          const angle = phaseRad + driftAt(receiver, mjd);
          const cell = (time * frequencyHz.length + channel) * 2 + polarization;
          const at = 2 * (cell * antennaCount + antenna);
          gains[at] = instrument.scale * amplitude * Math.cos(angle);
          gains[at + 1] = instrument.scale * amplitude * Math.sin(angle);
        });
      });
    });
  });
  return gains;
}

/** Index pairs of the baselines, i ≤ j over the active antennas, as slots of the telescope. */
export function baselines(array: TelescopeArray): { first: Int32Array; second: Int32Array } {
  const slots = array.activeIndices;
  const pairs = slots.flatMap((slot, i) => slots.slice(i).map((other) => [slot, other] as const));
  return {
    first: Int32Array.from(pairs, ([slot]) => slot),
    second: Int32Array.from(pairs, ([, other]) => other),
  };
}

/** position(second) − position(first) along u, v, w of the meridian; shape [baseline, 3] [m]. */
export function meridianUvwM(plan: GroupPlan): Float64Array {
  const uvw = antennaUvw(activePositionsM(plan.array), uvwBasis(0, plan.pointingDecRad));
  const antennaCount = plan.array.activeIndices.length;
  const rows: number[] = [];
  for (let i = 0; i < antennaCount; i++) {
    for (let j = i; j < antennaCount; j++) {
      for (let k = 0; k < 3; k++) rows.push(uvw[3 * j + k]! - uvw[3 * i + k]!);
    }
  }
  return Float64Array.from(rows);
}

function describe(plan: GroupPlan, subband: number): Uvh5Description {
  const { array, band } = plan;
  const { first, second } = baselines(array);
  const decDeg = plan.pointingDecRad * DEG_PER_RAD;
  return {
    telescopeName: "OVRO_MMA",
    instrument: "DSA",
    objectName: "search",
    history: `simulated by contimg, seed ${plan.seed}, group ${plan.groupId}`,
    latitudeDeg: DSA_SITE.latitudeRad * DEG_PER_RAD,
    longitudeDeg: DSA_SITE.longitudeRad * DEG_PER_RAD,
    altitudeM: DSA_SITE.altitudeM,
    pointingDecRad: plan.pointingDecRad,
    antennaNames: array.antennaNames,
    antennaPositionsM: array.positionsM,
    antennaDiameterM: DISH_DIAMETER_M,
    activeAntennaCount: array.activeIndices.length,
    antenna1Index: first,
    antenna2Index: second,
    uvwM: meridianUvwM(plan),
    timesMjd: plan.observation.timesMjd,
    integrationSeconds: INTEGRATION_SECONDS,
    frequencyHz: band.frequencyHz[subband]!,
    channelWidthHz: band.channelWidthHz,
    polarizationCodes: POLARIZATION_CODES,
    fringeTable: `fringestopping_table_dec${decDeg.toFixed(1)}deg.npz`,
    appliedDelaysNs: new Float64Array(2 * array.antennaNames.length),
  };
}
