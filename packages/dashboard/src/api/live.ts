/**
 * Listens to the API's live events and tells them on in batches. Goes on after the last event it
 * heard when the connection breaks; while it is deaf, pages poll (see `pace`).
 */
import { liveEvent, type LiveEvent } from "@contimg/contract";

export type LiveState = "connecting" | "open" | "deaf";

export interface LiveOptions {
  readonly url: string;
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  /** Default: the browser's. */
  readonly open?: (url: string) => EventSource;
}

/** Every event's name on the wire is its type; a server may also send all as plain messages. */
const EVENT_NAMES = [
  "message",
  "task_update",
  "queue_stats_update",
  "progress",
  "stale",
  "gap",
] as const;

const BATCH_MS = 300;
const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 30_000;

/** How often lists are asked for while events come, too: for what no event tells. */
const CALM_MS = 30_000;

export class Live {
  readonly #options: LiveOptions;
  readonly #listeners = new Set<() => void>();
  #source: EventSource | undefined;
  #state: LiveState = "connecting";
  #lastEventId = "";
  #batch: LiveEvent[] = [];
  #flush: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_FIRST_MS;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  readonly getState = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Milliseconds until a query of this cadence is asked again. */
  readonly pace = (fastMs: number): number =>
    this.#state === "open" ? Math.max(CALM_MS, fastMs) : fastMs;

  readonly start = (): void => {
    if (this.#source) return;
    const open = this.#options.open ?? ((url: string) => new EventSource(url));
    const source = open(this.#address());
    this.#source = source;
    source.onopen = () => {
      this.#retryMs = RETRY_FIRST_MS;
      this.#set("open");
    };
    source.onerror = () => {
      this.#set("deaf");
      // An answer that is no stream ends an EventSource for good: begin a new one.
      if (source.readyState === 2) this.#startAgain();
    };
    for (const name of EVENT_NAMES) {
      source.addEventListener(name, (message) => {
        this.#take(message as MessageEvent<unknown>);
      });
    }
  };

  readonly stop = (): void => {
    clearTimeout(this.#retry);
    clearTimeout(this.#flush);
    this.#source?.close();
    this.#source = undefined;
    this.#set("deaf");
  };

  #address(): string {
    const { url } = this.#options;
    if (this.#lastEventId === "") return url;
    return `${url}?last_event_id=${encodeURIComponent(this.#lastEventId)}`;
  }

  #startAgain(): void {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.start, this.#retryMs);
    this.#retryMs = Math.min(RETRY_LAST_MS, this.#retryMs * 2);
  }

  #take(message: MessageEvent<unknown>): void {
    if (message.lastEventId !== "") this.#lastEventId = message.lastEventId;
    const event = eventOf(message.data);
    if (!event) return;
    this.#batch.push(event);
    this.#flush ??= setTimeout(() => {
      const batch = this.#batch;
      this.#batch = [];
      this.#flush = undefined;
      this.#options.onEvents(batch);
    }, BATCH_MS);
  }

  #set(state: LiveState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Undefined of what is not an event: a newer server may tell more than this page knows. */
function eventOf(data: unknown): LiveEvent | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const parsed = liveEvent.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
