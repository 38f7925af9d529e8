/** What a program says to the engine, verb by verb, on a connection that may go wrong. */
import assert from "node:assert/strict";

import { AbsurdClient, InvalidTransition } from "@contimg/absurd";
import type pg from "pg";

import { type Bed, attempt, insist } from "./fail-bed.ts";
import { inTransaction } from "./step-handler.ts";
import { PLAIN, STEP, type StepParams } from "./step-task.ts";

export function wish(token: string, fields: Partial<StepParams> = {}): StepParams {
  return { ...PLAIN, token, ...fields };
}

export class Verbs {
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
