/**
 * Spawns that ask at the same moment share a round trip and a commit. Each still gets its own
 * answer, after that commit: acknowledged is durable.
 *
 * What cannot share (a caller's transaction, a fence) does not come here. When a shared batch is
 * refused, each is tried alone, so that nobody fails for another's mistake.
 */
import { isTransient } from "./db.ts";
import type { WireSpawn } from "./spawn.ts";
import type { Spawned } from "./task.ts";

interface Waiting {
  readonly spawn: WireSpawn;
  resolve(spawned: Spawned): void;
  reject(error: unknown): void;
}

const BATCH_MAX = 1_000;
/** Two batches under way use the server while the other's callers go on. */
const BATCHES_UNDER_WAY_MAX = 2;
const SPLIT_MIN = 16;

export class SpawnCoalescer {
  readonly #send: (batch: readonly WireSpawn[]) => Promise<readonly Spawned[]>;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #isFlushPlanned = false;

  /** @param send one statement for all of the batch; all or none */
  constructor(send: (batch: readonly WireSpawn[]) => Promise<readonly Spawned[]>) {
    this.#send = send;
  }

  add(spawn: WireSpawn): Promise<Spawned> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn, resolve, reject });
      if (this.#isFlushPlanned) return;
      this.#isFlushPlanned = true;
      // After the microtasks of this turn: callers that were answered together ask again together.
      process.nextTick(() => {
        queueMicrotask(() => {
          this.#isFlushPlanned = false;
          this.#flush();
        });
      });
    });
  }

  #flush(): void {
    while (this.#underWay < BATCHES_UNDER_WAY_MAX && this.#waiting.length > 0) {
      const isSplit = this.#underWay === 0 && this.#waiting.length >= SPLIT_MIN;
      const count = isSplit ? Math.ceil(this.#waiting.length / 2) : this.#waiting.length;
      void this.#sendBatch(this.#waiting.splice(0, Math.min(count, BATCH_MAX)));
    }
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    this.#underWay += 1;
    try {
      const spawned = await this.#send(batch.map((each) => each.spawn));
      batch.forEach((each, index) => {
        each.resolve(spawned[index]!);
      });
    } catch (error) {
      await this.#answerRefusal(batch, error);
    } finally {
      this.#underWay -= 1;
      this.#flush();
    }
  }

  /** A connection that broke leaves open what was written: that is for each caller to judge. */
  async #answerRefusal(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length === 1 || isTransient(error)) {
      for (const each of batch) each.reject(error);
      return;
    }
    for (const each of batch) {
      try {
        each.resolve((await this.#send([each.spawn]))[0]!);
      } catch (own) {
        each.reject(own);
      }
    }
  }
}
