/**
 * The copy of a calibrated Measurement Set that the rounds work on: WSClean leaves its model there,
 * and each round's gains are taken off what the published set has, never off a round before.
 */
import { constants } from "node:fs";
import { cp } from "node:fs/promises";

import {
  addModelled,
  type AntennaGains,
  createGainMatrices,
  divideByGains,
  type GainMatrices,
  type IntegrationSlab,
  intervalOf,
  type IntervalGains,
} from "@contimg/astro";
import { openTable, type Table } from "@contimg/casacore";

import { parallelHands, receptorsOf } from "../calibration/baselines.ts";
import {
  allocateSlab,
  type Integration,
  type SlabBuffers,
  type StoredSet,
} from "../calibration/visibility-set.ts";

export async function copyForRounds(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** Normal equations of the set against the copy's model: [integration][parallel hand]. */
export async function gatherModelled(
  set: StoredSet,
  copyPath: string,
  signal: AbortSignal,
): Promise<GainMatrices[][]> {
  using own = openTable(set.path);
  using copy = openTable(copyPath);
  const slab = allocateSlab(set);
  const polarizations = parallelHands(set);
  const { names } = set.antennas;
  const all: GainMatrices[][] = [];
  for (const integration of set.integrations) {
    await breathe(signal);
    const matrices = polarizations.map(() => createGainMatrices(names.length));
    const data = set.readInto(integration, slab);
    const { firstRow, rowCount } = integration;
    const model = new Float32Array(data.vis.length);
    copy.getArray("MODEL_DATA", firstRow, rowCount, model);
    const weights = readWeights(own, integration, data);
    addModelled(matrices, { ...data, model, weights }, rowsOf(set, integration), polarizations);
    all.push(matrices);
  }
  return all;
}

/** casacore blocks the thread: between integrations messages come in and go out. */
async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise(setImmediate);
  signal.throwIfAborted();
}

/**
 * The copy's visibilities as the published set's over the gains; where amplitudes differ from 1
 * the weights too. Amplitudes come last, so weights never have to go back.
 */
export async function writeCorrected(
  set: StoredSet,
  copyPath: string,
  gains: IntervalGains,
  signal: AbortSignal,
): Promise<void> {
  using own = openTable(set.path);
  using copy = openTable(copyPath, { writable: true });
  const slab = allocateSlab(set);
  const all = gains.ends.map((_, interval) => spread(set, gains, interval));
  const scalesWeights = all.some(({ powers }) => powers.some((one) => Math.abs(one - 1) > 1e-4));
  for (const [index, integration] of set.integrations.entries()) {
    await breathe(signal);
    const current = all[intervalOf(gains, index)]!;
    const data = divided(set, integration, slab, current);
    copy.putArray("DATA", integration.firstRow, integration.rowCount, data.vis);
    if (scalesWeights) scaleWeights(set, { own, copy }, integration, current, data);
  }
}

function divided(
  set: StoredSet,
  integration: Integration,
  slab: SlabBuffers,
  gains: AntennaGains,
): IntegrationSlab {
  const data = set.readInto(integration, slab);
  const rows = rowsOf(set, integration);
  const row = Int32Array.from({ length: integration.rowCount }, (_, index) => index);
  const range = { first: 0, end: data.channelCount };
  divideByGains(data, { row, ...rows }, gains, receptorsOf(set), range);
  return data;
}

/** One interval's gains for every channel and both receptors; 1 for a receptor without. */
function spread(set: StoredSet, gains: IntervalGains, interval: number): AntennaGains {
  const { first } = receptorsOf(set);
  const solvedOf = [0, 1].map((receptor) =>
    parallelHands(set).findIndex((pol) => first[pol] === receptor),
  );
  const channelCount = set.frequencyHz.length;
  const { antennaCount, polarizationCount } = gains;
  const count = antennaCount * channelCount * 2;
  const out = { gains: new Float32Array(2 * count), powers: new Float32Array(count) };
  for (let to = 0; to < count; to += 1) {
    const solved = solvedOf[to % 2]!;
    const antenna = Math.floor(to / (2 * channelCount));
    const from = (interval * antennaCount + antenna) * polarizationCount + solved;
    const [re, im] = solved === -1 ? [1, 0] : [gains.gains[2 * from]!, gains.gains[2 * from + 1]!];
    out.gains[2 * to] = re;
    out.gains[2 * to + 1] = im;
    out.powers[to] = re * re + im * im;
  }
  return { channelCount, receptorCount: 2, ...out };
}

function rowsOf(
  set: StoredSet,
  { firstRow, rowCount }: Integration,
): { antenna1: Int32Array; antenna2: Int32Array } {
  return {
    antenna1: set.antenna1.subarray(firstRow, firstRow + rowCount),
    antenna2: set.antenna2.subarray(firstRow, firstRow + rowCount),
  };
}

/** WEIGHT_SPECTRUM, or the row's WEIGHT for every channel: [row, channel, polarization]. */
function readWeights(
  own: Table,
  { firstRow, rowCount }: Integration,
  { vis, channelCount, polarizationCount }: IntegrationSlab,
): Float32Array {
  const weights = new Float32Array(vis.length / 2);
  if (hasSpectrum(own, firstRow))
    return own.getArray("WEIGHT_SPECTRUM", firstRow, rowCount, weights);
  const size = rowCount * polarizationCount;
  const ofRow = own.getArray("WEIGHT", firstRow, rowCount, new Float32Array(size));
  const rowLength = channelCount * polarizationCount;
  return weights.map(
    (_, at) => ofRow[Math.floor(at / rowLength) * polarizationCount + (at % polarizationCount)]!,
  );
}

function hasSpectrum(own: Table, row: number): boolean {
  return own.hasColumn("WEIGHT_SPECTRUM") && own.cellShape("WEIGHT_SPECTRUM", row) !== undefined;
}

/** By |g_p g_q|²: dividing by a gain divides the noise too. */
function scaleWeights(
  set: StoredSet,
  { own, copy }: { readonly own: Table; readonly copy: Table },
  integration: Integration,
  { powers, channelCount }: AntennaGains,
  data: IntegrationSlab,
): void {
  const { firstRow, rowCount } = integration;
  const { antenna1, antenna2 } = rowsOf(set, integration);
  const { first, second } = receptorsOf(set);
  const { polarizationCount } = data;
  const scaleOf = (row: number, pol: number): number =>
    powers[2 * antenna1[row]! * channelCount + first[pol]!]! *
    powers[2 * antenna2[row]! * channelCount + second[pol]!]!;
  const size = rowCount * polarizationCount;
  const ofRow = own.getArray("WEIGHT", firstRow, rowCount, new Float32Array(size));
  const scaled = ofRow.map(
    (weight, at) => weight * scaleOf(Math.floor(at / polarizationCount), at % polarizationCount),
  );
  copy.putArray("WEIGHT", firstRow, rowCount, scaled);
  const sigma = scaled.map((weight) => (weight > 0 ? 1 / Math.sqrt(weight) : 0));
  copy.putArray("SIGMA", firstRow, rowCount, sigma);
  if (!hasSpectrum(own, firstRow)) return;
  const rowLength = data.channelCount * polarizationCount;
  const spectrum = readWeights(own, integration, data).map(
    (weight, at) => weight * scaleOf(Math.floor(at / rowLength), at % polarizationCount),
  );
  copy.putArray("WEIGHT_SPECTRUM", firstRow, rowCount, spectrum);
}
