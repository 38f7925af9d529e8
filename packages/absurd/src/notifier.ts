/**
 * Wakes workers by NOTIFY, in a transaction of its own that does not wait for the disk: a commit
 * that carries a NOTIFY holds a database-wide lock until it is durable. A spawn of a client that
 * was idle carries its own nevertheless: that saves a round trip where nobody else is in a hurry.
 * What is lost here is found by the workers' polling.
 */
import type { Db } from "./db.ts";

export const CHANNEL = "absurd";
/** Payload for "look for requests", such as to cancel; any other payload is a queue's name. */
export const SIGNAL_PAYLOAD = "*signal";
export const ANY_QUEUE_PAYLOAD = "*";

/**
 * Between two wake-ups of a client. Each is a transaction of its own, without a flush: 100 a second
 * cost some 1 % of a core. A client that was silent for so long is idle.
 */
const GAP_MS_MIN = 10;

export class Notifier {
  readonly #db: Db;
  readonly #onError: (error: unknown) => void;
  readonly #payloads = new Set<string>();
  #lastSentMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(db: Db, onError: (error: unknown) => void) {
    this.#db = db;
    this.#onError = onError;
  }

  /** Returns at once. The first call goes out at once, those of the next 10 ms together. */
  notify(payload: string): void {
    this.#payloads.add(payload);
    if (this.#timer) return;
    const wait = this.#lastSentMs + GAP_MS_MIN - performance.now();
    if (wait <= 0) this.#send();
    else
      this.#timer = setTimeout(() => {
        this.#send();
      }, wait);
  }

  /**
   * True when a statement that is about to be sent shall carry a NOTIFY itself: nothing was sent
   * for a while, and nothing waits.
   */
  takeRide(): boolean {
    const nowMs = performance.now();
    if (this.#timer || nowMs - this.#lastSentMs < GAP_MS_MIN) return false;
    this.#lastSentMs = nowMs;
    return true;
  }

  /** Resolves when what was asked for until now is sent. */
  async flush(): Promise<void> {
    if (this.#timer) this.#send();
    await this.#sending;
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastSentMs = performance.now();
    const payloads = [...this.#payloads];
    this.#payloads.clear();
    this.#sending = this.#db
      .query(
        `select set_config('synchronous_commit', 'off', true), pg_notify($1, payload)
           from unnest($2::text[]) payload`,
        [CHANNEL, payloads],
      )
      .then(() => undefined, this.#onError);
  }
}
