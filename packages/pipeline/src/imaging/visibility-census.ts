/**
 * What is in a calibrated Measurement Set once flags and weights are counted: by it the settings of
 * an image are chosen and the primary beam is averaged.
 *
 * One pass over FLAG and the weights, a few thousand rows at a time; of DATA, one integration.
 * Must run in a stage's child process (casacore is synchronous).
 */
import { madInPlace, SIGMA_PER_MAD } from "@contimg/astro";
import { openTable, type Table } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";
import type { DataFacts } from "./choose-settings.ts";
import type { ImagedObservation } from "./observation.ts";

export interface VisibilityCensus {
  /** Stokes I visibilities of which no polarization is flagged. */
  readonly visibilityCount: number;
  /** Rows × channels, flagged or not. */
  readonly sampleCount: number;
  /** Longest projected baseline that has one of them. */
  readonly longestBaselineM: number;
  /** Sum of their weights; shape [time, channel], times ascending. */
  readonly weights: Float64Array;
  /** Noise to expect of natural weighting [Jy/beam]; absent with one polarization. */
  readonly expectedNoiseJy: number | undefined;
}

interface Shape {
  readonly timesS: readonly number[];
  readonly channelCount: number;
  readonly polarizationCount: number;
}

const ROWS_PER_READ = 4096;
/** So many visibilities tell the noise to half a percent. */
const NOISE_SAMPLES_MAX = 100_000;

/** @throws {PipelineError} TooFewVisibilities when every visibility is flagged or without weight */
export function takeCensus(path: string, channelCount: number): VisibilityCensus {
  using main = openTable(path);
  const rowCount = main.rowCount;
  const secondOfRow = main.getScalars("TIME", 0, rowCount, new Float64Array(rowCount));
  const uvwM = main.getArray("UVW", 0, rowCount, new Float64Array(3 * rowCount));
  const timesS = [...new Set(secondOfRow)].sort((a, b) => a - b);
  const polarizationCount = (main.cellShape("FLAG", 0) ?? [1])[0]!;
  const shape: Shape = { timesS, channelCount, polarizationCount };
  const tally = newTally(shape);
  for (let firstRow = 0; firstRow < rowCount; firstRow += ROWS_PER_READ) {
    const count = Math.min(ROWS_PER_READ, rowCount - firstRow);
    const slab = readWeights(main, firstRow, count, shape);
    countSlab(tally, slab, { firstRow, count, secondOfRow, uvwM, shape });
  }
  if (!(tally.weightSum > 0)) {
    const message =
      `${path}: all of ${rowCount * channelCount} visibilities are flagged or have no weight, ` +
      "expected some to image";
    throw new PipelineError("TooFewVisibilities", message, { path, rowCount, channelCount });
  }
  return {
    visibilityCount: tally.visibilityCount,
    sampleCount: rowCount * channelCount,
    longestBaselineM: tally.longestBaselineM,
    weights: tally.weights,
    expectedNoiseJy: expectedNoise(main, secondOfRow, shape, tally.weightSum),
  };
}

interface Tally {
  visibilityCount: number;
  longestBaselineM: number;
  weightSum: number;
  readonly weights: Float64Array;
  readonly timeIndex: ReadonlyMap<number, number>;
}

function newTally({ timesS, channelCount }: Shape): Tally {
  return {
    visibilityCount: 0,
    longestBaselineM: 0,
    weightSum: 0,
    weights: new Float64Array(timesS.length * channelCount),
    timeIndex: new Map(timesS.map((second, index) => [second, index])),
  };
}

/** Weights by [row, channel] of Stokes I; 0 where a polarization is flagged. */
function readWeights(main: Table, firstRow: number, rowCount: number, shape: Shape): Float32Array {
  const { channelCount, polarizationCount } = shape;
  const cells = rowCount * channelCount;
  const flags = main.getArray(
    "FLAG",
    firstRow,
    rowCount,
    new Uint8Array(cells * polarizationCount),
  );
  const given = readGivenWeights(main, firstRow, rowCount, shape);
  const weights = new Float32Array(cells);
  const last = polarizationCount - 1;
  for (let cell = 0; cell < cells; cell++) {
    const at = cell * polarizationCount;
    if (flags[at]! !== 0 || flags[at + last]! !== 0) continue;
    weights[cell] = given.of(cell, 0) > 0 ? Math.max(0, given.of(cell, last)) : 0;
  }
  return weights;
}

/** WEIGHT_SPECTRUM where there is one, else the row's WEIGHT for every channel. */
function readGivenWeights(
  main: Table,
  firstRow: number,
  rowCount: number,
  { channelCount, polarizationCount }: Shape,
): { of: (cell: number, polarization: number) => number } {
  if (main.hasColumn("WEIGHT_SPECTRUM") && main.cellShape("WEIGHT_SPECTRUM", firstRow)) {
    const size = rowCount * channelCount * polarizationCount;
    const values = main.getArray("WEIGHT_SPECTRUM", firstRow, rowCount, new Float32Array(size));
    return { of: (cell, polarization) => values[cell * polarizationCount + polarization]! };
  }
  const values = main.getArray(
    "WEIGHT",
    firstRow,
    rowCount,
    new Float32Array(rowCount * polarizationCount),
  );
  return {
    of: (cell, polarization) => {
      return values[Math.floor(cell / channelCount) * polarizationCount + polarization]!;
    },
  };
}

function countSlab(
  tally: Tally,
  slab: Float32Array,
  rows: {
    firstRow: number;
    count: number;
    secondOfRow: Float64Array;
    uvwM: Float64Array;
    shape: Shape;
  },
): void {
  const { channelCount } = rows.shape;
  for (let index = 0; index < rows.count; index++) {
    const row = rows.firstRow + index;
    const first = tally.timeIndex.get(rows.secondOfRow[row]!)! * channelCount;
    let seen = 0;
    for (let channel = 0; channel < channelCount; channel++) {
      const weight = slab[index * channelCount + channel]!;
      if (weight <= 0) continue;
      seen += 1;
      tally.weights[first + channel]! += weight;
      tally.weightSum += weight;
    }
    if (seen === 0) continue;
    tally.visibilityCount += seen;
    const lengthM = Math.hypot(rows.uvwM[3 * row]!, rows.uvwM[3 * row + 1]!);
    tally.longestBaselineM = Math.max(tally.longestBaselineM, lengthM);
  }
}

/**
 * σ = √(k / Σw), with k = w σ_vis² from (XX − YY)/2, which has the noise of Stokes I and none of
 * the sky as long as the sky is not polarized. Of the middle integration.
 */
function expectedNoise(
  main: Table,
  secondOfRow: Float64Array,
  shape: Shape,
  weightSum: number,
): number | undefined {
  const { timesS, channelCount, polarizationCount } = shape;
  if (polarizationCount < 2) return undefined;
  const middle = timesS[Math.floor(timesS.length / 2)]!;
  const firstRow = secondOfRow.indexOf(middle);
  const rowCount = Math.min(secondOfRow.lastIndexOf(middle) + 1 - firstRow, ROWS_PER_READ);
  const weights = readWeights(main, firstRow, rowCount, shape);
  const size = 2 * rowCount * channelCount * polarizationCount;
  const vis = main.getArray("DATA", firstRow, rowCount, new Float32Array(size));
  const stride = Math.max(1, Math.floor((rowCount * channelCount) / NOISE_SAMPLES_MAX));
  const scaled: number[] = [];
  for (let cell = 0; cell < weights.length; cell += stride) {
    const weight = weights[cell]!;
    if (weight <= 0) continue;
    const at = 2 * cell * polarizationCount;
    const last = at + 2 * (polarizationCount - 1);
    scaled.push(((vis[at + 1]! - vis[last + 1]!) / 2) * Math.sqrt(weight));
  }
  const sigma = SIGMA_PER_MAD * madInPlace(Float64Array.from(scaled), 0);
  return sigma > 0 ? sigma / Math.sqrt(weightSum) : undefined;
}

/** What choosing settings needs to know of a tile. */
export function factsOf(observation: ImagedObservation, census: VisibilityCensus): DataFacts {
  const { frequencyHz, channelWidthHz, dishDiameterM } = observation;
  const ends = [frequencyHz[0]!, frequencyHz.at(-1)!];
  return {
    longestBaselineM: census.longestBaselineM,
    frequencyMinHz: Math.min(...ends) - channelWidthHz / 2,
    frequencyMaxHz: Math.max(...ends) + channelWidthHz / 2,
    channelCount: frequencyHz.length,
    dishDiameterM,
    expectedNoiseJy: census.expectedNoiseJy,
  };
}
