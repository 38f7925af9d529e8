/** All works, in the order in which they run. */
import type { Work } from "../work.ts";
import { claimHistory, claimLanes, claimPinned } from "./claims.ts";
import { dag16, drain1, drain2, steps5, wal } from "./drain.ts";
import { bulk, spawn1, spawn32 } from "./spawn.ts";
import { idle, latency, memory } from "./worker.ts";

export const WORKS: readonly Work[] = [
  drain1,
  drain2,
  spawn32,
  spawn1,
  bulk,
  steps5,
  dag16,
  latency,
  claimLanes,
  claimHistory,
  claimPinned,
  wal,
  idle,
  memory,
];
