/** A thread that gathers normal equations of its channels and solves them. */
import { parentPort, workerData } from "node:worker_threads";

import {
  accumulate,
  antennaResponses,
  createAmplitudeClip,
  createNormalEquations,
  solveBandpass,
} from "@contimg/astro";

import type { SolveMessage, SolveReply, SolveSetup } from "./solve-messages.ts";

// Written by solve-gains.ts, which is the only one to start this file.
const setup = workerData as SolveSetup;
const { range, frequencyHz, polarizationCount, baselines, slabs, solutions } = setup;
const clip = createAmplitudeClip(range, polarizationCount);
const equations = createNormalEquations(range, baselines.antenna1.length, setup.polarizations);

parentPort?.on("message", (message: SolveMessage) => {
  parentPort?.postMessage(answer(message));
});

function answer(message: SolveMessage): SolveReply {
  if (message.kind === "solve") {
    solveBandpass(equations, baselines, message.antennaIsUsed, message.options, solutions);
    return { usedCount: 0 };
  }
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
  return { usedCount: accumulate(equations, slab, rows, responses, sourceCount, powerLimit) };
}
