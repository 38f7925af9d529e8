/** Commands that go on until a person presses Ctrl-C. */
import { setTimeout as sleep } from "node:timers/promises";

import { isConnectionLoss } from "@contimg/absurd";

import { toFailure } from "../failure.ts";

/** @param work is given the signal, and a pause that ends early with it */
export async function interruptible(
  work: (signal: AbortSignal, pause: (ms: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  process.once("SIGINT", end).once("SIGTERM", end);
  const pause = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal: ended.signal }).catch(() => undefined);
  };
  try {
    await work(ended.signal, pause);
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

/** Looks again and again, and waits for a database that goes away; the first look must succeed. */
export class Patience {
  #hasLooked: boolean;
  #isAway = false;

  /** @param options.hasLooked when the database has answered already */
  constructor(options: { readonly hasLooked: boolean } = { hasLooked: false }) {
    this.#hasLooked = options.hasLooked;
  }

  /** @returns false when the database was away */
  async look(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (!this.#hasLooked || !isConnectionLoss(error)) throw error;
      if (!this.#isAway) say(`${toFailure(error).message}; asked again until it does`);
      this.#isAway = true;
      return false;
    }
    if (this.#isAway) say("the database answers again");
    this.#isAway = false;
    this.#hasLooked = true;
    return true;
  }
}

function say(text: string): void {
  process.stderr.write(`absurd: ${text}\n`);
}
