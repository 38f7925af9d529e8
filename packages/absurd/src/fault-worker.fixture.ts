/**
 * A worker process for the fault tests. Prints one JSON line when an attempt starts and one when a
 * verb was refused or accepted.
 *
 * Environment: DATABASE_URL, LEASE_SECONDS, GO_FILE (the task "verb" waits until it exists).
 */
import { existsSync } from "node:fs";

import pg from "pg";
import { z } from "zod";

import { type AnyTask, type TaskContext, defineTask, startWorker } from "./index.ts";

const url = process.env["DATABASE_URL"]!;
const goFile = process.env["GO_FILE"]!;

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Does not heed the abort signal, on purpose: only the database stands in its way. */
async function untilGo(): Promise<void> {
  while (!existsSync(goFile)) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url);
  // The query that meets the broken connection reports it.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
  } finally {
    await client.end();
  }
}

const child = defineTask({ name: "child", params: z.strictObject({}) });

const VERBS: Readonly<Record<string, (context: TaskContext) => Promise<unknown>>> = {
  complete: async () => "late result",
  fail: async () => {
    throw new Error("late failure");
  },
  progress: async (context) => {
    context.progress(0.9, "late progress");
    await new Promise((resolve) => setTimeout(resolve, 200));
  },
  spawn: (context) => context.spawn({ task: child, params: {} }),
  completeIn: (context) =>
    inTransaction(async (client) => {
      await client.query("insert into product (task_id) values ($1)", [context.taskId]);
      await context.completeIn(client);
    }),
  assertFence: (context) => inTransaction((client) => context.assertFence(client)),
  step: (context) => context.step("late", () => 1),
  emit: (context) => context.emit("late"),
  sleep: (context) => context.sleep(60),
  awaitEvent: (context) => context.awaitEvent("late"),
  awaitTasks: (context) => context.awaitTasks([]),
  log: async (context) => {
    context.log.info({}, "late line");
  },
};

const verb = defineTask({
  name: "verb",
  params: z.strictObject({ verb: z.string() }),
  async handler(params, context) {
    say({ started: context.taskId, attempt: context.attempt });
    await untilGo();
    try {
      return await VERBS[params.verb]!(context);
    } catch (error) {
      if (params.verb !== "fail") say({ refused: (error as Error).name });
      throw error;
    } finally {
      say({ ended: params.verb, isLeaseFresh: context.isLeaseFresh() });
    }
  },
});

const work = defineTask({
  name: "work",
  params: z.strictObject({ ms: z.number() }),
  async handler({ ms }, context) {
    say({ started: context.taskId, attempt: context.attempt });
    await new Promise((resolve) => setTimeout(resolve, ms));
    await inTransaction(async (client) => {
      await client.query("insert into product (task_id) values ($1)", [context.taskId]);
      await context.completeIn(client, { attempt: context.attempt });
    });
  },
});

/** Two steps and a sleep, each saying that it is done; waits for the go between the steps. */
const stepper = defineTask({
  name: "stepper",
  params: z.strictObject({}),
  async handler(_params, context) {
    const first = await context.step("first", () => context.attempt);
    say({ kept: "first", attempt: context.attempt });
    await untilGo();
    const second = await context.step("second", () => context.attempt);
    if (context.attempt === second) say({ sleeps: context.taskId });
    await context.sleep(1.5);
    return { first, second, last: context.attempt };
  },
});

const tasks: AnyTask[] = [verb, work, child, stepper];
const worker = await startWorker({
  connectionString: url,
  tasks,
  concurrency: 8,
  leaseSeconds: Number(process.env["LEASE_SECONDS"]),
  pollSeconds: 0.2,
  abortGraceSeconds: 30,
});
say({ worker: worker.id });
process.on("SIGTERM", () => {
  void worker.stop({ graceSeconds: 5 });
});
