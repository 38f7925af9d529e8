/** Repeats what fails while the database is away. */
import { isTransient } from "./db.ts";

const WAIT_MS_MIN = 25;
const WAIT_MS_MAX = 2_000;

/**
 * Calls `work` until it succeeds, with exponential back-off and jitter.
 * @param options.attemptsMax asked after each failure: a stop may come in the middle
 * @throws what `work` throws when that is not transient, or at the last attempt
 */
export async function retryTransient(
  work: () => Promise<void>,
  options: { attemptsMax: () => number; onFailure: (error: unknown) => void },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isTransient(error)) throw error;
      options.onFailure(error);
      if (attempt >= options.attemptsMax()) throw error;
      const waitMs = Math.min(WAIT_MS_MIN * 2 ** Math.min(attempt, 10), WAIT_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + 0.5 * Math.random())));
    }
  }
}
