/** What a second flagger added to a Measurement Set, in the counts of the first. */
import { openTable, type Table } from "@contimg/casacore";

import type { VisibilitySet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import { createFlagCounts, type FlagCounts, increment } from "./flag-counts.ts";
import { reasonCode } from "./reasons.ts";
import type { TileFlags } from "./tile-flagger.ts";
import { isAutocorrelation, type TileLayout } from "./tile-layout.ts";

const BEFORE = reasonCode("earlier");
const ADDED = reasonCode("aoflagger");

/**
 * Puts the flags of `before` back where the second flagger took some away, and counts what it
 * added: flags are only ever added.
 * @throws {PipelineError} MalformedFile when the integrations of the set are not alike
 */
export function mergeFlags(before: VisibilitySet, afterPath: string): TileFlags {
  const layout = layoutOf(before);
  using original = openTable(before.path);
  using after = openTable(afterPath, { writable: true });
  const dead = findDead(layout, original);
  const counts = createFlagCounts(layout);
  for (let time = 0; time < layout.timeCount; time += 1)
    mergeIntegration(layout, time, { original, after, dead, counts });
  return { layout, counts, dead };
}

function layoutOf(set: VisibilitySet): TileLayout {
  const { integrations } = set;
  const rowCount = integrations[0]!.rowCount;
  const odd = integrations.find((one) => one.rowCount !== rowCount);
  if (odd !== undefined)
    throw new PipelineError(
      "MalformedFile",
      `${set.path}: the integration from row ${odd.firstRow} on has ${odd.rowCount} rows, ` +
        `expected ${rowCount} as in the first`,
      { path: set.path, rowCount: odd.rowCount, expected: rowCount },
    );
  return {
    timeCount: integrations.length,
    rowCount,
    channelCount: set.frequencyHz.length,
    polarizationCount: set.correlationTypes.length,
    antennaCount: set.antennas.names.length,
    antenna1: set.antenna1.subarray(0, rowCount),
    antenna2: set.antenna2.subarray(0, rowCount),
    subbandStarts: [0],
  };
}

function readFlags(layout: TileLayout, table: Table, time: number): Uint8Array {
  const { rowCount, channelCount, polarizationCount } = layout;
  const flags = new Uint8Array(rowCount * channelCount * polarizationCount);
  table.getArray("FLAG", time * rowCount, rowCount, flags);
  return flags;
}

/** [antenna, polarization]: those that the first flagger left nothing of. */
function findDead(layout: TileLayout, original: Table): Uint8Array {
  const { antennaCount, polarizationCount, rowCount, antenna1, antenna2, timeCount } = layout;
  const dead = new Uint8Array(antennaCount * polarizationCount).fill(1);
  for (let time = 0; time < timeCount; time += 1) {
    const flags = readFlags(layout, original, time);
    for (let row = 0, at = 0; row < rowCount; row += 1)
      for (let cell = 0; cell < flags.length / rowCount; cell += 1, at += 1) {
        if (flags[at] !== 0 || isAutocorrelation(layout, row)) continue;
        const pol = cell % polarizationCount;
        dead[antenna1[row]! * polarizationCount + pol] = 0;
        dead[antenna2[row]! * polarizationCount + pol] = 0;
      }
  }
  return dead;
}

interface Merge {
  readonly original: Table;
  readonly after: Table;
  readonly dead: Uint8Array;
  readonly counts: FlagCounts;
}

function mergeIntegration(layout: TileLayout, time: number, merge: Merge): void {
  const { rowCount } = layout;
  const before = readFlags(layout, merge.original, time);
  const flags = readFlags(layout, merge.after, time);
  let isMended = false;
  const cells = flags.length / rowCount;
  for (let row = 0, at = 0; row < rowCount; row += 1)
    for (let cell = 0; cell < cells; cell += 1, at += 1) {
      if (before[at] !== 0 && flags[at] === 0) {
        flags[at] = 1;
        isMended = true;
      }
      if (flags[at] === 0 || !isCounted(layout, row, merge.dead)) continue;
      increment(layout, merge.counts, before[at] === 0 ? ADDED : BEFORE, row, time, cell);
    }
  if (isMended) merge.after.putArray("FLAG", time * rowCount, rowCount, flags);
}

/** Cross-correlations of active antennas. */
function isCounted(layout: TileLayout, row: number, dead: Uint8Array): boolean {
  if (isAutocorrelation(layout, row)) return false;
  const { polarizationCount } = layout;
  return [layout.antenna1[row]!, layout.antenna2[row]!].every((antenna) =>
    dead.subarray(antenna * polarizationCount, (antenna + 1) * polarizationCount).includes(0),
  );
}
