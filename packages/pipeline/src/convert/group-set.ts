/**
 * A group of subband files seen as the Measurement Set that a conversion would write, without
 * writing it: what reads visibility sets (calibration/) reads this in its place, number for number.
 */
import { SECONDS_PER_DAY } from "@contimg/astro";
import type { BandIntegration } from "@contimg/formats";

import type { Integration, VisibilitySet } from "../calibration/visibility-set.ts";
import type { BandReader, BlockFacts } from "./band-reader.ts";
import type { ConversionPlan } from "./conversion-plan.ts";
import { integrationGeometry } from "./geometry.ts";
import { baselineUvw } from "./integration-writer.ts";
import { describeMeasurementSet } from "./measurement-set-description.ts";

export interface GroupSetParts {
  readonly plan: ConversionPlan;
  readonly reader: BandReader;
  /** Puts the tile's flags in place of the files' own; absent when those are all. */
  readonly writeFlags?: (time: number, flags: Uint8Array) => Promise<void>;
  readonly onBlocks?: (blocks: readonly BlockFacts[]) => void;
}

export function groupSet({ plan, reader, writeFlags, onBlocks }: GroupSetParts): VisibilitySet {
  const { header } = plan.files[0]!;
  const { timeCount, baselineCount: rowCount } = header;
  const described = describeMeasurementSet(plan, false);
  const channelCount = plan.axis.frequencyHz.length;
  const { polarizationCount } = header;
  const geometries = Array.from({ length: timeCount }, (_, time) =>
    integrationGeometry(header, plan.geometry, time),
  );
  const integrations = Array.from({ length: timeCount }, (_, time): Integration => ({
    timeMjd: throughSeconds(header.timesMjd[time]!),
    intervalSeconds: header.integrationSeconds[time]!,
    firstRow: time * rowCount,
    rowCount,
  }));
  const { field, telescopeName, antennas, frequencyHz, correlationTypes } = described;
  const halfDays = ({ intervalSeconds }: Integration): number =>
    intervalSeconds / 2 / SECONDS_PER_DAY;
  const [first, last] = [integrations[0]!, integrations.at(-1)!];
  return {
    path: plan.files[0]!.path,
    ...{ telescopeName, antennas, frequencyHz, correlationTypes, field, integrations },
    channelWidthHz: Math.abs(described.channelWidthHz),
    antenna1: repeated(header.antenna1Index, timeCount),
    antenna2: repeated(header.antenna2Index, timeCount),
    uvwM: joined(
      geometries.map(({ uvwM }) => baselineUvw(uvwM, header.antenna1Index, header.antenna2Index)),
    ),
    startMjd: first.timeMjd - halfDays(first),
    endMjd: last.timeMjd + halfDays(last),
    async readInto({ firstRow }, slab) {
      const time = firstRow / rowCount;
      const count = rowCount * channelCount * polarizationCount;
      const vis = slab.vis.subarray(0, 2 * count);
      // Channels of a missing subband are nobody's: zero, and flagged.
      const flags = slab.flags.subarray(0, count).fill(1);
      if (plan.axis.missing.length > 0) vis.fill(0);
      const band: BandIntegration = { vis, flags, weights: new Float32Array(0) };
      const blocks = await reader.fill(time, geometries[time]!.pathM, band);
      onBlocks?.(blocks);
      await writeFlags?.(time, flags);
      return { vis, flags, rowCount, channelCount, polarizationCount };
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** A Measurement Set keeps seconds: one rounding more, and the same here. */
function throughSeconds(mjd: number): number {
  return (mjd * SECONDS_PER_DAY) / SECONDS_PER_DAY;
}

function repeated(indices: Int32Array, times: number): Int32Array {
  const all = new Int32Array(indices.length * times);
  for (let time = 0; time < times; time += 1) all.set(indices, time * indices.length);
  return all;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
