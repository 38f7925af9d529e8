/**
 * A worker process of some release of the engine, for two-releases.fault.test.ts.
 *
 * Environment: DATABASE_URL, ENGINE (the release's index.ts), WORKER_NAME. Each attempt that
 * completes
 * writes a row of product in the transaction that completes it.
 */
import pg from "pg";
import { z } from "zod";

import type * as Engine from "./index.ts";

const url = process.env["DATABASE_URL"]!;
const name = process.env["WORKER_NAME"]!;
// The part of the interface that is used here is the same in both.
const { defineTask, startWorker } = (await import(process.env["ENGINE"]!)) as typeof Engine;
const pool = new pg.Pool({ connectionString: url, max: 8 });
pool.on("error", () => undefined);

async function complete(context: Engine.TaskContext): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("insert into product (task_id, worker) values ($1, $2)", [
      context.taskId,
      name,
    ]);
    await context.completeIn(client, { worker: name });
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

const child = defineTask({
  name: "child",
  params: z.strictObject({}),
  handler: (_, context) => complete(context),
});

const work = defineTask({
  name: "work",
  params: z.strictObject({ n: z.number() }),
  async handler({ n }, context) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (n % 10 === 0 && context.attempt === 1) throw new Error("first attempts fail here");
    if (n % 25 === 0) {
      await context.spawn({ task: child, params: {}, idempotencyKey: `child of ${n}` });
    }
    context.progress(0.9, "nearly");
    await complete(context);
  },
});

const worker = await startWorker({
  connectionString: url,
  tasks: [work, child],
  concurrency: 6,
  pollSeconds: 0.2,
  leaseSeconds: 2,
  name,
});
// A supervisor starts it again: a release may meet a change of the schema that it cannot go on
// from.
worker.finished.catch((error: unknown) => {
  process.stderr.write(`${name} ended: ${String(error)}\n`);
  process.exit(1);
});
process.on("SIGTERM", () => {
  void worker.stop().then(() => pool.end());
});
