/** The Measurement Set that applying gains writes: averaged in frequency, weighted, in Jy. */
import type { AveragedSlab, CalibratedRows } from "@contimg/astro";
import { createMeasurementSet, openTable, putIntegration, type Table } from "@contimg/casacore";

import type { Integration, VisibilitySet } from "./visibility-set.ts";

/** An empty set like `set`, with `factor` channels averaged into one; open for writing. */
export function createCalibratedCopy(
  set: VisibilitySet,
  factor: number,
  outputPath: string,
  history: readonly string[],
): Table {
  return createMeasurementSet(outputPath, {
    telescopeName: set.telescopeName,
    observer: "contimg",
    project: "contimg",
    antennas: set.antennas,
    frequencyHz: averageFrequencies(set.frequencyHz, factor),
    channelWidthHz: set.channelWidthHz * factor,
    correlationTypes: set.correlationTypes,
    field: set.field,
    startMjd: set.startMjd,
    endMjd: set.endMjd,
    history: [...history, averagingText({ count: factor, widthHz: set.channelWidthHz })],
    weightSpectrum: true,
  });
}

/** How the channels of a copy were made. */
export interface ChannelAveraging {
  /** Of channels that became one. */
  readonly count: number;
  /** Of each of them. */
  readonly widthHz: number;
}

function averagingText({ count, widthHz }: ChannelAveraging): string {
  return `each channel is the mean of ${count} of ${widthHz} Hz`;
}

/** What a set's history says of it; one channel of its own width when it says nothing. */
export function readAveraging(path: string): ChannelAveraging {
  using history = openTable(`${path}/HISTORY`);
  const messages = history.rowCount === 0 ? [] : history.getStrings("MESSAGE");
  for (const message of messages) {
    const [, count, widthHz] =
      /^each channel is the mean of (\d+) of (\S+) Hz$/.exec(message) ?? [];
    if (count !== undefined) return { count: Number(count), widthHz: Number(widthHz) };
  }
  return { count: 1, widthHz: 0 };
}

function averageFrequencies(frequencyHz: Float64Array, factor: number): Float64Array {
  return Float64Array.from({ length: frequencyHz.length / factor }, (_, group) => {
    const members = frequencyHz.subarray(group * factor, (group + 1) * factor);
    return members.reduce((sum, hz) => sum + hz, 0) / factor;
  });
}

/** Appends the kept rows of one integration. */
export function appendIntegration(
  output: Table,
  set: VisibilitySet,
  integration: Integration,
  rows: CalibratedRows,
  averaged: AveragedSlab,
): void {
  const rowCount = rows.row.length;
  if (rowCount === 0) return;
  const startRow = output.rowCount;
  output.addRows(rowCount);
  const cells = rowCount * averaged.channelCount * set.correlationTypes.length;
  const weights = averaged.weights.subarray(0, cells);
  output.putArray("DATA", startRow, rowCount, averaged.vis.subarray(0, 2 * cells));
  output.putArray("FLAG", startRow, rowCount, averaged.flags.subarray(0, cells));
  output.putArray("WEIGHT_SPECTRUM", startRow, rowCount, weights);
  const uvwM = new Float64Array(3 * rowCount);
  for (const [index, row] of rows.row.entries()) {
    const from = 3 * (integration.firstRow + row);
    uvwM.set(set.uvwM.subarray(from, from + 3), 3 * index);
  }
  putIntegration(output, startRow, {
    timeMjd: integration.timeMjd,
    intervalSeconds: integration.intervalSeconds,
    antenna1: rows.antenna1,
    antenna2: rows.antenna2,
    uvwM,
    weight: rowWeights(weights, rowCount, averaged.channelCount, set.correlationTypes.length),
  });
}

/** WEIGHT: the mean of WEIGHT_SPECTRUM over channels that are not flagged. [row, polarization] */
function rowWeights(
  weights: Float32Array,
  rowCount: number,
  channelCount: number,
  polarizationCount: number,
): Float32Array {
  const means = new Float32Array(rowCount * polarizationCount);
  for (let row = 0; row < rowCount; row += 1)
    for (let pol = 0; pol < polarizationCount; pol += 1) {
      let sum = 0;
      let count = 0;
      for (let channel = 0; channel < channelCount; channel += 1) {
        const weight = weights[(row * channelCount + channel) * polarizationCount + pol]!;
        if (weight === 0) continue;
        sum += weight;
        count += 1;
      }
      means[row * polarizationCount + pol] = count === 0 ? 0 : sum / count;
    }
  return means;
}
