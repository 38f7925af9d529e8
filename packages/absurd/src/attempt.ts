/**
 * One attempt of one task: parses its params, runs its handler under abort and timeout, and says
 * how it ended. It writes nothing itself but what the handler asks for through the context.
 */
import type pg from "pg";

import type { AbsurdClient } from "./client.ts";
import { type Db, run } from "./db.ts";
import { type ClassifyError, errorRecord, failureClass } from "./error-record.ts";
import { LeaseLost, TimedOut } from "./errors.ts";
import { type ResolveParams, paramsRefOf, readParams } from "./params-ref.ts";
import { invalidParams } from "./spawn.ts";
import type {
  AnyTask,
  Json,
  Logger,
  SpawnRequest,
  Spawned,
  TaskContext,
  TraceContext,
} from "./task.ts";
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
  readonly resolveParams: ResolveParams | undefined;
  isLeaseFresh(): boolean;
  reportProgress(attempt: Attempt, fraction: number, note: string): void;
}

export class Attempt implements TaskContext {
  readonly claim: Claim;
  readonly #host: AttemptHost;
  readonly #definition: AnyTask;
  readonly #identity: WorkerIdentity;
  readonly #controller = new AbortController();
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
    return this.#controller.signal;
  }

  get traceContext(): TraceContext | undefined {
    const { traceContext } = this.claim;
    return traceContext === null ? undefined : (JSON.parse(traceContext) as TraceContext);
  }

  get log(): Logger {
    return this.#host.log;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  isLeaseFresh(): boolean {
    return !(this.signal.reason instanceof LeaseLost) && this.#host.isLeaseFresh();
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

  /** Runs the handler. Undefined: the lease is lost and there is nothing to report. */
  async run(): Promise<EndedAttempt | undefined> {
    const timer = this.#startTimeout();
    try {
      const given: unknown = JSON.parse(this.claim.params);
      const ref = paramsRefOf(given);
      const params = ref ? await readParams(ref, this.#host.resolveParams, this.signal) : given;
      const parsed = this.#definition.params.safeParse(params);
      if (!parsed.success) throw invalidParams(this.taskName, parsed.error.issues);
      const result: unknown = await this.#underGrace(this.#definition.handler?.(parsed.data, this));
      if (this.signal.aborted) return this.#failed(this.signal.reason);
      return this.#completed(result);
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
  #underGrace(work: unknown): unknown {
    if (!(work instanceof Promise)) return work;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const onAbort = (): void => {
        timer = setTimeout(() => {
          reject(this.signal.reason as Error);
        }, this.#host.abortGraceSeconds * 1000);
      };
      this.signal.addEventListener("abort", onAbort, { once: true });
      work.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        this.signal.removeEventListener("abort", onAbort);
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
    const reason: unknown = this.signal.aborted ? this.signal.reason : undefined;
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
