/** A thread that calibrates, clips and averages its channels of one integration after another. */
import { parentPort, workerData } from "node:worker_threads";

import {
  averageChannels,
  createAmplitudeClip,
  divideByGains,
  type CalibratedRows,
  type IntegrationSlab,
} from "@contimg/astro";

import type { ApplyMessage, ApplySetup, FlagCounts } from "./apply-messages.ts";

// Written by apply-gains.ts, which is the only one to start this file.
const setup = workerData as ApplySetup;
const { range, gains, receptors, channelCount, polarizationCount } = setup;
const clip = createAmplitudeClip(range, polarizationCount);

parentPort?.on("message", (message: ApplyMessage) => {
  parentPort?.postMessage(calibrate(message));
});

function calibrate({ slabIndex, rowCount, rows }: ApplyMessage): FlagCounts {
  const slab = { ...setup.slabs[slabIndex], rowCount, channelCount, polarizationCount };
  const flaggedBeforeCount = countFlags(slab, rows);
  const unusableCount = divideByGains(slab, rows, gains, receptors, range);
  const powerLimit = clip.powerLimits(slab, rows.row);
  const clippedCount = averageChannels(
    slab,
    rows,
    gains,
    receptors,
    range,
    setup.averagingFactor,
    powerLimit,
    setup.averaged[slabIndex],
  );
  const totalCount = rows.row.length * (range.end - range.first) * polarizationCount;
  return { totalCount, flaggedBeforeCount, unusableCount, clippedCount };
}

function countFlags(slab: IntegrationSlab, rows: CalibratedRows): number {
  let count = 0;
  for (const row of rows.row) {
    const first = (row * channelCount + range.first) * polarizationCount;
    const end = (row * channelCount + range.end) * polarizationCount;
    for (let at = first; at < end; at += 1) if (slab.flags[at] !== 0) count += 1;
  }
  return count;
}
