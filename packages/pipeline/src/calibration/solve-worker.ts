/** A thread that gathers normal equations of its channels and solves them. */
import { parentPort, workerData } from "node:worker_threads";

import {
  accumulate,
  addIntervals,
  antennaResponses,
  createAmplitudeClip,
  createNormalEquations,
  solveBandpass,
  sumBlocks,
  type BlockSums,
} from "@contimg/astro";

import type { SolveMessage, SolveReply, SolveSetup } from "./solve-messages.ts";

// Written by solve-gains.ts, which is the only one to start this file.
const setup = workerData as SolveSetup;
const { range, frequencyHz, polarizationCount, baselines, slabs, solutions } = setup;
const clip = createAmplitudeClip(range, polarizationCount);
const equations = createNormalEquations(range, baselines.antenna1.length, setup.polarizations);
/** At the ends of the intervals. */
const notes: BlockSums[] = [];

parentPort?.on("message", (message: SolveMessage) => {
  parentPort?.postMessage(answer(message));
});

function answer(message: SolveMessage): SolveReply {
  switch (message.kind) {
    case "accumulate":
      return { usedCount: accumulateSlab(message) };
    case "end-interval":
      notes.push(sumBlocks(equations, setup.blockChannels));
      break;
    case "solve":
      solveBandpass(equations, baselines, message.antennaIsUsed, message.options, solutions);
      break;
    case "intervals":
      addIntervals(equations, notes, baselines, solutions, setup.intervals);
      break;
  }
  return { usedCount: 0 };
}

function accumulateSlab(message: Extract<SolveMessage, { kind: "accumulate" }>): number {
  const { rows, rowCount, sources } = message;
  const slab = {
    ...slabs[message.slabIndex],
    rowCount,
    channelCount: frequencyHz.length,
    polarizationCount,
  };
  const powerLimit = clip.powerLimits(slab, rows.row);
  const responses = antennaResponses(sources, solutions.antennaCount, frequencyHz, range);
  const { sourceCount } = sources;
  return accumulate(equations, slab, rows, responses, sourceCount, powerLimit);
}
