/**
 * Sends the newest progress of each attempt, all together, at most twice a second. Under the
 * worker's identity of that moment: what it took on since it registered again is not stale.
 */
import { type Db, run } from "./db.ts";
import type { WorkerIdentity } from "./worker-session.ts";

interface Progress {
  readonly taskNumber: string;
  readonly claimNo: number;
  readonly fraction: number;
  readonly note: string;
}

const GAP_MS = 500;

export class ProgressBuffer {
  readonly #db: Db;
  readonly #identity: () => WorkerIdentity;
  readonly #onStale: (taskNumber: string, claimNo: number) => void;
  readonly #onError: (error: unknown) => void;
  readonly #newest = new Map<string, Progress>();
  #timer: NodeJS.Timeout | undefined;
  #sentAtMs = -Infinity;

  constructor(
    db: Db,
    identity: () => WorkerIdentity,
    onStale: (taskNumber: string, claimNo: number) => void,
    onError: (error: unknown) => void,
  ) {
    this.#db = db;
    this.#identity = identity;
    this.#onStale = onStale;
    this.#onError = onError;
  }

  report(progress: Progress): void {
    this.#newest.set(progress.taskNumber, progress);
    if (this.#timer) return;
    const waitMs = Math.max(0, this.#sentAtMs + GAP_MS - performance.now());
    this.#timer = setTimeout(() => {
      void this.#send();
    }, waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #send(): Promise<void> {
    const identity = this.#identity();
    this.#timer = undefined;
    this.#sentAtMs = performance.now();
    const batch = [...this.#newest.values()];
    this.#newest.clear();
    try {
      const stale = await run<{ task_id: string; claim_no: number }>(
        this.#db,
        "select task_id, claim_no from absurd.report_progress($1, $2, $3, $4, $5, $6)",
        [
          identity.workerId,
          identity.epoch.toString(),
          batch.map((each) => each.taskNumber),
          batch.map((each) => each.claimNo),
          batch.map((each) => Math.min(1, Math.max(0, each.fraction))),
          batch.map((each) => each.note),
        ],
      );
      for (const row of stale) this.#onStale(row.task_id, row.claim_no);
    } catch (error) {
      // Progress is for looking at; the next report brings it up to date.
      this.#onError(error);
    }
  }
}
