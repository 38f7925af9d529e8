/**
 * A worker process of the histories. Writes down each start and each effect that was acknowledged or
 * refused; the effects themselves are in the database, each in a transaction that holds the fence.
 *
 * Environment: DATABASE_URL, RECORD_PATH, LEASE_SECONDS.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import {
  LeaseLost,
  TaskError,
  type TaskContext,
  defineTask,
  isTransient,
  sqlState,
  startWorker,
} from "@contimg/absurd";
import pg from "pg";

import { Recorder } from "./record.ts";
import { PLAIN, STEP, type StepParams } from "./step-task.ts";

const url = process.env["DATABASE_URL"]!;
const leaseSeconds = Number(process.env["LEASE_SECONDS"]);
const recorder = new Recorder(process.env["RECORD_PATH"]!);
/** Half-open connections: nobody waits for their answer longer than this. */
const QUERY_MS_MAX = 4_000;

const pool = new pg.Pool({
  connectionString: url,
  max: 4,
  connectionTimeoutMillis: QUERY_MS_MAX,
  query_timeout: QUERY_MS_MAX,
  application_name: "absurd handler",
});
// The query that meets the broken connection reports it.
pool.on("error", () => undefined);
pool.on("connect", (each) => {
  each.on("error", () => undefined);
});

async function inTransaction(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof LeaseLost || sqlState(error) === "WF001";
}

/** One row under the fence; `isLast` completes the task with it. */
async function effect(
  context: TaskContext,
  what: "begin" | "done",
  isLast: boolean,
): Promise<void> {
  const nonce = randomUUID();
  const { taskId, attempt: claim } = context;
  try {
    await inTransaction(async (client) => {
      await context.assertFence(client);
      await client.query(
        "insert into history_effect (task_id, claim, what, nonce) values ($1, $2, $3, $4)",
        [taskId, claim, what, nonce],
      );
      if (isLast) await context.completeIn(client, { nonce });
    });
    recorder.write({ kind: "effect", nonce });
  } catch (error) {
    if (isRefusal(error)) recorder.write({ kind: "refused", nonce, taskId, claim });
    throw error;
  }
}

async function spawnChild(params: StepParams, context: TaskContext): Promise<void> {
  const token = `${params.token}/${context.attempt}`;
  recorder.write({ kind: "asked", token });
  try {
    const child = { ...PLAIN, token };
    const spawned = await context.spawn({ task: STEP.name, params: child });
    recorder.write({ kind: "acknowledged", token, ...spawned });
  } catch (error) {
    if (isRefusal(error)) recorder.write({ kind: "withdrawn", token });
    throw error;
  }
}

const step = defineTask({
  ...STEP,
  async handler(params, context) {
    recorder.write({ kind: "started", taskId: context.taskId, claim: context.attempt });
    await effect(context, "begin", false);
    context.progress(0.5, "begun");
    await sleep(params.ms, undefined, params.heedsAbort ? { signal: context.signal } : {});
    if (params.spawnsChild) await spawnChild(params, context);
    if (context.attempt <= params.failsUpTo) throw new TaskError(params.errorClass, "as asked");
    await effect(context, "done", params.isAtomic);
    return { attempt: context.attempt };
  },
});

async function start(): ReturnType<typeof startWorker> {
  while (true) {
    try {
      return await startWorker({
        connectionString: url,
        tasks: [step],
        concurrency: 6,
        prefetch: 4,
        leaseSeconds,
        pollSeconds: 0.2,
        abortGraceSeconds: 1,
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
let isStopping = false;
process.on("SIGTERM", () => {
  isStopping = true;
  void worker.stop({ graceSeconds: 2 });
});
await worker.finished;
await pool.end();
process.exit(isStopping ? 0 : 1);
