/** A program that spawns, cancels and retries through the client, and notes what it was told. */
import { setTimeout as sleep } from "node:timers/promises";

import {
  AbsurdClient,
  DependencyFailed,
  InvalidTransition,
  type SpawnRequest,
  type Spawned,
  TaskNotFound,
  isTransient,
  sqlState,
} from "@contimg/absurd";

import type { Chance } from "./random.ts";
import type { Requirement, Scribe, Wish } from "./record.ts";
import { inTransaction, sturdyPool } from "./step-handler.ts";
import { PLAIN, QUICK, STEP } from "./step-task.ts";
import { chooseDemand, chooseRequirement, wireRequirement } from "./wishes.ts";

/** One key is asked for again and again, by all producers. */
const KEY_COUNT = 15;

/** Of ten tasks, at most. */
const LENGTHS_MS = [40, 40, 40, 40, 40, 40, 600, 600, 600, 2_500];

const DEEDS = {
  spawn: 8,
  spawnKeyed: 3,
  spawnInTransaction: 2,
  spawnOrSpool: 2,
  spawnBlocking: 0.4,
  spawnWorkflow: 3,
  cancel: 2,
  retry: 2,
} as const;

export interface Producer {
  /** Acts until `untilMs` on performance.now(). */
  run(untilMs: number): Promise<void>;
}

export function createProducer(parts: {
  readonly url: string;
  readonly name: string;
  readonly spoolFolder: string;
  readonly chance: Chance;
  readonly recorder: Scribe;
}): Producer {
  const { chance, recorder, name } = parts;
  const pool = sturdyPool(parts.url, 2);
  const client = new AbsurdClient(pool, { tasks: [STEP], spoolFolder: parts.spoolFolder });
  const known: { readonly taskId: string; readonly token: string }[] = [];
  let count = 0;

  function request(options: Partial<SpawnRequest> = {}): Request {
    const token = `${name}-${++count}`;
    const fails = chance.happens(0.2);
    const flux = chance.next();
    const demand = chooseDemand(chance);
    return {
      token,
      wish: { flux, ...(demand && { demand }) },
      ...demand,
      task: STEP.name,
      params: {
        ...PLAIN,
        token,
        // Some long enough to be at it when their worker has been stopped past its lease.
        ms: chance.between(0, chance.pick(LENGTHS_MS)),
        isAtomic: chance.happens(0.6),
        failsUpTo: fails ? chance.between(1, 8) : 0,
        errorClass: chance.happens(0.2) ? "fatal" : "retryable",
        heedsAbort: chance.happens(0.4),
        spawnsChild: chance.happens(0.15),
        isDurable: chance.happens(0.1),
        sleepSeconds: chance.happens(0.3) ? 1.05 : 0.02,
        flux,
      },
      ...QUICK,
      priority: chance.between(0, 1),
      ...(chance.happens(0.1) ? { delaySeconds: chance.between(1, 10) / 10 } : {}),
      ...(chance.happens(0.1) ? { timeoutSeconds: 0.5 } : {}),
      ...options,
    };
  }

  /** Its lease is taken while its process cannot hear of it, and then it reports its end. */
  function blockingRequest(): Request {
    const plain = request();
    const params = { ...PLAIN, token: plain.token, isAtomic: false, blocksMs: 4_000 };
    return { ...plain, params, timeoutSeconds: 0.5, maxRetries: 1 };
  }

  async function send(requests: readonly Request[]): Promise<void> {
    for (const { token, wish, idempotencyKey } of requests) {
      recorder.write({
        kind: "asked",
        token,
        wish,
        ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
      });
    }
    const wire = requests.map(bare);
    const spawned =
      wire.length === 1 && wire[0]!.dependsOn === undefined
        ? [await client.spawn(wire[0]!.task as string, wire[0]!.params, wire[0])]
        : await client.spawnMany(wire);
    acknowledge(requests, spawned);
  }

  function acknowledge(
    requests: readonly Request[],
    spawned: readonly { taskId: string; created: boolean }[],
  ): void {
    spawned.forEach((each, index) => {
      const { token, idempotencyKey } = requests[index]!;
      recorder.write({
        kind: "acknowledged",
        token,
        ...each,
        ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
      });
      if (each.created) known.push({ taskId: each.taskId, token });
    });
  }

  const deeds: Readonly<Record<keyof typeof DEEDS, () => Promise<void>>> = {
    async spawn() {
      // At once, so that the client sends some of them together.
      await settleAll(Array.from({ length: chance.between(1, 6) }, () => send([request()])));
    },

    async spawnKeyed() {
      const key = `key-${chance.between(1, KEY_COUNT)}`;
      const wish = request({ idempotencyKey: key });
      // A program that got no answer asks again: that is what the key is for.
      for (let attempt = 0; attempt < 3; attempt++) {
        try {
          await send([wish]);
          return;
        } catch (error) {
          if (!isTransient(error)) throw error;
        }
      }
    },

    async spawnBlocking() {
      await send([blockingRequest()]);
    },

    async spawnOrSpool() {
      const wish = request();
      const key = `spool-${wish.token}`;
      recorder.write({ kind: "asked", token: wish.token, key, wish: wish.wish });
      const spawned = await client.spawn(STEP.name, wish.params, {
        ...bare(wish),
        idempotencyKey: key,
        whenAway: "spool",
      });
      if (spawned.spooled) recorder.write({ kind: "spooled", token: wish.token });
      else acknowledge([{ ...wish, idempotencyKey: key }], [spawned]);
    },

    async spawnInTransaction() {
      const wish = request();
      const isKept = chance.happens(0.6);
      recorder.write({ kind: "asked", token: wish.token, wish: wish.wish });
      if (!isKept) recorder.write({ kind: "withdrawn", token: wish.token });
      let spawned: Spawned[] = [];
      await inTransaction(
        pool,
        async (connection) => {
          spawned = await client.spawnMany([bare(wish)], { on: connection });
        },
        isKept ? "commit" : "rollback",
      );
      if (isKept) acknowledge([wish], spawned);
    },

    async spawnWorkflow() {
      const parents = Array.from({ length: chance.between(1, 4) }, () => request());
      const older = chance.happens(0.4) && known.length > 0 ? [chance.pick(known)] : [];
      const plain = chance.happens(0.4);
      const join = request();
      const last = request();
      // What hangs on one parent alone is decided by that one condition.
      const only = request();
      const joined = [
        ...parents.map(({ token }) => chooseRequirement(chance, [token], plain)),
        ...older.map(({ token }) => chooseRequirement(chance, [token], plain)),
      ];
      const all = [...parents, join, last, only];
      const idOf = (token: string): string | number => {
        const index = all.findIndex((each) => each.token === token);
        return index >= 0 ? index : older.find((each) => each.token === token)!.taskId;
      };
      depend(join, plain || chance.happens(0.7) ? joined : merged(joined), idOf);
      depend(last, [chooseRequirement(chance, [join.token], plain)], idOf);
      depend(only, [chooseRequirement(chance, [parents[0]!.token], plain)], idOf);
      await send(all);
    },

    async cancel() {
      if (known.length === 0) return;
      const { taskId } = chance.pick(known.slice(-30));
      recorder.write({ kind: "cancel asked", taskId });
      const isCancelled = await client.cancel(taskId, "the producer changed its mind");
      if (isCancelled) recorder.write({ kind: "cancel told", taskId, at: Date.now() });
    },

    async retry() {
      if (known.length === 0) return;
      const { taskId } = chance.pick(known);
      recorder.write({ kind: "retry asked", taskId });
      await client.retry(taskId);
    },
  };

  return {
    async run(untilMs) {
      while (performance.now() < untilMs) {
        await sleep(chance.between(5, 80));
        try {
          await deeds[chance.weighted(DEEDS)]();
        } catch (error) {
          if (!isExpected(error)) throw error;
        }
      }
      await client.close();
      await pool.end();
    },
  };
}

/** A request with what only the history needs of it. */
type Request = SpawnRequest & { readonly token: string; wish: Wish };

function bare({ token: _token, wish: _wish, ...rest }: Request): SpawnRequest {
  return rest;
}

function depend(
  request: Request & { dependsOn?: SpawnRequest["dependsOn"] },
  requirements: readonly Requirement[],
  idOf: (token: string) => string | number,
): void {
  request.wish = { ...request.wish, requirements };
  request.dependsOn = requirements.map((each) => wireRequirement(each, idOf));
}

/** One requirement that any of the edges meets. */
function merged(requirements: readonly Requirement[]): Requirement[] {
  const [first] = requirements;
  return [{ ...first!, anyOf: requirements.flatMap((each) => each.anyOf) }];
}

/** What a program must be ready for: no database, a full disk, a task that is not as it thought. */
function isExpected(error: unknown): boolean {
  return (
    isTransient(error) ||
    sqlState(error) === "ENOSPC" ||
    error instanceof InvalidTransition ||
    error instanceof DependencyFailed ||
    error instanceof TaskNotFound
  );
}

/** Waits for all, then throws the first failure. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
}
