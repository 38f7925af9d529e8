/**
 * One attempt of one task: parses its params, runs its handler under abort and timeout, and says
 * how it ended. It writes nothing itself but what the handler asks for through the context.
 */
import type pg from "pg";

import type { AbsurdClient } from "./client.ts";
import { type Db, run } from "./db.ts";
import { type ClassifyError, errorRecord, failureClass } from "./error-record.ts";
import { LeaseLost, TimedOut } from "./errors.ts";
import { invalidParams } from "./spawn.ts";
import type { AnyTask, Json, Logger, SpawnRequest, Spawned, TaskContext } from "./task.ts";
import { fenceText, taskUuid } from "./task-id.ts";
import type { Claim, EndedAttempt, WorkerIdentity } from "./worker-session.ts";

/** What an attempt needs of its worker. */
export interface AttemptHost {
  readonly identity: WorkerIdentity;
  readonly client: AbsurdClient;
  readonly log: Logger;
  readonly classifyError: ClassifyError;
  /** How long a handler may take to end after its signal aborted. */
  readonly abortGraceSeconds: number;
  isLeaseFresh(): boolean;
  reportProgress(attempt: Attempt, fraction: number, note: string): void;
}

export class Attempt implements TaskContext {
  readonly claim: Claim;
  readonly #host: AttemptHost;
  readonly #definition: AnyTask;
  readonly #identity: WorkerIdentity;
  /** Made when somebody wants the signal: most attempts end before anybody does. */
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #onAbort: ((reason: Error) => void) | undefined;
  #completedByHandler = false;

  constructor(host: AttemptHost, definition: AnyTask, claim: Claim) {
    this.#host = host;
    this.#definition = definition;
    this.#identity = host.identity;
    this.claim = claim;
  }

  get key(): string {
    return `${this.claim.taskNumber}/${this.claim.claimNo}`;
  }

  get taskId(): string {
    return taskUuid(this.claim.taskNumber);
  }

  get taskName(): string {
    return this.#definition.name;
  }

  get attempt(): number {
    return this.claim.claimNo;
  }

  get fence(): string {
    return fenceText({ ...this.claim, ...this.#identity });
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#abortReason !== undefined;
  }

  get log(): Logger {
    return this.#host.log;
  }

  abort(reason: Error): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  isLeaseFresh(): boolean {
    return !(this.#abortReason instanceof LeaseLost) && this.#host.isLeaseFresh();
  }

  progress(fraction: number, note: string): void {
    this.#host.reportProgress(this, fraction, note);
  }

  spawn(request: SpawnRequest): Promise<Spawned> {
    const { task, params, ...options } = request;
    return this.#host.client.spawn(task, params, { ...options, fence: this.fence });
  }

  async completeIn(client: pg.ClientBase, result?: Json): Promise<void> {
    await run(client as Db, "select absurd.complete_task($1, $2)", [
      this.fence,
      result === undefined ? null : JSON.stringify(result),
    ]);
    this.#completedByHandler = true;
  }

  async assertFence(client: pg.ClientBase): Promise<void> {
    await run(client as Db, "select absurd.hold_fence($1)", [this.fence]);
  }

  /**
   * Runs the handler; a promise only when the handler gives one. Undefined: the lease is lost and
   * there is nothing to report.
   */
  run(): EndedAttempt | undefined | Promise<EndedAttempt | undefined> {
    try {
      const parsed = this.#definition.params.safeParse(JSON.parse(this.claim.params));
      if (!parsed.success) throw invalidParams(this.taskName, parsed.error.issues);
      const work: unknown = this.#definition.handler?.(parsed.data, this);
      if (work instanceof Promise) return this.#finish(work);
      return this.#completed(work);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #finish(work: Promise<unknown>): Promise<EndedAttempt | undefined> {
    const timer = this.#startTimeout();
    try {
      const result = await this.#underGrace(work);
      return this.#abortReason ? this.#failed(this.#abortReason) : this.#completed(result);
    } catch (error) {
      return this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #startTimeout(): NodeJS.Timeout | undefined {
    const { timeoutMs } = this.claim;
    if (timeoutMs === undefined) return undefined;
    return setTimeout(() => {
      this.abort(new TimedOut(`attempt ran past its timeout of ${timeoutMs / 1000} s`));
    }, timeoutMs);
  }

  /** The handler's promise; or the abort reason, once a handler did not heed it for the grace. */
  #underGrace(work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      this.#onAbort = (reason) => {
        timer = setTimeout(() => {
          reject(reason);
        }, this.#host.abortGraceSeconds * 1000);
      };
      work.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        this.#onAbort = undefined;
      });
    });
  }

  #completed(result: unknown): EndedAttempt {
    const { taskNumber, claimNo } = this.claim;
    if (!this.#completedByHandler) {
      const text = result === undefined ? null : JSON.stringify(result);
      return { kind: "completed", taskNumber, claimNo, result: text };
    }
    // The handler completed the task in its own transaction. If that was rolled back, the lease is
    // still there and this failure finds it; if not, this is stale and nobody hears of it.
    const error = new Error("the transaction that completed the task was rolled back");
    return {
      kind: "failed",
      taskNumber,
      claimNo,
      errorClass: "retryable",
      error: errorRecord(error, "retryable"),
      mayBeStale: true,
    };
  }

  #failed(error: unknown): EndedAttempt | undefined {
    const { taskNumber, claimNo } = this.claim;
    const reason = this.#abortReason;
    const errorClass = failureClass(error, reason, this.#host.classifyError);
    if (errorClass === undefined) return undefined;
    return {
      kind: "failed",
      taskNumber,
      claimNo,
      errorClass,
      error: errorRecord(reason ?? error, errorClass),
      mayBeStale: this.#completedByHandler || error instanceof LeaseLost,
    };
  }
}
