/**
 * Watches, in a thread of its own, the pipe that the parent holds open; when it closes, the parent
 * is dead and nobody will read the result: ends this process and every tool it has started.
 */
import { Socket } from "node:net";

import { listDescendants, signalAll } from "@contimg/absurd/process-tree";
import { LIFELINE_FD } from "./stage-messages.ts";

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
lifeline.on("close", () => {
  signalAll(listDescendants(process.pid), "SIGKILL");
  process.kill(process.pid, "SIGKILL");
});
lifeline.on("error", () => {
  // "close" follows every error; there is nobody left to tell.
});
lifeline.resume();
