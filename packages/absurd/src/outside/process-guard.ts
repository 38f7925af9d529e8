/**
 * The worker's side of its guard: a small process that ends what the worker started, when the
 * worker is killed in a way that leaves it no time to do so itself (kill -9, out of memory).
 *
 * The guard needs to be told nothing: everything the worker starts inherits a mark that begins with
 * the guard's name. What holds the two together is a pipe that only the worker holds open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";

import { controlGroups } from "./control-group.ts";

/** Inherited by everything that a task starts. */
export const RUN_MARK = "ABSURD_RUN";

const GUARD_MAIN = fileURLToPath(new URL("./process-guard-main.ts", import.meta.url));
const guardName = randomBytes(8).toString("hex");
let guard: ChildProcess | undefined;
let runCount = 0;

/** Starts the guard if none runs, and returns the value of RUN_MARK for one more run. */
export function nextRunMark(): string {
  if (!guard) {
    const { folder } = controlGroups();
    const started = spawn(process.execPath, [GUARD_MAIN, guardName, folder ?? ""], {
      // Out of reach of what ends the worker's own group.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env["PATH"] },
    });
    const forget = (): void => {
      if (guard === started) guard = undefined;
    };
    started.on("exit", forget);
    started.on("error", forget);
    started.stdin.on("error", forget);
    started.unref();
    // A pipe is a socket: it must not keep a worker alive that has nothing else to do.
    if (started.stdin instanceof Socket) started.stdin.unref();
    guard = started;
  }
  runCount += 1;
  return `${guardName}.${runCount}`;
}
