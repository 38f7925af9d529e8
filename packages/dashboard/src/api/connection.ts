/**
 * Whether the API can be used, as the calls find it. While it cannot, nothing is asked but a probe
 * with back-off; pages keep what they have, and go on by themselves when the probe is answered.
 */

export type Away = "api" | "database" | "disabled";

export type ConnectionState =
  | { readonly kind: "online" }
  | {
      readonly kind: "away";
      readonly what: Away;
      readonly since: Date;
      /** When the next probe goes out; null while one is on its way. */
      readonly nextTryAt: Date | null;
    };

/** What one call found. */
export type Finding = "fine" | Away;

export interface ConnectionOptions {
  /** Asks the API once. */
  readonly probe: () => Promise<Finding>;
  readonly now?: () => Date;
  readonly schedule?: (run: () => void, ms: number) => () => void;
}

const FIRST_TRY_MS = 1_000;
const LAST_TRY_MS = 30_000;

const ONLINE: ConnectionState = { kind: "online" };

export class Connection {
  readonly #probe: () => Promise<Finding>;
  readonly #now: () => Date;
  readonly #schedule: (run: () => void, ms: number) => () => void;
  readonly #listeners = new Set<() => void>();
  #state: ConnectionState = ONLINE;
  #waitMs = FIRST_TRY_MS;
  #cancelTry = () => {};

  constructor({ probe, now = () => new Date(), schedule = after }: ConnectionOptions) {
    this.#probe = probe;
    this.#now = now;
    this.#schedule = schedule;
  }

  readonly getState = (): ConnectionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Told after every call. */
  report(finding: Finding): void {
    if (finding === "fine") {
      // A late answer from before the outage says nothing: only the probe ends it.
      return;
    }
    if (this.#state.kind === "away") {
      if (this.#state.what !== finding) this.#set({ ...this.#state, what: finding });
      return;
    }
    this.#waitMs = FIRST_TRY_MS;
    this.#set({ kind: "away", what: finding, since: this.#now(), nextTryAt: null });
    this.#planTry();
  }

  /** The operator does not want to wait. */
  readonly tryNow = (): void => {
    if (this.#state.kind === "online" || this.#state.nextTryAt === null) return;
    this.#cancelTry();
    void this.#try();
  };

  #planTry(): void {
    if (this.#state.kind === "online") return;
    const nextTryAt = new Date(this.#now().getTime() + this.#waitMs);
    this.#set({ ...this.#state, nextTryAt });
    this.#cancelTry = this.#schedule(() => void this.#try(), this.#waitMs);
    this.#waitMs = Math.min(LAST_TRY_MS, this.#waitMs * 2);
  }

  async #try(): Promise<void> {
    if (this.#state.kind === "online") return;
    this.#set({ ...this.#state, nextTryAt: null });
    const finding = await this.#probe();
    if (finding === "fine") {
      this.#set(ONLINE);
      return;
    }
    this.#set({ ...this.#state, what: finding });
    this.#planTry();
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function after(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => {
    clearTimeout(timer);
  };
}
