/**
 * The guard of one worker (see process-guard.ts): waits until its standard input closes, which
 * happens when the worker is dead, then ends every process that carries the worker's mark or is in
 * a control group of its runs.
 */
import { listMarked, signalAll } from "../process-tree.ts";
import { clearRunGroups } from "./control-group.ts";
import { RUN_MARK } from "./process-guard.ts";

/** A process between fork and exec does not show its mark yet: look again for this long. */
const QUIET_MS = 1_000;
const LOOK_MS = 50;

const [, , guardName, groupFolder = ""] = process.argv;
if (!/^[0-9a-f]{16}$/.test(guardName ?? "")) {
  throw new Error(`guard's name is "${guardName}", expected 16 hexadecimal digits`);
}
// What the worker's terminal or supervisor sends to everybody is not meant for the guard.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.stdin.on("error", () => undefined);
process.stdin.on("close", () => {
  let quietSinceMs = performance.now();
  const timer = setInterval(() => {
    const left = listMarked(RUN_MARK, `${guardName}.`, true);
    signalAll(left, "SIGKILL");
    if (groupFolder !== "") clearRunGroups(groupFolder, `${guardName}.`);
    if (left.length > 0) quietSinceMs = performance.now();
    else if (performance.now() - quietSinceMs > QUIET_MS) clearInterval(timer);
  }, LOOK_MS);
});
process.stdin.resume();
