/** Worker thread of the simulator: writes the subbands it is given, one message for each file. */
import { parentPort, workerData } from "node:worker_threads";
import { writeSubband, type GroupPlan } from "./subband.ts";

// simulate-group.ts starts this file with exactly these two fields.
const { plan, subbands } = workerData as { plan: GroupPlan; subbands: readonly number[] };

for (const subband of subbands) parentPort?.postMessage(writeSubband(plan, subband));
