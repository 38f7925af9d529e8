/**
 * One attempt of one task: parses its params, runs its handler under abort and timeout, and says
 * how it ended. It writes nothing itself but what the handler asks for through the context.
 */
import type pg from "pg";

import { completed, failed, rolledBack } from "./attempt-ending.ts";
import { AttemptWorkflow, type ParentResult } from "./attempt-workflow.ts";
import { ChildKeys } from "./child-key.ts";
import type { AbsurdClient } from "./client.ts";
import { type Db, run } from "./db.ts";
import { Durable } from "./durable.ts";
import type { DurableStore } from "./durable-store.ts";
import type { ClassifyError } from "./error-record.ts";
import { LeaseLost, TimedOut } from "./errors.ts";
import { type LogBuffer, TaskLog } from "./log-buffer.ts";
import { type ParamsRef, type ResolveParams, paramsRefOf, readParams } from "./params-ref.ts";
import { invalidParams } from "./spawn.ts";
import type {
  AnyTask,
  AwaitEventOptions,
  Json,
  Logger,
  SpawnRequest,
  Spawned,
  StepHandle,
  StepOptions,
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
  readonly store: DurableStore;
  readonly logLines: LogBuffer;
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
  /** Made when somebody wants the signal: most attempts end before anybody does. */
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #onAbort: ((reason: Error) => void) | undefined;
  // Made when they are first used: most tasks do without.
  #durable: Durable | undefined;
  #log: TaskLog | undefined;
  #childKeys: ChildKeys | undefined;
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

  get workflow(): AttemptWorkflow {
    return new AttemptWorkflow(this.#host.client.workflows, this.taskId, this.fence);
  }

  parentResults(): Promise<Readonly<Record<string, ParentResult>>> {
    return this.#host.client.workflows.parentResults(this.taskId);
  }

  get traceContext(): TraceContext | undefined {
    const { traceContext } = this.claim;
    return traceContext === null ? undefined : (JSON.parse(traceContext) as TraceContext);
  }

  get isAborted(): boolean {
    return this.#abortReason !== undefined;
  }

  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  get log(): Logger {
    return (this.#log ??= new TaskLog(this.claim, this.#host.log, this.#host.logLines));
  }

  get store(): DurableStore {
    return this.#host.store;
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

  async spawn(request: SpawnRequest): Promise<Spawned> {
    this.#durable?.assertGoing();
    const { task, params, ...options } = request;
    this.#childKeys ??= new ChildKeys(this.claim.taskNumber);
    const idempotencyKey = request.idempotencyKey ?? this.#childKeys.keyOf(request);
    const { fence } = this;
    return this.#host.client.spawn(task, params, { ...options, idempotencyKey, fence });
  }

  step<T>(name: string, work: () => Promise<T> | T, options?: StepOptions): Promise<T> {
    return this.#durably().step(name, work, options);
  }

  beginStep<T = Json>(name: string): Promise<StepHandle<T>> {
    return this.#durably().beginStep(name);
  }

  completeStep<T>(step: StepHandle<T>, value: T): Promise<T> {
    return this.#durably().completeStep(step, value);
  }

  sleep(seconds: number): Promise<void> {
    return this.#durably().sleep(seconds);
  }

  sleepUntil(until: Date): Promise<void> {
    return this.#durably().sleepUntil(until);
  }

  awaitEvent<T = Json>(name: string, options?: AwaitEventOptions): Promise<T> {
    return this.#durably().awaitEvent(name, options);
  }

  async emit(name: string, payload?: Json): Promise<boolean> {
    this.#durable?.assertGoing();
    return this.#host.client.events.emit(name, payload, { fence: this.fence });
  }

  async awaitTask<T = Json>(taskId: string): Promise<T> {
    const [result] = await this.awaitTasks<T>([taskId]);
    return result!;
  }

  awaitTasks<T = Json>(taskIds: readonly string[]): Promise<T[]> {
    // The caller knows what its tasks give, as it does of its database's columns.
    return this.#durably().awaitTasks(taskIds) as Promise<T[]>;
  }

  async flushLog(): Promise<void> {
    if (this.#log) await this.#host.logLines.flush();
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
   * Runs the handler; a promise only when the handler gives one or logs. Undefined: the lease is
   * given up until later, and there is nothing to report.
   */
  run(): EndedAttempt | undefined | Promise<EndedAttempt | undefined> {
    try {
      const given: unknown = JSON.parse(this.claim.params);
      const ref = paramsRefOf(given);
      const work = ref ? this.#beginWith(ref) : this.#begin(given);
      if (work instanceof Promise) return this.#finish(work);
      return this.#afterLog(this.#completed(work));
    } catch (error) {
      return this.#afterLog(this.#failed(error));
    }
  }

  /** Its lines reach the database before its end: after it they would have no lease to show. */
  #afterLog(
    ended: EndedAttempt | undefined,
  ): EndedAttempt | undefined | Promise<EndedAttempt | undefined> {
    return this.#log ? this.flushLog().then(() => ended) : ended;
  }

  /** Calls the handler; what it returns. */
  #begin(params: unknown): unknown {
    const parsed = this.#definition.params.safeParse(params);
    if (!parsed.success) throw invalidParams(this.taskName, parsed.error.issues);
    return this.#definition.handler?.(parsed.data, this);
  }

  async #beginWith(ref: ParamsRef): Promise<unknown> {
    return this.#begin(await readParams(ref, this.#host.resolveParams, this.signal));
  }

  async #finish(work: Promise<unknown>): Promise<EndedAttempt | undefined> {
    const ended = await this.#outcomeOf(work);
    if (this.#log) await this.flushLog();
    return this.#durable?.isSuspended ? undefined : ended;
  }

  async #outcomeOf(work: Promise<unknown>): Promise<EndedAttempt | undefined> {
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

  #durably(): Durable {
    return (this.#durable ??= new Durable(this));
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
    if (this.#completedByHandler) return rolledBack(this.claim);
    return completed(this.claim, result);
  }

  #failed(error: unknown): EndedAttempt | undefined {
    return failed(this.claim, error, {
      abortReason: this.#abortReason,
      classifyError: this.#host.classifyError,
      completedByHandler: this.#completedByHandler,
    });
  }
}
