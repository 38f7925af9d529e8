/**
 * Every statement of every verb goes wrong once before it is sent and once after its commit, when
 * its answer is lost. Each time all must end well.
 */
import { AbsurdClient, type WorkerHandle, isTransient, startWorker } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";

import { type Bed, inBothWays, isAllClear, type Scenario } from "./fail-bed.ts";
import { Server } from "./stage.ts";
import { createStep, sturdyPool } from "./step-handler.ts";
import { OPERATOR_VERBS, OperatorVerbs } from "./operator-verbs.ts";
import { STEP } from "./step-task.ts";
import { Verbs, wish } from "./verbs.ts";

const LEASE_SECONDS = 1;

const PROGRAM_VERBS = [
  ...["register_kinds", "set_kind_policies", "spawn_lines", "spawn_tasks", "pg_notify"],
  ...["begin", "commit", "rollback", "begin_copy", "next_task_numbers"],
  ...["copy absurd.task", "copy absurd.ready", "savepoint absurd_copy", "release absurd_copy"],
  ...["cancel_task", "retry_task"],
];
const WORKER_VERBS = [
  ...["cycle", "maintain", "beat", "revalidate", "report_progress", "spawn_tasks"],
  ...["begin", "hold_fence", "complete_task", "commit"],
  ...["write_checkpoints", "write_log", "await_tasks", "read_checkpoints"],
];
/** Of a worker that starts, leads and leaves. */
const NEWCOMER_VERBS = [
  ...["register_kinds", "set_kind_policies", "register_worker", "announce_kinds"],
  ...["listen absurd", "roll_up", "keep_history", "beat", "leave_worker"],
];
/** Verbs of a worker that come with time, and how many of their statements are tried. */
const TIMED = { cycle: 6, maintain: 1, report_progress: 1, beat: 1 };
/** What handlers say alike, one after another. */
const REPEATED = { begin: 3, hold_fence: 3, "insert into": 2, commit: 3 };
/** They come when a leader begins, which a steady one did. */
const DUTIES_SELDOM = { roll_up: 0, keep_history: 0 };

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server.stop();
});

/** Plays what says its verbs through `pool`, while a worker that nothing befalls does the tasks. */
async function playBesideWorker(
  bed: Bed,
  what: { pool: pg.Pool; scenario: Scenario; pollSeconds: number },
): Promise<void> {
  const { pool, scenario, pollSeconds } = what;
  const handlerPool = sturdyPool(bed.stage.url, 4);
  const healthy = await startWorker({
    connectionString: bed.stage.url,
    tasks: [createStep(handlerPool, bed)],
    ...{ concurrency: 8, pollSeconds, leaseSeconds: 30 },
  });
  const failed = await bed.exhaust(scenario);
  bed.proxy.disarm();
  await bed.untilEnded(isAllClear);
  await healthy.stop();
  await Promise.all([pool.end(), handlerPool.end()]);
  await bed.assertAsPromised(failed, scenario);
}

test("any statement of a program may fail", { timeout: 120_000 }, async () => {
  await inBothWays(server, async (bed) => {
    const pool = sturdyPool(bed.proxiedUrl, 2);
    const scenario = {
      verbs: PROGRAM_VERBS,
      timed: { pg_notify: 3 },
      play: (name: string) => new Verbs(bed, pool).sayAll(name),
    };
    await playBesideWorker(bed, { pool, scenario, pollSeconds: 0.2 });
  });
});

/** One task for each way in which an attempt can end. */
async function spawnEndings(bed: Bed, name: string): Promise<void> {
  const quick = { begins: false };
  const slow = { ...quick, ms: 5_000, heedsAbort: true };
  const wishes = [
    wish(`${name}-atomic`),
    wish(`${name}-child`, { isAtomic: false, spawnsChild: true }),
    wish(`${name}-again`, { ...quick, failsUpTo: 1 }),
    wish(`${name}-fatal`, { ...quick, failsUpTo: 1, errorClass: "fatal" }),
    wish(`${name}-durable`, { isDurable: true }),
    wish(`${name}-slow`, slow),
    wish(`${name}-cancelled`, slow),
  ];
  const client = new AbsurdClient(bed.stage.admin);
  for (const { token } of wishes) bed.write({ kind: "asked", token });
  const spawned = await client.spawnMany(
    wishes.map((params, index) => ({
      ...{ task: STEP.name, params, backoffSeconds: 0.01 },
      ...(index === 5 ? { timeoutSeconds: 0.1, maxRetries: 0 } : {}),
      ...(index === 1 ? { dependsOn: [0] } : {}),
    })),
  );
  spawned.forEach((each, index) => {
    bed.write({ kind: "acknowledged", token: wishes[index]!.token, ...each });
  });
  const { taskId } = spawned.at(-1)!;
  bed.write({ kind: "cancel asked", taskId });
  await until(
    () => bed.events.some((event) => event.kind === "started" && event.taskId === taskId),
    { what: "the task to be cancelled runs" },
  );
  await client.cancel(taskId);
  await client.close();
}

/** Whoever supervises workers starts one again that did not come up. */
async function startProxied(bed: Bed, pool: pg.Pool): Promise<WorkerHandle> {
  const options = {
    connectionString: bed.proxiedUrl,
    tasks: [createStep(pool, bed)],
    ...{ concurrency: 8, pollSeconds: 0.1, leaseSeconds: LEASE_SECONDS },
  };
  return startWorker(options).catch((error: unknown) => {
    if (!isTransient(error)) throw error;
    return startWorker(options);
  });
}

test("any statement of a worker may fail", { timeout: 240_000 }, async () => {
  await inBothWays(server, async (bed) => {
    const pool = sturdyPool(bed.proxiedUrl, 4);
    const worker = await startProxied(bed, pool);
    const scenario = {
      verbs: WORKER_VERBS,
      timed: { ...TIMED, ...REPEATED, pg_notify: 1, ...DUTIES_SELDOM },
      play: async (name: string) => {
        await spawnEndings(bed, name);
        await bed.untilEnded((left) => left["tasks"] === 0);
        await bed.untilSaid(scenario);
      },
    };
    const failed = await bed.exhaust(scenario);
    bed.proxy.disarm();
    await bed.untilEnded(isAllClear);
    await worker.stop();
    await pool.end();
    await bed.assertAsPromised(failed, scenario);
  });
});

test("any statement of a worker that comes and goes may fail", { timeout: 120_000 }, async () => {
  await inBothWays(server, async (bed) => {
    const play = async (name: string): Promise<void> => {
      const pool = sturdyPool(bed.stage.url, 2);
      const worker = await startProxied(bed, pool);
      bed.write({ kind: "asked", token: name });
      const client = new AbsurdClient(bed.stage.admin);
      const spawned = await client.spawn(STEP.name, wish(name));
      bed.write({ kind: "acknowledged", token: name, ...spawned });
      await bed.untilEnded((left) => left["tasks"] === 0);
      await bed.untilSaid(scenario);
      await worker.stop();
      await Promise.all([pool.end(), client.close()]);
    };
    const scenario = {
      verbs: NEWCOMER_VERBS,
      timed: { ...TIMED, roll_up: 1, keep_history: 1 },
      play,
    };
    const failed = await bed.exhaust(scenario);
    await bed.assertAsPromised(failed, scenario);
  });
});

test("any statement of a task that waits may fail", { timeout: 120_000 }, async () => {
  await inBothWays(server, async (bed) => {
    const pool = sturdyPool(bed.stage.url, 4);
    const worker = await startProxied(bed, pool);
    const client = new AbsurdClient(bed.stage.admin);
    const verbs = ["sleep_attempts", "await_event"];
    const play = async (name: string): Promise<void> => {
      bed.write({ kind: "asked", token: name });
      const params = wish(name, { isDurable: true, sleepSeconds: 1, event: name });
      const spawned = await client.spawn(STEP.name, params, { backoffSeconds: 0.01 });
      bed.write({ kind: "acknowledged", token: name, ...spawned });
      await until(() => bed.proxy.counts.has("await_event"), {
        ...{ what: "it waits for its event", deadlineMs: 10_000 },
      }).catch(() => undefined);
      await client.events.emit(name);
      await bed.untilEnded((left) => left["tasks"] === 0);
    };
    const scenario = { verbs, only: verbs, timed: {}, play };
    const failed = await bed.exhaust(scenario);
    bed.proxy.disarm();
    await bed.untilEnded(isAllClear);
    await worker.stop();
    await Promise.all([pool.end(), client.close()]);
    await bed.assertAsPromised(failed, scenario);
  });
});

test("any statement of an operator may fail", { timeout: 120_000 }, async () => {
  await inBothWays(server, async (bed) => {
    const pool = sturdyPool(bed.proxiedUrl, 2);
    const scenario = {
      verbs: OPERATOR_VERBS,
      timed: { pg_notify: 1, register_kinds: 1, set_kind_policies: 1 },
      play: (name: string, verb: string | undefined) =>
        new OperatorVerbs(bed, pool).say(name, verb),
    };
    await playBesideWorker(bed, { pool, scenario, pollSeconds: 0.1 });
  });
});
