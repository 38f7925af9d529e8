/** A thread that flags its share of a tile. */
import { parentPort, workerData } from "node:worker_threads";

import { FlagShare, type ShareMessage, type ShareSetup } from "./flag-share.ts";

// Written by tile-flagger.ts, which is the only one to start this file.
const share = new FlagShare(workerData as ShareSetup);

parentPort?.on("message", (message: ShareMessage) => {
  parentPort?.postMessage(share.handle(message));
});
