/**
 * The worker's part in maintenance: asks for the leadership and, while it has it, promotes what is
 * due, recovers what dead workers held, keeps partitions ahead, and does the leader's duties.
 */
import { type Db, run } from "./db.ts";
import { LeaderDuties } from "./leader-duties.ts";
import { Wake } from "./wake.ts";
import type { WorkerIdentity } from "./worker-session.ts";

/** An idle leader's pace. What falls due later than this is met when it does. */
const TICK_MS_MAX = 1_200;

export interface MaintainerHost {
  readonly identity: WorkerIdentity;
  readonly side: Db;
  /** Work came into the lanes. */
  onReady(): void;
  onError(error: unknown): void;
}

export interface MaintainerOptions {
  readonly leaseSeconds: number;
  readonly cancelGraceSeconds: number;
}

export class Maintainer {
  readonly #host: MaintainerHost;
  readonly #options: MaintainerOptions;
  readonly #tickMs: number;
  readonly #wake = new Wake();
  readonly #duties: LeaderDuties;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** The leader's term while this worker leads. */
  term: string | undefined;

  constructor(host: MaintainerHost, options: MaintainerOptions) {
    this.#host = host;
    this.#options = options;
    this.#duties = new LeaderDuties(host);
    this.#tickMs = Math.min(TICK_MS_MAX, options.leaseSeconds * 250);
  }

  start(): void {
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake.ring();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      const nextDueMs = await this.#round();
      // Followers ask rarely; the leader comes back when the next task falls due.
      const idleMs = this.term === undefined ? this.#tickMs * 2 : this.#tickMs;
      const waitMs = Math.max(10, Math.min(idleMs, this.term === undefined ? idleMs : nextDueMs));
      await this.#wake.wait(waitMs * (0.9 + 0.1 * Math.random()));
    }
  }

  /** Milliseconds until the next deferred task or schedule is due. */
  async #round(): Promise<number> {
    const { identity } = this.#host;
    try {
      const [row] = await run<{
        term: string | null;
        promoted: number;
        recovered: number;
        next_due_seconds: number | null;
      }>(this.#host.side, "select * from absurd.maintain($1, $2, $3, $4)", [
        identity.workerId,
        identity.epoch.toString(),
        Math.round(this.#tickMs * 3),
        Math.round(this.#options.cancelGraceSeconds * 1000),
      ]);
      this.term = row?.term ?? undefined;
      if (row && row.promoted + row.recovered > 0) this.#host.onReady();
      const nextDueMs = (row?.next_due_seconds ?? Infinity) * 1000;
      if (this.term !== undefined) await this.#duties.round(this.term, nextDueMs <= 0);
      return nextDueMs;
    } catch (error) {
      this.term = undefined;
      this.#host.onError(error);
      return Infinity;
    }
  }
}
