/** Cross-correlation baselines of a visibility set and its rows sorted onto them. */
import type { BaselineAntennas, BaselineRows } from "@contimg/astro";

import type { Integration, VisibilitySet } from "./visibility-set.ts";

/** CORR_TYPE of products of two equal receptors: RR, LL, XX, YY. */
const PARALLEL_TYPES = new Set([5, 8, 9, 12]);

export interface Baselines extends BaselineAntennas {
  /** [antenna1 · antennaCount + antenna2]: baseline, or −1. */
  readonly indexOfPair: Int32Array;
  readonly antennaCount: number;
}

export function baselinesOf(set: VisibilitySet): Baselines {
  const antennaCount = set.antennas.names.length;
  const indexOfPair = new Int32Array(antennaCount * antennaCount).fill(-1);
  const antenna1: number[] = [];
  const antenna2: number[] = [];
  for (let row = 0; row < set.antenna1.length; row += 1) {
    const [p, q] = [set.antenna1[row]!, set.antenna2[row]!];
    if (p === q || indexOfPair[p * antennaCount + q] !== -1) continue;
    indexOfPair[p * antennaCount + q] = antenna1.length;
    antenna1.push(p);
    antenna2.push(q);
  }
  return {
    indexOfPair,
    antennaCount,
    antenna1: Int32Array.from(antenna1),
    antenna2: Int32Array.from(antenna2),
  };
}

/** The cross-correlations of an integration; rows count from its first. */
export function crossRowsOf(
  set: VisibilitySet,
  integration: Integration,
  baselines: Baselines,
): BaselineRows {
  const row: number[] = [];
  for (let index = 0; index < integration.rowCount; index += 1)
    if (set.antenna1[integration.firstRow + index] !== set.antenna2[integration.firstRow + index])
      row.push(index);
  const antenna1 = Int32Array.from(row, (index) => set.antenna1[integration.firstRow + index]!);
  const antenna2 = Int32Array.from(row, (index) => set.antenna2[integration.firstRow + index]!);
  const baseline = antenna1.map(
    (p, index) => baselines.indexOfPair[p * baselines.antennaCount + antenna2[index]!]!,
  );
  return { row: Int32Array.from(row), antenna1, antenna2, baseline };
}

/** Indices of the parallel hands along the polarization axis: one for each receptor. */
export function parallelHands(set: VisibilitySet): number[] {
  return set.correlationTypes.flatMap((type, index) => (PARALLEL_TYPES.has(type) ? [index] : []));
}

/** Receptors of the products, 0 or 1: CORR_TYPE 5…8 and 9…12 count through 00, 01, 10, 11. */
export function receptorsOf(set: VisibilitySet): { first: number[]; second: number[] } {
  const products = set.correlationTypes.map((type) => (type - 5) % 4);
  return {
    first: products.map((product) => product >> 1),
    second: products.map((product) => product & 1),
  };
}
