/**
 * What the bench asks of a queue under test, ours or a peer's. An engine runs in child processes
 * only: each process opens one database and is a producer or a worker in it.
 */

export const OURS = "absurd";

export const ENGINE_NAMES = [
  OURS,
  "graphile-worker",
  "pg-boss",
  "dbos",
  "absurd-sdk",
  "openworkflow",
] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];
export type PeerName = Exclude<EngineName, typeof OURS>;

/**
 * What a database is filled with before the measurement: single no-op tasks; workflows of five
 * no-op steps; groups of 16 tasks and one that depends on them; no-op tasks over 100 lanes.
 */
export type Shape = "noop" | "steps" | "fan-in" | "lanes";

/** What a worker is tuned for. "claims": it takes 100 tasks at a time and times each claim. */
export type Mode = "throughput" | "latency" | "steps" | "claims";

/** The same for every engine: about 200 bytes of JSON. */
export interface Payload {
  readonly i: number;
  /** On the machine's monotonic clock; 0: do not count this one. */
  readonly sentMs: number;
  readonly text: string;
}

export interface Producer {
  /** Resolves when the task is durable. */
  readonly one: (payload: Payload) => Promise<unknown>;
  /** The engine's own bulk call, where it has one. */
  readonly many?: (payloads: readonly Payload[]) => Promise<unknown>;
  close(): Promise<void>;
}

/** Called once a task, when its handler starts; a workflow calls it when its last step is done. */
export type OnTask = (sentMs: number) => void | Promise<void>;

export interface Engine {
  /** Makes the engine's tables in a fresh database. */
  install(url: string): Promise<void>;
  /** Fills the database with `count` tasks that can start at once. */
  load(url: string, shape: Shape, count: number): Promise<void>;
  openProducer(url: string): Promise<Producer>;
  /** Resolves when the worker runs; the result stops it. */
  startWorker(url: string, mode: Mode, onTask: OnTask): Promise<() => Promise<unknown>>;
  /** One boolean: is there a task that has not ended? */
  readonly isBusySql: string;
}

/** A work that this engine cannot do, such as steps before it has any. */
export class NotAvailable extends Error {
  override readonly name = "NotAvailable";
}

export const STEP_COUNT = 5;
/** Tasks that each task of shape "fan-in" depends on. */
export const PARENT_COUNT = 16;

const TEXT = "x".repeat(165);

export function payloadOf(i: number, sentMs = 0): Payload {
  return { i, sentMs, text: TEXT };
}

/** The same payload made by the server, for engines whose bulk call is an SQL function. */
export const PAYLOAD_SQL = `jsonb_build_object('i', g, 'sentMs', 0, 'text', '${TEXT}')`;

/** Comparable between the processes of a machine, which performance.now() is not. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Calls `work` with 0 to count - 1, at most `concurrency` at a time. */
export async function forEachIndex(
  count: number,
  concurrency: number,
  work: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
