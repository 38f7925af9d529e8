/**
 * How a worker comes back: after a lost connection it asks what is still its own, after having been
 * declared dead it begins anew under another epoch. Nothing is reported or claimed meanwhile.
 */
import { isTransient, isUpgrade } from "./db.ts";
import { LeaseLost, WorkerDeclaredDead } from "./errors.ts";
import type { LaneHints } from "./lane-hints.ts";
import { retryTransient } from "./retry-transient.ts";
import type { Logger } from "./task.ts";
import type { TaskRunner } from "./task-runner.ts";
import type { WorkerLease } from "./worker-lease.ts";
import type { WorkerSessions } from "./worker-sessions.ts";

/** A stopping worker tries this often to report what ended before it gives up. */
const STOPPING_ATTEMPTS_MAX = 8;

export interface WorkerRecoveryParts {
  readonly name: string;
  readonly log: Logger;
  readonly sessions: WorkerSessions;
  readonly runner: TaskRunner;
  readonly lease: WorkerLease;
  readonly hints: LaneHints;
  readonly isStopping: () => boolean;
}

export class WorkerRecovery {
  readonly #parts: WorkerRecoveryParts;
  #trouble: unknown;
  #isDead = false;

  constructor(parts: WorkerRecoveryParts) {
    this.#parts = parts;
  }

  /** True from the first failure on, until `settle` is through. */
  get isNeeded(): boolean {
    return this.#isDead || this.#trouble !== undefined;
  }

  /** A call failed; what it was about is with the runner again. */
  report(error: unknown): void {
    if (error instanceof WorkerDeclaredDead) this.#isDead = true;
    else this.#trouble ??= error;
  }

  /** @throws the error that was reported, when it is none that the database's return mends */
  async settle(): Promise<void> {
    const { sessions, hints, log, name } = this.#parts;
    await sessions.settled();
    const error = this.#trouble;
    this.#trouble = undefined;
    if (!this.#isDead) {
      if (!isTransient(error) && !isUpgrade(error)) throw error;
      log.warn({ worker: name, error: String(error) }, "lost the database; trying again");
      sessions.disconnect();
      await this.#untilDatabaseIsBack(async () => {
        await this.#revalidate();
        await hints.renew();
      });
    }
    if (this.#isDead) await this.#registerAgain();
  }

  /** The lease of a running attempt belongs to somebody else. */
  lose(key: string): void {
    const { runner, log, name } = this.#parts;
    const attempt = runner.find(key);
    if (!attempt || attempt.isAborted) return;
    log.warn({ worker: name, taskId: attempt.taskId }, "lost the lease of a running task");
    attempt.abort(new LeaseLost(`attempt ${attempt.attempt} lost its lease`));
  }

  async #revalidate(): Promise<void> {
    const { sessions, runner, lease } = this.#parts;
    try {
      const held = await sessions.first.revalidate(lease.identity, runner.known());
      for (const { key } of runner.running()) if (!held.has(key)) this.lose(key);
      runner.keepHeld(held);
    } catch (error) {
      if (!(error instanceof WorkerDeclaredDead)) throw error;
      this.#isDead = true;
    }
  }

  async #registerAgain(): Promise<void> {
    const { runner, hints, lease, log, name } = this.#parts;
    log.error({ worker: name }, "was declared dead; registering again");
    // Everything that runs belongs to others now.
    for (const { key } of runner.running()) this.lose(key);
    runner.clear();
    await this.#untilDatabaseIsBack(async () => {
      await hints.renew();
      await lease.register();
    });
    this.#isDead = false;
  }

  #untilDatabaseIsBack(work: () => Promise<void>): Promise<void> {
    return retryTransient(work, {
      attemptsMax: () => (this.#parts.isStopping() ? STOPPING_ATTEMPTS_MAX : Infinity),
      onFailure: () => {
        this.#parts.sessions.disconnect();
      },
    });
  }
}
