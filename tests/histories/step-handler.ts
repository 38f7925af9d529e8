/** What a worker of the histories does with a task, and what it writes down of it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import {
  LeaseLost,
  TaskError,
  type TaskContext,
  type TaskDefinition,
  defineTask,
  sqlState,
} from "@contimg/absurd";
import pg from "pg";

import type { Scribe } from "./record.ts";
import { PLAIN, QUICK, STEP, type StepParams } from "./step-task.ts";

/** Half-open connections: nobody waits for their answer longer than this. */
const QUERY_MS_MAX = 4_000;

/** At the end of the token of a child that its parent waits for. */
const AWAITED = "/awaited";

/** Tells worker processes apart, for good: process ids come again. */
const WORKER = `${process.pid}-${randomUUID()}`;

/** For programs whose connections are broken on purpose: the query that meets it reports it. */
export function sturdyPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...{ connectionString, max, application_name: "absurd history" },
    ...{ connectionTimeoutMillis: QUERY_MS_MAX, query_timeout: QUERY_MS_MAX },
  });
  pool.on("error", () => undefined);
  pool.on("connect", (each) => {
    each.on("error", () => undefined);
  });
  return pool;
}

/** The transaction of `work`; a connection on which anything went wrong is not used again. */
export async function inTransaction(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<void>,
  ending: "commit" | "rollback" = "commit",
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query(ending);
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** The task with its handler. Its effects are rows of history_effect, each under the fence. */
export function createStep(pool: pg.Pool, scribe: Scribe): TaskDefinition<StepParams, unknown> {
  async function effect(
    context: TaskContext,
    what: "begin" | "done",
    { isLast, flux }: { isLast: boolean; flux: number },
  ): Promise<void> {
    const nonce = randomUUID();
    const { taskId, attempt: claim } = context;
    try {
      await inTransaction(pool, async (client) => {
        await context.assertFence(client);
        await client.query(
          "insert into history_effect (task_id, claim, what, nonce) values ($1, $2, $3, $4)",
          [taskId, claim, what, nonce],
        );
        if (isLast) {
          // Its commit gives back what the task holds.
          noteEnd(context);
          await context.completeIn(client, { nonce, flux });
        }
      });
      scribe.write({ kind: "effect", nonce });
    } catch (error) {
      if (isRefusal(error)) scribe.write({ kind: "refused", nonce, taskId, claim });
      throw error;
    }
  }

  async function spawnChild(token: string, context: TaskContext): Promise<string> {
    scribe.write({ kind: "asked", token });
    try {
      const child = { ...PLAIN, token };
      const spawned = await context.spawn({ task: STEP.name, params: child, ...QUICK });
      scribe.write({ kind: "acknowledged", token, ...spawned });
      return spawned.taskId;
    } catch (error) {
      // Of this attempt; the child of one before may be there.
      if (isRefusal(error) && !token.endsWith(AWAITED)) scribe.write({ kind: "withdrawn", token });
      throw error;
    }
  }

  async function durably(params: StepParams, context: TaskContext): Promise<number> {
    const { token, flux, sleepSeconds, event } = params;
    const measured = await context.step("measure", () => ({ flux, claim: context.attempt }));
    context.log.info({ claim: measured.claim }, "measured");
    await context.sleep(sleepSeconds);
    if (event !== undefined) await context.awaitEvent(event);
    await context.awaitTasks([await spawnChild(`${token}${AWAITED}`, context)]);
    if (measured.claim > context.attempt) throw new TaskError("fatal", "a step from the future");
    return measured.flux;
  }

  function noteEnd({ taskId, attempt: claim }: TaskContext): void {
    scribe.write({ kind: "ended", taskId, claim, at: Date.now() });
  }

  async function run(params: StepParams, context: TaskContext): Promise<unknown> {
    if (params.begins) await effect(context, "begin", { isLast: false, flux: 0 });
    const flux = params.isDurable ? await durably(params, context) : params.flux;
    context.progress(0.5, "begun");
    await sleep(params.ms, undefined, params.heedsAbort ? { signal: context.signal } : {});
    if (params.spawnsChild) await spawnChild(`${params.token}/${context.attempt}`, context);
    if (context.attempt <= params.failsUpTo) throw new TaskError(params.errorClass, "as asked");
    await effect(context, "done", { isLast: params.isAtomic, flux });
    if (params.blocksMs > 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, params.blocksMs);
    return { attempt: context.attempt, flux };
  }

  return defineTask({
    ...STEP,
    async handler(params, context) {
      const { taskId, attempt: claim } = context;
      scribe.write({ kind: "started", taskId, claim, worker: WORKER, at: Date.now() });
      try {
        return await run(params, context);
      } finally {
        noteEnd(context);
      }
    },
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof LeaseLost || sqlState(error) === "WF001";
}
