/**
 * The durable part of one attempt: steps, sleep, waits. Made when a handler first asks for it.
 *
 * The handler is replayed from the top by each later attempt; what it kept is handed back in place
 * of being done again. Calls are matched by name and by how often that name was used before, so
 * their order among different names is free.
 */
import { AsyncLocalStorage } from "node:async_hooks";

import type { DurableStore, History } from "./durable-store.ts";
import { stepLabel } from "./durable-store.ts";
import { EventTimeout, LeaseLost, Suspended, TaskCancelled, TaskFailed } from "./errors.ts";
import type { AwaitEventOptions, Json, StepHandle, StepOptions } from "./task.ts";
import { runWithRetry } from "./step-retry.ts";
import type { ErrorRecord } from "./task-view.ts";
import { pause } from "./pause.ts";
import type { Claim } from "./worker-session.ts";

export interface DurableHost {
  readonly claim: Claim;
  readonly fence: string;
  /** Made when it is asked for. */
  readonly signal: AbortSignal;
  readonly abortReason: Error | undefined;
  readonly store: DurableStore;
  abort(reason: Error): void;
  /** Lines logged so far reach the database while there is a lease to show. */
  flushLog(): Promise<void>;
}

/** Where a handler is: a step counts what it spawns apart from others. */
export interface StepScope {
  readonly label: string;
}

/** Shorter ones are waited for in place: a suspension costs about as much. */
const SLEEP_IN_PLACE_MS_MAX = 1_000;
const NAME_LENGTH_MAX = 500;
const NO_HISTORY: History = { values: new Map(), clockAheadMs: 0 };
const scopes = new AsyncLocalStorage<StepScope>();

/** The step in which the caller runs, if it does. */
export function currentStep(): StepScope | undefined {
  return scopes.getStore();
}

export class Durable {
  readonly #host: DurableHost;
  readonly #counts = new Map<string, number>();
  #history: History | undefined;
  #reading: Promise<History> | undefined;
  #suspended: Suspended | undefined;

  constructor(host: DurableHost) {
    this.#host = host;
    // Nothing can have been kept by an attempt before the first.
    if (host.claim.claimNo === 1) this.#history = NO_HISTORY;
  }

  get isSuspended(): boolean {
    return this.#suspended !== undefined;
  }

  step<T>(name: string, work: () => Promise<T> | T, options?: StepOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      assertStepName(name);
      const ordinal = this.#enter(name);
      const begin = (history: History): void => {
        const label = stepLabel(name, ordinal);
        const kept = history.values.get(label);
        // It was written by this step of an earlier attempt, and T survives JSON.
        if (kept !== undefined) resolve(fromText(kept) as T);
        else {
          this.#perform(label, work, options).then((value) => {
            this.#keep(name, ordinal, value, resolve as (value: unknown) => void, reject);
          }, reject);
        }
      };
      if (this.#history) begin(this.#history);
      else this.#readHistory().then(begin).catch(reject);
    });
  }

  async beginStep<T = Json>(name: string): Promise<StepHandle<T>> {
    assertStepName(name);
    const ordinal = this.#enter(name);
    const kept = (await this.#readHistory()).values.get(stepLabel(name, ordinal));
    if (kept === undefined) return { name, ordinal, isDone: false };
    return { name, ordinal, isDone: true, value: fromText(kept) as T };
  }

  completeStep<T>(step: StepHandle<T>, value: T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#assertGoing();
      const { name, ordinal } = step;
      this.#keep(name, ordinal, value, resolve as (value: unknown) => void, reject);
    });
  }

  async sleep(seconds: number): Promise<void> {
    if (!(seconds >= 0 && seconds <= 1e9)) {
      throw new RangeError(`sleep is ${seconds} s, expected 0 to 1e9`);
    }
    await this.#sleep(seconds * 1000, { seconds, until: undefined });
  }

  async sleepUntil(until: Date): Promise<void> {
    if (Number.isNaN(until.getTime())) throw new RangeError("sleepUntil: not a valid date");
    await this.#sleep(until.getTime() - Date.now(), { seconds: undefined, until });
  }

  async awaitEvent<T = Json>(name: string, options: AwaitEventOptions = {}): Promise<T> {
    const stepName = `$event:${name}`;
    const ordinal = this.#enter(stepName);
    const kept = (await this.#readHistory()).values.get(stepLabel(stepName, ordinal));
    if (kept != null) {
      const answer = JSON.parse(kept) as { payload: T } | { timedOut: true };
      if ("payload" in answer) return answer.payload;
      throw new EventTimeout(name);
    }
    const { what, payload } = await this.#waiting(async () => {
      await this.#host.flushLog();
      const { store, fence } = this.#host;
      return store.awaitEvent(fence, name, ordinal, options.timeoutSeconds);
    });
    if (what === "suspended") throw this.#suspend(`waits for event "${name}"`);
    if (what === "timeout") throw new EventTimeout(name);
    return (payload === null ? null : JSON.parse(payload)) as T;
  }

  async awaitTasks(taskIds: readonly string[]): Promise<Json[]> {
    const ordinal = this.#enter("$tasks");
    const kept = (await this.#readHistory()).values.get(stepLabel("$tasks", ordinal));
    const text =
      kept ??
      (await this.#waiting(async () => {
        await this.#host.flushLog();
        return this.#host.store.awaitTasks(this.#host.fence, taskIds, ordinal);
      }));
    if (text === undefined) throw this.#suspend(`waits for ${taskIds.join(", ")}`);
    return resultsOf(taskIds, JSON.parse(text) as TaskEnd[]);
  }

  /** Throws when the attempt is over: suspended, cancelled, timed out, or without its lease. */
  assertGoing(): void {
    this.#assertGoing();
  }

  #assertGoing(): void {
    if (this.#suspended) throw this.#suspended;
    if (this.#host.abortReason) throw this.#host.abortReason;
  }

  #enter(name: string): number {
    this.#assertGoing();
    const ordinal = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, ordinal);
    return ordinal;
  }

  async #readHistory(): Promise<History> {
    if (this.#history) return this.#history;
    this.#reading ??= this.#host.store.readHistory(this.#host.claim);
    this.#history = await this.#reading;
    return this.#history;
  }

  async #perform<T>(
    label: string,
    work: () => Promise<T> | T,
    options: StepOptions | undefined,
  ): Promise<T> {
    const scope = { label };
    if (!options?.retry) return scopes.run(scope, work);
    return runWithRetry(() => scopes.run(scope, work), options.retry, this.#host.signal);
  }

  #keep(
    name: string,
    ordinal: number,
    value: unknown,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    try {
      this.#assertGoing();
      // What JSON has no word for (undefined, a function) is kept as nothing.
      const text = (JSON.stringify(value) as string | undefined) ?? null;
      const { claim, store } = this.#host;
      const refuse = (error: unknown): void => {
        reject(this.#reasonOf(error));
      };
      store.keep({ claim, name, ordinal, value, text, resolve, reject: refuse });
    } catch (error) {
      reject(error);
    }
  }

  async #sleep(
    ms: number,
    nap: { seconds: number | undefined; until: Date | undefined },
  ): Promise<void> {
    const ordinal = this.#enter("$sleep");
    const { values, clockAheadMs } = await this.#readHistory();
    const kept = values.get(stepLabel("$sleep", ordinal));
    let { seconds, until } = nap;
    let leftMs = ms;
    if (kept != null) {
      until = new Date(Number(kept));
      seconds = undefined;
      leftMs = Number(kept) - (Date.now() + clockAheadMs);
    }
    if (leftMs < SLEEP_IN_PLACE_MS_MAX) {
      if (leftMs > 0) await pause(leftMs, this.#host.signal);
      this.#assertGoing();
      return;
    }
    await this.#waiting(async () => {
      await this.#host.flushLog();
      await this.#host.store.sleep(this.#host.claim, { ordinal, seconds, until });
    });
    throw this.#suspend("sleeps");
  }

  /** Runs what gives up the lease. What goes wrong because of another suspension is that one. */
  async #waiting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#reasonOf(error);
    }
  }

  /** The error to throw for `error`; an attempt that has lost its task is told so everywhere. */
  #reasonOf(error: unknown): unknown {
    if (this.#suspended) return this.#suspended;
    if (error instanceof LeaseLost || error instanceof TaskCancelled) this.#host.abort(error);
    return error;
  }

  #suspend(what: string): Suspended {
    this.#suspended ??= new Suspended(`the attempt ${what}`);
    this.#host.abort(this.#suspended);
    return this.#suspended;
  }
}

interface TaskEnd {
  readonly status: "completed" | "failed" | "cancelled";
  readonly result: Json;
  readonly error: ErrorRecord | null;
}

function resultsOf(taskIds: readonly string[], ends: readonly TaskEnd[]): Json[] {
  return ends.map(({ status, result, error }, index) => {
    if (status === "completed") return result;
    const record = error ?? { tag: "Error", class: status, message: status, fields: {} };
    throw new TaskFailed(taskIds[index]!, status, record);
  });
}

/** Undefined for a step that gave nothing. */
function fromText(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}

/** @throws {TypeError} saying what a step may be called */
function assertStepName(name: string): void {
  const isFine =
    name.length > 0 &&
    name.length <= NAME_LENGTH_MAX &&
    name.charCodeAt(0) !== 36 /* $ */ &&
    !(name.includes("#") && /#\d+$/.test(name));
  if (isFine) return;
  throw new TypeError(
    `step name is "${name}", expected 1 to ${NAME_LENGTH_MAX} characters that neither begin with $ ` +
      "nor end with # and digits",
  );
}
