/**
 * Every statement of every verb goes wrong once before it is sent and once after its commit, when
 * its answer is lost: the n-th, for every n that the scenario has. Each time all must end well.
 */
import assert from "node:assert/strict";

import {
  AbsurdClient,
  InvalidTransition,
  type WorkerHandle,
  isTransient,
  startWorker,
} from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";

import { violations } from "./checker.ts";
import { readFinalState, unfinished } from "./final-state.ts";
import type { HistoryEvent, Scribe } from "./record.ts";
import { Server, Stage } from "./stage.ts";
import { type When, StatementProxy } from "./statement-proxy.ts";
import { createStep, inTransaction, sturdyPool } from "./step-handler.ts";
import { PLAIN, STEP, type StepParams } from "./step-task.ts";

const WAYS: readonly When[] = ["before it is sent", "after its commit"];
/** A scenario with more is too big to be tried at every one. */
const STATEMENTS_MAX = 300;
const LEASE_SECONDS = 1;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server.stop();
});

/** A database of its own for each way of failing, so that both are tried at the same time. */
class Bed implements Scribe {
  readonly when: When;
  readonly stage: Stage;
  readonly proxy: StatementProxy;
  readonly events: HistoryEvent[] = [];

  private constructor(when: When, stage: Stage, proxy: StatementProxy) {
    this.when = when;
    this.stage = stage;
    this.proxy = proxy;
  }

  static async make(when: When): Promise<Bed> {
    const stage = await Stage.set(server, `fails_${when.split(" ")[0]}`);
    await new AbsurdClient(stage.admin, { tasks: [STEP] }).registerTasks();
    return new Bed(when, stage, await StatementProxy.start(stage.url));
  }

  write(event: HistoryEvent): void {
    this.events.push(event);
  }

  get proxiedUrl(): string {
    return this.proxy.url(this.stage.url);
  }

  /** Plays a scenario until no statement is left to go wrong; returns those that did. */
  async exhaust(scenario: (name: string) => Promise<void>): Promise<string[]> {
    this.proxy.arm(0, this.when);
    await scenario("s0");
    // Beats and polls have their own time, so that some runs take a few statements more.
    const count = Math.ceil(this.proxy.count * 1.1);
    assert.ok(count <= STATEMENTS_MAX, `${count} statements`);
    const failed: string[] = [];
    for (let n = 1; n <= count; n++) {
      this.proxy.arm(n, this.when);
      await scenario(`s${n}`);
      if (this.proxy.failed !== undefined) failed.push(this.proxy.failed);
    }
    return failed;
  }

  /** What has not ended by then is the checker's to name. */
  async untilEnded(isClear: (left: Readonly<Record<string, number>>) => boolean): Promise<void> {
    await until(async () => isClear(await unfinished(this.stage.admin)), {
      ...{ what: "all tasks ended", deadlineMs: 30_000 },
    }).catch(() => undefined);
  }

  /** Each of the verbs must be among what failed, or the scenario did not reach it. */
  async assertAsPromised(failed: readonly string[], verbs: readonly string[]): Promise<void> {
    assert.deepEqual(violations(this.events, await readFinalState(this.stage.admin)), []);
    const missing = verbs.filter((verb) => !failed.some((text) => text.includes(verb)));
    assert.deepEqual(missing, [], `failed: ${failed.join("; ")}`);
  }

  async clear(): Promise<void> {
    await this.proxy.close();
    await this.stage.clear();
  }
}

/** Both ways at the same time, each in its own bed. */
async function inBothWays(work: (bed: Bed) => Promise<void>): Promise<void> {
  const done = await Promise.allSettled(
    WAYS.map(async (when) => {
      const bed = await Bed.make(when);
      try {
        await work(bed);
      } finally {
        await bed.clear();
      }
    }),
  );
  for (const each of done) if (each.status === "rejected") throw each.reason;
}

function isAllClear(left: Readonly<Record<string, number>>): boolean {
  return Object.values(left).every((count) => count === 0);
}

/** Once; that the database was away is no finding. Says whether it was answered. */
async function attempt(verb: () => Promise<unknown>): Promise<boolean> {
  try {
    await verb();
    return true;
  } catch (error) {
    if (!isTransient(error)) throw error;
    return false;
  }
}

/** Again and again, as programs do with what may be said twice. */
async function insist(verb: () => Promise<unknown>): Promise<void> {
  while (!(await attempt(verb)));
}

function wish(token: string, fields: Partial<StepParams> = {}): StepParams {
  return { ...PLAIN, token, ...fields };
}

class Verbs {
  readonly #client: AbsurdClient;
  readonly #pool: pg.Pool;
  readonly #bed: Bed;

  constructor(bed: Bed, pool: pg.Pool) {
    this.#bed = bed;
    this.#pool = pool;
    this.#client = new AbsurdClient(pool, { tasks: [STEP] });
  }

  /** All that a program can say, one after another. */
  async sayAll(name: string): Promise<void> {
    await attempt(() => this.#one(`${name}-one`));
    await insist(() => this.#keyed(`${name}-keyed`));
    await attempt(() => this.#joined(`${name}-join`));
    await attempt(() => this.#inTransaction(`${name}-kept`, "commit"));
    await attempt(() => this.#inTransaction(`${name}-dropped`, "rollback"));
    await attempt(() => this.#stream(`${name}-stream`));
    await this.#cancelAndRetry(`${name}-back`);
    await this.#client.close();
  }

  async #one(token: string): Promise<void> {
    this.#bed.write({ kind: "asked", token });
    const spawned = await this.#client.spawn(STEP.name, wish(token));
    this.#bed.write({ kind: "acknowledged", token, ...spawned });
  }

  async #keyed(token: string): Promise<void> {
    this.#bed.write({ kind: "asked", token, key: token });
    const spawned = await this.#client.spawn(STEP.name, wish(token), { idempotencyKey: token });
    this.#bed.write({ kind: "acknowledged", token, key: token, ...spawned });
  }

  async #joined(name: string): Promise<void> {
    const tokens = [`${name}-left`, `${name}-right`, name];
    for (const token of tokens) this.#bed.write({ kind: "asked", token });
    const spawned = await this.#client.spawnMany(
      tokens.map((token, index) => ({
        task: STEP.name,
        params: wish(token),
        ...(index === 2 ? { dependsOn: [0, 1] } : {}),
      })),
    );
    spawned.forEach((each, index) => {
      this.#bed.write({ kind: "acknowledged", token: tokens[index]!, ...each });
    });
  }

  async #inTransaction(token: string, ending: "commit" | "rollback"): Promise<void> {
    this.#bed.write({ kind: "asked", token });
    if (ending === "rollback") this.#bed.write({ kind: "withdrawn", token });
    let taskId = "";
    await inTransaction(
      this.#pool,
      async (on) => {
        taskId = (await this.#client.spawn(STEP.name, wish(token), { on })).taskId;
      },
      ending,
    );
    if (ending === "commit")
      this.#bed.write({ kind: "acknowledged", token, taskId, created: true });
  }

  async #stream(name: string): Promise<void> {
    const tokens = [0, 1, 2].map((index) => `${name}-${index}`);
    for (const token of tokens) this.#bed.write({ kind: "asked", token });
    await inTransaction(this.#pool, async (on) => {
      const params = tokens.map((token) => wish(token));
      assert.equal(await this.#client.spawnStream(STEP, params, { on }), tokens.length);
    });
  }

  /** A task that waits an hour, is cancelled and gets a new start. */
  async #cancelAndRetry(token: string): Promise<void> {
    const options = { idempotencyKey: token, delaySeconds: 3600 };
    let taskId = "";
    await insist(async () => {
      this.#bed.write({ kind: "asked", token, key: token });
      taskId = (await this.#client.spawn(STEP.name, wish(token), options)).taskId;
    });
    this.#bed.write({ kind: "cancel asked", taskId });
    await insist(() => this.#client.cancel(taskId));
    assert.equal((await new AbsurdClient(this.#bed.stage.admin).show(taskId)).status, "cancelled");
    this.#bed.write({ kind: "retry asked", taskId });
    await insist(async () => {
      try {
        await this.#client.retry(taskId);
      } catch (error) {
        // The answer to the first was lost; the second finds it done.
        if (!(error instanceof InvalidTransition)) throw error;
      }
    });
  }
}

test("any statement of a program may fail", { timeout: 120_000 }, async () => {
  await inBothWays(async (bed) => {
    const handlerPool = sturdyPool(bed.stage.url, 4);
    const healthy = await startWorker({
      connectionString: bed.stage.url,
      tasks: [createStep(handlerPool, bed)],
      ...{ concurrency: 8, pollSeconds: 0.2, leaseSeconds: 30 },
    });
    const pool = sturdyPool(bed.proxiedUrl, 2);
    const failed = await bed.exhaust((name) => new Verbs(bed, pool).sayAll(name));
    bed.proxy.disarm();
    await bed.untilEnded(isAllClear);
    await healthy.stop();
    await Promise.all([pool.end(), handlerPool.end()]);
    const verbs = ["spawn_tasks", "spawn_lines", "commit", "copy", "cancel_task", "retry_task"];
    await bed.assertAsPromised(failed, verbs);
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
    wish(`${name}-slow`, slow),
    wish(`${name}-cancelled`, slow),
  ];
  const client = new AbsurdClient(bed.stage.admin);
  for (const { token } of wishes) bed.write({ kind: "asked", token });
  const spawned = await client.spawnMany(
    wishes.map((params, index) => ({
      ...{ task: STEP.name, params, backoffSeconds: 0.01 },
      ...(index === 4 ? { timeoutSeconds: 0.1, maxRetries: 0 } : {}),
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
  await inBothWays(async (bed) => {
    const pool = sturdyPool(bed.proxiedUrl, 4);
    const worker = await startProxied(bed, pool);
    const failed = await bed.exhaust(async (name) => {
      await spawnEndings(bed, name);
      await bed.untilEnded((left) => left["tasks"] === 0);
    });
    bed.proxy.disarm();
    await bed.untilEnded(isAllClear);
    await worker.stop();
    await pool.end();
    const verbs = ["cycle", "hold_fence", "complete_task", "commit"];
    await bed.assertAsPromised(failed, verbs);
  });
});

test("any statement of a worker that comes and goes may fail", { timeout: 120_000 }, async () => {
  await inBothWays(async (bed) => {
    const failed = await bed.exhaust(async (name) => {
      const pool = sturdyPool(bed.stage.url, 2);
      const worker = await startProxied(bed, pool);
      bed.write({ kind: "asked", token: name });
      const client = new AbsurdClient(bed.stage.admin);
      const spawned = await client.spawn(STEP.name, wish(name));
      bed.write({ kind: "acknowledged", token: name, ...spawned });
      await bed.untilEnded((left) => left["tasks"] === 0);
      await worker.stop();
      await Promise.all([pool.end(), client.close()]);
    });
    await bed.assertAsPromised(failed, ["register_kinds", "register_worker", "listen"]);
  });
});
