/**
 * Looks at a folder whenever something happens in it, and now and then in any case: events are
 * fast, the floor of polling misses nothing, also where the file system sends no events.
 */
import { type FSWatcher, watch } from "node:fs";

import type { Logger } from "@contimg/absurd";

import type { Ingester, LookReport } from "./ingester.ts";

export interface WatchOptions {
  readonly ingester: Ingester;
  readonly folder: string;
  /** Between two looks at the whole folder. */
  readonly pollSeconds: number;
  /** Between two looks at files that may be unfinished. */
  readonly settleSeconds: number;
  readonly signal: AbortSignal;
  readonly onLook?: (report: LookReport) => void;
  readonly log?: Logger;
}

/** Events come in bursts; one look serves those of so long. */
const BURST_MS = 50;
/** A look at the whole folder may take at most this share of the time. */
const LOOKING_FRACTION_MAX = 0.2;

/** Returns when the signal aborts. A look that fails is said in the log and made again. */
export async function watchFolder(options: WatchOptions): Promise<void> {
  const { ingester, signal, settleSeconds } = options;
  const changed = new ChangedNames(options);
  let pollMs = 0;
  let wholeLookAtMs = -Infinity;
  try {
    while (!signal.aborted) {
      const isWhole = performance.now() - wholeLookAtMs >= pollMs;
      const startMs = performance.now();
      const report = await lookOnce(ingester, isWhole ? undefined : changed.take(), options);
      const tookMs = performance.now() - startMs;
      if (isWhole) {
        wholeLookAtMs = startMs;
        pollMs = Math.max(1000 * options.pollSeconds, tookMs / LOOKING_FRACTION_MAX);
      }
      const untilPollMs = wholeLookAtMs + pollMs - performance.now();
      const isUnsettled = report !== undefined && report.pendingCount > 0;
      const pauseMs = Math.min(untilPollMs, isUnsettled ? 1000 * settleSeconds : Infinity);
      changed.watchAgain();
      await changed.wait(Math.max(pauseMs, BURST_MS));
    }
  } finally {
    changed.close();
  }
}

async function lookOnce(
  ingester: Ingester,
  names: Iterable<string> | undefined,
  { log, onLook, signal }: WatchOptions,
): Promise<LookReport | undefined> {
  try {
    const report = await ingester.look(names);
    onLook?.(report);
    return report;
  } catch (error) {
    if (signal.aborted) return undefined;
    log?.error({ error: String(error) }, "a look at the incoming folder failed");
    return undefined;
  }
}

/** Names that events told since they were last taken. */
class ChangedNames {
  readonly #options: WatchOptions;
  #names = new Set<string>();
  #watcher: FSWatcher | undefined;
  #ring: (() => void) | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.watchAgain();
  }

  /** Also after the folder was made, or made anew. */
  watchAgain(): void {
    if (this.#watcher !== undefined) return;
    const { folder, log } = this.#options;
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, name) => {
        if (name !== null) this.#names.add(name);
        this.#ring?.();
      });
      watcher.on("error", () => {
        this.#drop(watcher);
      });
      watcher.on("close", () => {
        this.#drop(watcher);
      });
      this.#watcher = watcher;
    } catch (error) {
      log?.debug({ folder, error: String(error) }, "no events from the folder, polling only");
    }
  }

  #drop(watcher: FSWatcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
  }

  take(): Set<string> {
    const names = this.#names;
    this.#names = new Set();
    return names;
  }

  /** Until a burst of events is over, the time has passed, or the signal aborts. */
  async wait(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted) return;
    const isRung = this.#names.size > 0;
    await new Promise<void>((resolve) => {
      let timer = setTimeout(finish, isRung ? BURST_MS : ms);
      this.#ring = () => {
        this.#ring = undefined;
        clearTimeout(timer);
        timer = setTimeout(finish, BURST_MS);
      };
      signal.addEventListener("abort", finish, { once: true });
      function finish(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      }
    });
    this.#ring = undefined;
  }

  close(): void {
    this.#watcher?.close();
  }
}
