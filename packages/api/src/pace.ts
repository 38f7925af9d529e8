/**
 * How fast tasks come and end: counts of the queues, looked at every few seconds and compared. It
 * costs no count over history, and knows nothing of the time before this process began to look.
 */
import type { AbsurdClient, QueueStats } from "@contimg/absurd";

import { Recent } from "./recent.ts";

export interface QueuePace {
  readonly arrivalsPerSecond: number;
  readonly endsPerSecond: number;
}

interface Sample {
  readonly atMs: number;
  readonly byQueue: ReadonlyMap<string, QueueStats>;
}

const LOOK_MS = 10_000;
const FRESH_MS = 1_000;
const PACE_MS = 5 * 60_000;
const ENDS = ["completed", "failed", "cancelled"] as const;

export class Pace {
  readonly #samples: Sample[] = [];
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
      this.#add(await client.stats());
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

  /** The latest counts; looks when they are old. */
  async stats(): Promise<readonly QueueStats[]> {
    await this.look();
    return [...(this.#samples.at(-1)?.byQueue.values() ?? [])];
  }

  /** Over the last minutes. A queue of which too little is known is absent. */
  async byQueue(): Promise<ReadonlyMap<string, QueuePace>> {
    await this.look();
    const { first, last, seconds } = this.#stretch();
    const paces = new Map<string, QueuePace>();
    if (!first || !last || seconds <= 0) return paces;
    for (const [name, stats] of last.byQueue) {
      const before = first.byQueue.get(name);
      const ends = ENDS.reduce((sum, each) => sum + grown(stats[each], before?.[each]), 0);
      paces.set(name, {
        arrivalsPerSecond: grown(stats.total, before?.total) / seconds,
        endsPerSecond: ends / seconds,
      });
    }
    return paces;
  }

  /** Since a task completed, or since this began to look. */
  get secondsWithoutCompletion(): number {
    return (this.#nowMs() - this.#completedAtMs) / 1000;
  }

  #add(stats: readonly QueueStats[]): void {
    const before = this.#samples.at(-1);
    const sample = {
      atMs: this.#nowMs(),
      byQueue: new Map(stats.map((each) => [each.queue, each])),
    };
    const hasCompleted = stats.some(
      (each) => before && each.completed > (before.byQueue.get(each.queue)?.completed ?? 0),
    );
    if (hasCompleted) this.#completedAtMs = sample.atMs;
    this.#samples.push(sample);
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < sample.atMs - PACE_MS) {
      this.#samples.shift();
    }
  }

  #stretch(): { first?: Sample; last?: Sample; seconds: number } {
    const last = this.#samples.at(-1);
    if (!last) return { seconds: 0 };
    const first = this.#samples.find((each) => each.atMs >= last.atMs - PACE_MS) ?? last;
    return { first, last, seconds: (last.atMs - first.atMs) / 1000 };
  }
}

/** Counts go back when a task gets a new start, or history is removed: nothing came then. */
function grown(now: number, before: number | undefined): number {
  return Math.max(0, now - (before ?? 0));
}
