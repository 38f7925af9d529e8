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
} from "@contimg/absurd";

import type { Chance } from "./random.ts";
import type { Scribe } from "./record.ts";
import { inTransaction, sturdyPool } from "./step-handler.ts";
import { PLAIN, STEP } from "./step-task.ts";

/** One key is asked for again and again, by all producers. */
const KEY_COUNT = 15;

const DEEDS = {
  spawn: 8,
  spawnKeyed: 3,
  spawnInTransaction: 2,
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
  readonly chance: Chance;
  readonly recorder: Scribe;
}): Producer {
  const { chance, recorder, name } = parts;
  const pool = sturdyPool(parts.url, 2);
  const client = new AbsurdClient(pool, { tasks: [STEP] });
  const known: string[] = [];
  let count = 0;

  function request(options: Partial<SpawnRequest> = {}): SpawnRequest & { token: string } {
    const token = `${name}-${++count}`;
    const fails = chance.happens(0.2);
    return {
      token,
      task: STEP.name,
      params: {
        ...PLAIN,
        token,
        ms: chance.happens(0.3) ? chance.between(0, 600) : chance.between(0, 40),
        isAtomic: chance.happens(0.6),
        failsUpTo: fails ? chance.between(1, 8) : 0,
        errorClass: chance.happens(0.2) ? "fatal" : "retryable",
        heedsAbort: chance.happens(0.4),
        spawnsChild: chance.happens(0.15),
      },
      backoffSeconds: 0.05,
      backoffSecondsMax: 0.4,
      priority: chance.between(0, 1),
      ...(chance.happens(0.1) ? { delaySeconds: chance.between(1, 10) / 10 } : {}),
      ...(chance.happens(0.1) ? { timeoutSeconds: 0.5 } : {}),
      ...options,
    };
  }

  async function send(requests: readonly (SpawnRequest & { token: string })[]): Promise<void> {
    for (const { token, idempotencyKey } of requests) {
      recorder.write({
        kind: "asked",
        token,
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
    requests: readonly (SpawnRequest & { token: string })[],
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
      known.push(each.taskId);
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

    async spawnInTransaction() {
      const wish = request();
      const isKept = chance.happens(0.6);
      recorder.write({ kind: "asked", token: wish.token });
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
      const both = parents.map((_, index) => index);
      const join = request({ dependsOn: [...both, ...older] });
      const last = request({ dependsOn: [parents.length] });
      await send([...parents, join, last]);
    },

    async cancel() {
      if (known.length === 0) return;
      const taskId = chance.pick(known.slice(-30));
      recorder.write({ kind: "cancel asked", taskId });
      await client.cancel(taskId, "the producer changed its mind");
    },

    async retry() {
      if (known.length === 0) return;
      const taskId = chance.pick(known);
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

function bare({ token: _token, ...rest }: SpawnRequest & { token: string }): SpawnRequest {
  return rest;
}

/** What a program must be ready for: the database is away, or the task is not as it thought. */
function isExpected(error: unknown): boolean {
  return (
    isTransient(error) ||
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
