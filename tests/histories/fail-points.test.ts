/**
 * Every statement of every verb goes wrong once before it is sent and once after its commit, when
 * its answer is lost: the n-th, for every n that the scenario has. Each time all must come to its end.
 */
import assert from "node:assert/strict";

import { AbsurdClient, InvalidTransition, isTransient, startWorker } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, test } from "vitest";

import { violations } from "./checker.ts";
import { readFinalState, unfinished } from "./final-state.ts";
import type { HistoryEvent, Scribe } from "./record.ts";
import { Server, Stage } from "./stage.ts";
import { type When, StatementProxy } from "./statement-proxy.ts";
import { createStep, inTransaction, sturdyPool } from "./step-handler.ts";
import { PLAIN, STEP, type StepParams } from "./step-task.ts";

const WAYS: readonly When[] = ["before it is sent", "after its commit"];
/** More statements than any scenario here has: a scenario that gets there is not exhausted. */
const STATEMENTS_MAX = 300;
const LEASE_SECONDS = 5;

let server: Server;
let stage: Stage;
let proxy: StatementProxy;
let events: HistoryEvent[];
const scribe: Scribe = { write: (event) => events.push(event) };

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  events = [];
  stage = await Stage.set(server, "fail_points");
  proxy = await StatementProxy.start(stage.url);
  await new AbsurdClient(stage.admin, { tasks: [STEP] }).registerTasks();
});

afterEach(async () => {
  await proxy.close();
  await stage.clear();
});

/** Plays a scenario until no statement is left to go wrong; returns those that did. */
async function exhaust(when: When, scenario: (name: string) => Promise<void>): Promise<string[]> {
  const failed: string[] = [];
  for (let n = 1; n <= STATEMENTS_MAX; n++) {
    proxy.arm(n, when);
    await scenario(`${when.split(" ")[0]}-${n}`);
    if (proxy.failed === undefined) return failed;
    failed.push(proxy.failed);
  }
  throw new Error(`more than ${STATEMENTS_MAX} statements`);
}

async function settle(): Promise<void> {
  await until(
    async () => Object.values(await unfinished(stage.admin)).every((count) => count === 0),
    { what: "all tasks ended", deadlineMs: 60_000 },
  ).catch(() => undefined);
}

async function assertAsPromised(): Promise<void> {
  assert.deepEqual(violations(events, await readFinalState(stage.admin)), []);
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

  constructor(pool: pg.Pool) {
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
    scribe.write({ kind: "asked", token });
    const spawned = await this.#client.spawn(STEP.name, wish(token));
    scribe.write({ kind: "acknowledged", token, ...spawned });
  }

  async #keyed(token: string): Promise<void> {
    scribe.write({ kind: "asked", token, key: token });
    const spawned = await this.#client.spawn(STEP.name, wish(token), { idempotencyKey: token });
    scribe.write({ kind: "acknowledged", token, key: token, ...spawned });
  }

  async #joined(name: string): Promise<void> {
    const tokens = [`${name}-left`, `${name}-right`, name];
    for (const token of tokens) scribe.write({ kind: "asked", token });
    const spawned = await this.#client.spawnMany(
      tokens.map((token, index) => ({
        task: STEP.name,
        params: wish(token),
        ...(index === 2 ? { dependsOn: [0, 1] } : {}),
      })),
    );
    spawned.forEach((each, index) => {
      scribe.write({ kind: "acknowledged", token: tokens[index]!, ...each });
    });
  }

  async #inTransaction(token: string, ending: "commit" | "rollback"): Promise<void> {
    scribe.write({ kind: "asked", token });
    if (ending === "rollback") scribe.write({ kind: "withdrawn", token });
    let taskId = "";
    await inTransaction(
      this.#pool,
      async (on) => {
        taskId = (await this.#client.spawn(STEP.name, wish(token), { on })).taskId;
      },
      ending,
    );
    if (ending === "commit") scribe.write({ kind: "acknowledged", token, taskId, created: true });
  }

  async #stream(name: string): Promise<void> {
    const tokens = [0, 1, 2].map((index) => `${name}-${index}`);
    for (const token of tokens) scribe.write({ kind: "asked", token });
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
      scribe.write({ kind: "asked", token, key: token });
      taskId = (await this.#client.spawn(STEP.name, wish(token), options)).taskId;
    });
    scribe.write({ kind: "cancel asked", taskId });
    await insist(() => this.#client.cancel(taskId));
    assert.equal((await new AbsurdClient(stage.admin).show(taskId)).status, "cancelled");
    scribe.write({ kind: "retry asked", taskId });
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

for (const when of WAYS) {
  test(`a statement of a program's verbs fails ${when}`, { timeout: 120_000 }, async () => {
    const handlerPool = sturdyPool(stage.url, 4);
    const healthy = await startWorker({
      connectionString: stage.url,
      tasks: [createStep(handlerPool, scribe)],
      ...{ concurrency: 8, pollSeconds: 0.2, leaseSeconds: 30 },
    });
    const pool = sturdyPool(proxy.url(stage.url), 2);
    const failed = await exhaust(when, (name) => new Verbs(pool).sayAll(name));
    proxy.disarm();
    await settle();
    await healthy.stop();
    await Promise.all([pool.end(), handlerPool.end()]);
    await assertAsPromised();
    for (const verb of ["spawn_tasks", "spawn_lines", "commit", "copy", "cancel_task", "retry"]) {
      assert.ok(
        failed.some((text) => text.includes(verb)),
        `${verb} never failed: ${failed.join("; ")}`,
      );
    }
  });
}

/** One task for each way in which an attempt can end. */
async function spawnEndings(name: string): Promise<void> {
  const wishes = [
    wish(`${name}-atomic`),
    wish(`${name}-returned`, { isAtomic: false }),
    wish(`${name}-child`, { spawnsChild: true }),
    wish(`${name}-again`, { failsUpTo: 1 }),
    wish(`${name}-fatal`, { failsUpTo: 1, errorClass: "fatal" }),
    wish(`${name}-slow`, { ms: 5_000, heedsAbort: true }),
    wish(`${name}-cancelled`, { ms: 5_000, heedsAbort: true }),
  ];
  const client = new AbsurdClient(stage.admin);
  for (const { token } of wishes) scribe.write({ kind: "asked", token });
  const spawned = await client.spawnMany(
    wishes.map((params, index) => ({
      ...{ task: STEP.name, params, backoffSeconds: 0.01 },
      ...(index === 5 ? { timeoutSeconds: 0.1, maxRetries: 0 } : {}),
      ...(index === 2 ? { dependsOn: [0, 1] } : {}),
    })),
  );
  spawned.forEach((each, index) => {
    scribe.write({ kind: "acknowledged", token: wishes[index]!.token, ...each });
  });
  const { taskId } = spawned.at(-1)!;
  scribe.write({ kind: "cancel asked", taskId });
  await until(() => events.some((event) => event.kind === "started" && event.taskId === taskId), {
    what: "the task to be cancelled runs",
  });
  await client.cancel(taskId);
  await client.close();
}

for (const when of WAYS) {
  test(`a statement of a worker fails ${when}`, { timeout: 240_000 }, async () => {
    const url = proxy.url(stage.url);
    const failed = await exhaust(when, async (name) => {
      const pool = sturdyPool(url, 4);
      const options = {
        connectionString: url,
        tasks: [createStep(pool, scribe)],
        ...{ concurrency: 8, pollSeconds: 0.1, leaseSeconds: LEASE_SECONDS },
      };
      // Whoever supervises workers starts one that did not come up again.
      const worker = await startWorker(options).catch((error: unknown) => {
        if (!isTransient(error)) throw error;
        return startWorker(options);
      });
      await spawnEndings(name);
      await settle();
      await worker.stop({ graceSeconds: 1 });
      await pool.end();
    });
    await assertAsPromised();
    for (const verb of ["register_worker", "cycle", "beat", "complete_task", "hold_fence"]) {
      assert.ok(
        failed.some((text) => text.includes(verb)),
        `${verb} never failed: ${failed.join("; ")}`,
      );
    }
  });
}
