/** What the bench asks of its child processes. Calls and answers travel over Node's IPC channel. */
import type { Mode, Shape } from "./engine.ts";

export interface Spent {
  readonly elapsedMs: number;
  /** Of the whole process. */
  readonly cpuUs: number;
}

/** One claim that found tasks: when it was answered, on the monotonic clock, and what it took. */
export interface ClaimTime {
  readonly atMs: number;
  readonly tookMs: number;
}

export interface WorkerReport {
  readonly count: number;
  /** When the first handler started, on the monotonic clock; 0: none did. */
  readonly firstMs: number;
  /** Since the process started. */
  readonly cpuUs: number;
  /** From send to the handler's start. */
  readonly latenciesMs: readonly number[];
  readonly claims: readonly ClaimTime[];
}

export interface ChildApi {
  /** The two that name their database: one process makes and fills all those of an engine. */
  readonly install: (url: string) => Promise<void>;
  readonly load: (url: string, shape: Shape, count: number) => Promise<void>;
  readonly openProducer: () => Promise<void>;
  /** Single spawns, each awaiting its acknowledgement, `concurrency` at a time. */
  readonly spawnEach: (count: number, concurrency: number) => Promise<Spent>;
  /** The engine's bulk call, one at a time. */
  readonly spawnBatches: (count: number, batch: number) => Promise<Spent>;
  /** Single spawns that carry their time of sending, spread over 1 / perSecond each. */
  readonly spawnPaced: (count: number, perSecond: number, isTimed: boolean) => Promise<void>;
  readonly startWorker: (mode: Mode) => Promise<void>;
  /** Handlers that start from now on wait for `release`, so that the worker claims no more. */
  readonly hold: () => Promise<void>;
  readonly release: () => Promise<void>;
  readonly report: () => Promise<WorkerReport>;
  readonly close: () => Promise<void>;
}

export interface Call {
  readonly id: number;
  readonly method: keyof ChildApi;
  readonly args: readonly unknown[];
}

/** From the child: it listens; tasks started so far; an answer; the error that ends it. */
export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly error: SentError }
  | { readonly kind: "fatal"; readonly error: SentError };

export interface SentError {
  readonly name: string;
  readonly message: string;
}
