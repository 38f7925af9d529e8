/**
 * A calibration table that somebody else solved: what an executable is told of the sky to solve
 * against, and what its table is worth, from the table and the data alone.
 */
import {
  type BandpassArrays,
  fitDelays,
  medianOf,
  SIGMA_PER_MAD,
  SPEED_OF_LIGHT_M_S,
  summarizeBandpass,
} from "@contimg/astro";
import { type BandpassTable, readBandpassTable } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";
import type { Json } from "../stage.ts";
import { parallelHands } from "./baselines.ts";
import { preferredReferences } from "./reference-priority.ts";
import { antennaUvwAt } from "./solve-gains.ts";
import type { SolveSky } from "./solve-sky.ts";
import { allocateSlab, type StoredSet } from "./visibility-set.ts";

const DEGREES_PER_RAD = 180 / Math.PI;
const NANOSECONDS = 1e9;
/** Every so many channels of one integration tell whether gains fit. */
const CHANNELS_LOOKED_AT = 64;

/** What our own solver knows, as JSON: directions in degrees, fluxes by channel. */
export function briefOf(set: StoredSet, sky: SolveSky): Json {
  const channelCount = set.frequencyHz.length;
  const mean = sky.sources.map(() => new Float64Array(channelCount));
  for (const integration of set.integrations) {
    const { apparentFluxJy } = sky.modelOf(integration, antennaUvwAt(set, integration));
    for (const [source, fluxes] of mean.entries())
      for (let channel = 0; channel < channelCount; channel += 1)
        fluxes[channel]! +=
          apparentFluxJy[source * channelCount + channel]! / set.integrations.length;
  }
  return {
    calibrator: sky.facts.calibrator,
    /** By name, best first. */
    reference_antennas: preferredReferences(set.telescopeName, set.antennas.names).map(
      (antenna) => set.antennas.names[antenna]!,
    ),
    sources: sky.sources.map(({ raRad, decRad }, source) => ({
      ra_deg: raRad * DEGREES_PER_RAD,
      dec_deg: decRad * DEGREES_PER_RAD,
      /** Through the primary beam, mean of the observation; [channel]. */
      apparent_flux_jy: [...mean[source]!],
    })),
  };
}

export interface SiteSolution {
  readonly table: BandpassTable;
  readonly metrics: Readonly<Record<string, number>>;
  /** Indices, of antennas that have signal but no gains. */
  readonly rejected: readonly number[];
}

/** @throws {PipelineError} MalformedFile when the table is not of the set */
export function readSiteSolution(path: string, set: StoredSet, sky: SolveSky): SiteSolution {
  const table = readBandpassTable(path);
  assertFits(path, table, set);
  const slab = lookAtMiddle(set);
  const active = activeAntennas(set, slab);
  const arrays = {
    ...table,
    noise: new Float32Array(table.snr.length),
    // Whether its solver converged is for it to say.
    iterations: new Int16Array(table.channelCount * table.polarizationCount).fill(1),
  };
  const summary = summarizeBandpass(arrays, active);
  const rejected = [...active.keys()].filter(
    (antenna) => active[antenna] !== 0 && !hasGains(table, antenna),
  );
  const activeCount = active.reduce((sum, one) => sum + one, 0);
  return {
    table,
    rejected,
    metrics: {
      median_snr: summary.medianSnr,
      flagged_fraction: summary.flaggedFraction,
      active_count: activeCount,
      rejected_count: rejected.length,
      usable_count: activeCount - rejected.length,
      median_amplitude: summary.medianAmplitude,
      phase_scatter_deg: summary.phaseScatterRad * DEGREES_PER_RAD,
      amplitude_scatter: summary.amplitudeScatter,
      model_flux_ratio: modelFluxRatio(table, set, sky, slab),
      ...delayMetrics(arrays, table.referenceAntenna, set),
    },
  };
}

function assertFits(path: string, table: BandpassTable, set: StoredSet): void {
  const receptors = parallelHands(set).length;
  const isOfBand =
    table.channelCount === set.frequencyHz.length &&
    set.frequencyHz.every(
      (hz, channel) => Math.abs(hz - table.frequencyHz[channel]!) < 0.1 * set.channelWidthHz,
    );
  const isOfArray =
    table.antennaNames.length === set.antennas.names.length &&
    set.antennas.names.every((name, antenna) => name === table.antennaNames[antenna]);
  const { referenceAntenna: reference } = table;
  const wrong = [
    isOfBand
      ? ""
      : `its ${table.channelCount} channels are not the set's ${set.frequencyHz.length}`,
    isOfArray ? "" : "its antennas are not the set's, in their order",
    table.polarizationCount === receptors
      ? ""
      : `it has ${table.polarizationCount} receptors, expected ${receptors}`,
    table.antennaNames[reference] === undefined ? `its ANTENNA2 is ${reference}` : "",
    table.gains.every((part, at) => Number.isFinite(part) || table.flags[at >> 1] !== 0)
      ? ""
      : "gains that are not flagged are not numbers",
    table.snr.every((snr, at) => Number.isFinite(snr) || table.flags[at] !== 0)
      ? ""
      : "SNR of gains that are not flagged is not a number",
  ].filter((text) => text !== "");
  if (wrong.length === 0) return;
  throw new PipelineError("MalformedFile", `${path}: ${wrong.join("; ")}`, { path });
}

interface Look {
  readonly vis: Float32Array;
  readonly flags: Uint8Array;
  readonly firstRow: number;
  readonly rowCount: number;
}

function lookAtMiddle(set: StoredSet): Look {
  const integration = set.integrations[set.integrations.length >> 1]!;
  const { vis, flags } = set.readInto(integration, allocateSlab(set));
  return { vis, flags, firstRow: integration.firstRow, rowCount: integration.rowCount };
}

/** [antenna] 1 for those with a cross-correlation that is neither flagged nor zero. */
function activeAntennas(set: StoredSet, look: Look): Uint8Array {
  const active = new Uint8Array(set.antennas.names.length);
  const cells = set.frequencyHz.length * set.correlationTypes.length;
  for (let row = 0; row < look.rowCount; row += 1) {
    const p = set.antenna1[look.firstRow + row]!;
    const q = set.antenna2[look.firstRow + row]!;
    if (p === q || (active[p] !== 0 && active[q] !== 0)) continue;
    for (let cell = row * cells; cell < (row + 1) * cells; cell += 1) {
      if (look.flags[cell] !== 0) continue;
      if (look.vis[2 * cell] === 0 && look.vis[2 * cell + 1] === 0) continue;
      active[p] = 1;
      active[q] = 1;
      break;
    }
  }
  return active;
}

function hasGains(table: BandpassTable, antenna: number): boolean {
  const cells = table.channelCount * table.polarizationCount;
  return table.flags.subarray(antenna * cells, (antenna + 1) * cells).some((flag) => flag === 0);
}

/**
 * Σ Re(V conj P) / Σ |P|² with P = g_p conj(g_q) M: 1 for gains that turn the model into the data,
 * whatever the noise; 0 for phases, or 1 over the flux, of something else. Of one integration.
 */
function modelFluxRatio(table: BandpassTable, set: StoredSet, sky: SolveSky, look: Look): number {
  const integration = set.integrations[set.integrations.length >> 1]!;
  const model = sky.modelOf(integration, antennaUvwAt(set, integration));
  const { channelCount, polarizationCount: receptors } = table;
  const hands = parallelHands(set);
  const antennaCount = set.antennas.names.length;
  const step = Math.max(1, Math.floor(channelCount / CHANNELS_LOOKED_AT));
  let dataTimesModel = 0;
  let modelPower = 0;
  for (let row = 0; row < look.rowCount; row += 1) {
    const p = set.antenna1[look.firstRow + row]!;
    const q = set.antenna2[look.firstRow + row]!;
    if (p === q) continue;
    for (let channel = 0; channel < channelCount; channel += step) {
      const radPerM = (2 * Math.PI * set.frequencyHz[channel]!) / SPEED_OF_LIGHT_M_S;
      let mRe = 0;
      let mIm = 0;
      for (let source = 0; source < model.sourceCount; source += 1) {
        const flux = model.apparentFluxJy[source * channelCount + channel]!;
        const first = source * antennaCount;
        const phase = radPerM * (model.pathM[first + p]! - model.pathM[first + q]!);
        mRe += flux * Math.cos(phase);
        mIm += flux * Math.sin(phase);
      }
      for (const [receptor, hand] of hands.entries()) {
        const cell = (row * channelCount + channel) * set.correlationTypes.length + hand;
        const gp = (p * channelCount + channel) * receptors + receptor;
        const gq = (q * channelCount + channel) * receptors + receptor;
        if (look.flags[cell] !== 0 || table.flags[gp] !== 0 || table.flags[gq] !== 0) continue;
        const [a, b] = [table.gains[2 * gp]!, table.gains[2 * gp + 1]!];
        const [c, d] = [table.gains[2 * gq]!, table.gains[2 * gq + 1]!];
        const [gRe, gIm] = [a * c + b * d, b * c - a * d];
        const [re, im] = [gRe * mRe - gIm * mIm, gRe * mIm + gIm * mRe];
        dataTimesModel += look.vis[2 * cell]! * re + look.vis[2 * cell + 1]! * im;
        modelPower += re * re + im * im;
      }
    }
  }
  return dataTimesModel / modelPower;
}

function delayMetrics(
  arrays: BandpassArrays,
  reference: number,
  set: StoredSet,
): Record<string, number> {
  const { delaySeconds, flags } = fitDelays(arrays, set.frequencyHz, reference);
  const delaysNs = [...delaySeconds]
    .filter((_, at) => flags[at] === 0)
    .map((delay) => NANOSECONDS * delay);
  const median = medianOf(delaysNs) ?? 0;
  const deviations = delaysNs.map((delayNs) => Math.abs(delayNs - median));
  return {
    delay_median_ns: medianOf(delaysNs.map(Math.abs)) ?? 0,
    delay_scatter_ns: SIGMA_PER_MAD * (medianOf(deviations) ?? 0),
  };
}
