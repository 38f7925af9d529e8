/**
 * The counts of the queues, looked at every few seconds, and since when none has completed: what
 * this process has seen.
 */
import type { AbsurdClient, QueueStats } from "@contimg/absurd";

import { Recent } from "./recent.ts";

const LOOK_MS = 10_000;
const FRESH_MS = 1_000;

export class Counts {
  #latest: readonly QueueStats[] = [];
  readonly #recent: Recent<void>;
  readonly #nowMs: () => number;
  #completedAtMs: number;

  /** @param nowMs for tests; default: a clock that never goes back */
  constructor(
    client: Pick<AbsurdClient, "stats">,
    nowMs: () => number = () => performance.now(),
    freshMs = FRESH_MS,
  ) {
    this.#nowMs = nowMs;
    this.#completedAtMs = nowMs();
    this.#recent = new Recent(freshMs, async () => {
      this.#take(await client.stats());
    });
  }

  /** Looks now and then, also when nobody asks, until the signal aborts. */
  keepLooking(signal: AbortSignal): void {
    const timer = setInterval(() => {
      // Away or busy: the next look makes up for it.
      this.look().catch(() => undefined);
    }, LOOK_MS);
    timer.unref();
    signal.addEventListener("abort", () => {
      clearInterval(timer);
    });
  }

  /** Looks, unless somebody just did. */
  look(): Promise<void> {
    return this.#recent.get();
  }

  /** The latest; looks when they are old. */
  async stats(): Promise<readonly QueueStats[]> {
    await this.look();
    return this.#latest;
  }

  /** Since a task completed, or since this began to look. */
  get secondsWithoutCompletion(): number {
    return (this.#nowMs() - this.#completedAtMs) / 1000;
  }

  #take(stats: readonly QueueStats[]): void {
    const before = new Map(this.#latest.map((each) => [each.queue, each.completed]));
    const isFirst = before.size === 0;
    if (!isFirst && stats.some((each) => each.completed > (before.get(each.queue) ?? 0))) {
      this.#completedAtMs = this.#nowMs();
    }
    this.#latest = stats;
  }
}
