/**
 * One reader of the engine's changes for all who listen in this process.
 *
 * It reads only while somebody listens: when it is woken, and in any case every half second. What
 * it read stays for a while, so that who reconnects goes on where it was; who was away for longer
 * is brought up by a reader of its own. Everything is told at least once and in order. Listeners
 * are handed batches and must never wait: slow clients are their transport's to deal with.
 */
import { isConnectionLoss } from "@contimg/absurd";
import type { LiveEvent } from "@contimg/contract";

/** What the engine tells of a task. */
export interface Change {
  readonly taskId: string;
  readonly queue: string;
  readonly taskName: string;
  readonly status: Extract<LiveEvent, { type: "task_update" }>["status"];
  readonly attempt: number;
  readonly workflowId: string | null;
  readonly workerName: string | null;
  readonly error: string | null;
  readonly at: Date;
}

export interface ChangeSource {
  read(): Promise<{
    readonly changes: readonly Change[];
    /** A source that begins here tells everything since. */
    readonly cursor: string;
    /** More happened than was told. */
    readonly gap?: boolean;
    /** There is more to read now. */
    readonly more?: boolean;
  }>;
}

export interface Batch {
  /** After it. Null: nothing of the changes is in it, the cursor stays. */
  readonly cursor: string | null;
  readonly events: readonly LiveEvent[];
}

/** Never waits, never throws. */
export type Listener = (batch: Batch) => void;

/** Told besides the changes of tasks: looked for now and then while somebody listens. */
export interface Sideline {
  readonly everyMs: number;
  /** What is new since the last look. */
  look(at: string): Promise<readonly LiveEvent[]>;
}

export interface FeedOptions {
  /** @param cursor none: from now on. @throws when the cursor is none, or too old */
  readonly openSource: (cursor?: string) => ChangeSource;
  readonly sidelines: readonly Sideline[];
  readonly log: { warn(fields: object, message: string): void };
  readonly pollMs?: number;
}

const POLL_MS = 500;
/** Between two reads, however often it is woken. */
const GAP_MS_MIN = 50;
const AWAY_MS = 1_000;
const BATCHES_KEPT = 1_000;
const EVENTS_KEPT = 20_000;
/** Reads by which somebody who was away is brought up; who missed more reads its lists anew. */
const CATCH_UP_READS_MAX = 200;

export class LiveFeed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<Listener>();
  readonly #lookedMs = new Map<Sideline, number>();
  /** Batches with a cursor, in order and without a hole. */
  #kept: Batch[] = [];
  #keptEvents = 0;
  #running: Promise<void> | undefined;
  #cursor: PromiseWithResolvers<string> | undefined;
  #ring: () => void = () => undefined;
  #isClosed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /**
   * Tells the listener everything after `cursor`, or from now on; the first batch says where it
   * begins. Returns how to end it.
   * @param ready awaited between batches of what was missed
   */
  async join(
    listener: Listener,
    cursor: string | undefined,
    ready: () => Promise<void>,
  ): Promise<() => void> {
    const waiting: Batch[] = [];
    let isLive = false;
    const relay: Listener = (batch) => {
      if (isLive) listener(batch);
      else waiting.push(batch);
    };
    this.#listeners.add(relay);
    const leave = (): void => {
      this.#listeners.delete(relay);
      if (this.#listeners.size === 0) this.#ring();
    };
    try {
      const now = await this.#start();
      if (cursor === undefined) listener({ cursor: now, events: [] });
      else await this.#catchUp(listener, cursor, ready);
    } catch (error) {
      leave();
      throw error;
    }
    for (const batch of waiting) listener(batch);
    isLive = true;
    return leave;
  }

  /** Something may have changed: look now. */
  wake(): void {
    this.#ring();
  }

  /** Tells all who listen something that is no change of a task. */
  tell(events: readonly LiveEvent[]): void {
    if (events.length > 0) this.#deliver({ cursor: null, events });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#ring();
    await this.#running;
  }

  /** Resolves with the cursor from which on batches are told. */
  #start(): Promise<string> {
    this.#cursor ??= Promise.withResolvers<string>();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#cursor = undefined;
      this.#kept = [];
      this.#keptEvents = 0;
      // Somebody came while it was ending.
      if (this.#listeners.size > 0 && !this.#isClosed) void this.#start();
    });
    return this.#cursor.promise;
  }

  async #run(): Promise<void> {
    const source = this.#options.openSource();
    const cursor = this.#cursor!;
    // Nobody may wait for it any more when it ends.
    cursor.promise.catch(() => undefined);
    while (this.#listeners.size > 0) {
      let waitMs = this.#options.pollMs ?? POLL_MS;
      try {
        const { changes, cursor: after, gap = false, more = false } = await source.read();
        cursor.resolve(after);
        if (changes.length > 0 || gap)
          this.#keep({ cursor: after, events: eventsOf(changes, gap) });
        await this.#look();
        if (more) waitMs = 0;
      } catch (error) {
        this.#options.log.warn({ err: error }, "changes cannot be read; tried again");
        waitMs = AWAY_MS;
      }
      await this.#pause(waitMs);
    }
    cursor.reject(new Error("the feed has ended"));
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    for (const sideline of this.#options.sidelines) {
      if (nowMs - (this.#lookedMs.get(sideline) ?? -Infinity) < sideline.everyMs) continue;
      this.#lookedMs.set(sideline, nowMs);
      this.tell(await sideline.look(new Date().toISOString()));
    }
  }

  #keep(batch: Batch): void {
    this.#kept.push(batch);
    this.#keptEvents += batch.events.length;
    while (this.#kept.length > BATCHES_KEPT || this.#keptEvents > EVENTS_KEPT) {
      const gone = this.#kept.shift();
      if (!gone) break;
      this.#keptEvents -= gone.events.length;
    }
    this.#deliver(batch);
  }

  #deliver(batch: Batch): void {
    for (const listener of this.#listeners) listener(batch);
  }

  async #catchUp(listener: Listener, cursor: string, ready: () => Promise<void>): Promise<void> {
    const at = this.#kept.findIndex((batch) => batch.cursor === cursor);
    if (at >= 0) {
      for (const batch of this.#kept.slice(at + 1)) {
        listener(batch);
        await ready();
      }
      return;
    }
    try {
      await this.#readSince(listener, cursor, ready);
    } catch (error) {
      if (isConnectionLoss(error)) throw error;
      // Of another database, or too old: nothing is known of what was missed.
      listener({ cursor: null, events: [gapNow()] });
    }
  }

  async #readSince(listener: Listener, cursor: string, ready: () => Promise<void>): Promise<void> {
    const source = this.#options.openSource(cursor);
    for (let reads = 1; ; reads++) {
      const { changes, cursor: after, gap = false, more = false } = await source.read();
      listener({ cursor: after, events: eventsOf(changes, gap) });
      await ready();
      if (!more) return;
      if (reads < CATCH_UP_READS_MAX) continue;
      listener({ cursor: null, events: [gapNow()] });
      return;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const startMs = performance.now();
    const timer = setTimeout(wake, Math.max(ms, GAP_MS_MIN));
    // A bell does not shorten the least gap, but for who is to end.
    this.#ring = () => {
      const leftMs = GAP_MS_MIN - (performance.now() - startMs);
      if (leftMs <= 0 || this.#listeners.size === 0) wake();
      else setTimeout(wake, leftMs);
    };
    if (this.#listeners.size === 0) wake();
    await promise;
    clearTimeout(timer);
  }
}

export function gapNow(): LiveEvent {
  return { type: "gap", at: new Date().toISOString() };
}

function eventsOf(changes: readonly Change[], gap: boolean): LiveEvent[] {
  const updates: LiveEvent[] = changes.map((change) => ({
    type: "task_update",
    task_id: change.taskId,
    queue_name: change.queue,
    task_name: change.taskName,
    status: change.status,
    attempt: change.attempt,
    workflow_id: change.workflowId,
    worker_id: change.workerName,
    error: change.error,
    at: change.at.toISOString(),
  }));
  return gap ? [...updates, gapNow()] : updates;
}
