/**
 * A worker process of the histories.
 *
 * Environment: DATABASE_URL, RECORD_PATH, SPOOL_FOLDER, LEASE_SECONDS.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { isTransient, startWorker } from "@contimg/absurd";

import { Recorder } from "./record.ts";
import { createStep, sturdyPool } from "./step-handler.ts";
import { CAPACITY } from "./step-task.ts";

const url = process.env["DATABASE_URL"]!;
const pool = sturdyPool(url, 4);
const step = createStep(pool, new Recorder(process.env["RECORD_PATH"]!));

async function start(): ReturnType<typeof startWorker> {
  while (true) {
    try {
      return await startWorker({
        connectionString: url,
        tasks: [step],
        concurrency: 6,
        prefetch: 4,
        leaseSeconds: Number(process.env["LEASE_SECONDS"]),
        pollSeconds: 0.2,
        abortGraceSeconds: 1,
        capacity: CAPACITY,
        spoolFolder: process.env["SPOOL_FOLDER"]!,
      });
    } catch (error) {
      // As whoever supervises workers would: the database is away, so try again.
      if (!isTransient(error)) throw error;
      await sleep(100);
    }
  }
}

const worker = await start();
process.send?.("started");
const state = { isStopping: false };
process.on("SIGTERM", () => {
  state.isStopping = true;
  void worker.stop({ graceSeconds: 2 });
});
await worker.finished;
await pool.end();
process.exit(state.isStopping ? 0 : 1);
