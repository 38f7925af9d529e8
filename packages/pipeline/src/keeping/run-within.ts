/** A run within its reservation: begun before, recorded after, however it ends. */
import type { StageRun } from "../run-stage.ts";
import { sizeOf } from "./checksum.ts";
import { isOutOfMemory, kernelKills, memoryError } from "./out-of-memory.ts";
import type { RunEnd, RunLedger, RunToBegin } from "./run-ledger.ts";

/** The kernel counts pages that processes share once for each, and estimates are estimates. */
const LIMIT_FACTOR = 2;
const BYTES_PER_MIB = 2 ** 20;

/** Empty when nothing is reserved. */
export interface RunMemory {
  readonly memoryBytes?: number;
  /** Beyond it the run is ended. */
  readonly memoryLimitBytes?: number;
}

/**
 * @throws {PipelineError} MemoryBusy or DiskFull before the run; OutOfMemory or MachineTooSmall in
 *   place of the run's own error when memory is what it wanted
 */
export async function runWithin(
  ledger: RunLedger | undefined,
  begin: RunToBegin,
  run: (memory: RunMemory) => Promise<StageRun>,
): Promise<StageRun> {
  if (!ledger) return run({});
  const reserved = await ledger.begin(begin);
  const killsBefore = kernelKills();
  try {
    const { memoryBytes, machineBytes } = reserved;
    const memoryLimitBytes = Math.min(LIMIT_FACTOR * memoryBytes, machineBytes);
    const done = await run({ memoryBytes, memoryLimitBytes });
    await record(ledger, {
      outcome: "completed",
      peakMemoryBytes: done.peakRssMib * BYTES_PER_MIB,
      writtenBytes: await sizeOf(begin.folder),
      seconds: done.seconds,
    });
    return done;
  } catch (error) {
    const lacked = isOutOfMemory(error, kernelKills() - killsBefore);
    const peakMemoryBytes = lacked ? peakOf(error) : null;
    await record(ledger, {
      outcome: lacked ? "out-of-memory" : "failed",
      peakMemoryBytes,
      writtenBytes: null,
      seconds: null,
    });
    if (!lacked) throw error;
    const { memoryBytes: reservedBytes, machineBytes } = reserved;
    const failure = { stage: begin.stage, reservedBytes, machineBytes, peakBytes: peakMemoryBytes };
    throw memoryError(failure, error);
  }
}

/** A record that is lost costs a little experience; a run, or its own error, must not be lost. */
async function record(ledger: RunLedger, end: RunEnd): Promise<void> {
  await ledger.end(end).catch(() => undefined);
}

function peakOf(error: unknown): number | null {
  if (!(error instanceof Error && "fields" in error)) return null;
  const { peakRssMib } = error.fields as { peakRssMib?: unknown };
  return typeof peakRssMib === "number" ? peakRssMib * BYTES_PER_MIB : null;
}
