/**
 * Brings notes of writes to the audit store before their answer goes out. While the database is
 * away they wait in memory, and in the server's log, and are stored when it is back.
 */
import type { AuditNote } from "./audit-store.ts";

interface Store {
  add(notes: readonly AuditNote[]): Promise<void>;
}

interface Log {
  warn(fields: object, message: string): void;
}

const WAITING_MAX = 10_000;

export class AuditLog {
  readonly #store: Store;
  readonly #log: Log;
  #waiting: AuditNote[] = [];

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** @param isAway true: the database is not asked */
  async record(note: AuditNote, isAway = false): Promise<void> {
    try {
      if (isAway) this.#keep(note);
      else await this.#store.add([note]);
    } catch (error) {
      this.#log.warn({ err: error, audit: note }, "an audit entry waits: it could not be stored");
      this.#keep(note);
    }
  }

  /** Stores what waits; called when the database is back. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const notes = this.#waiting;
      this.#waiting = [];
      try {
        await this.#store.add(notes);
      } catch (error) {
        this.#waiting = [...notes, ...this.#waiting].slice(-WAITING_MAX);
        throw error;
      }
    }
  }

  #keep(note: AuditNote): void {
    this.#waiting.push(note);
    if (this.#waiting.length > WAITING_MAX) {
      const lost = this.#waiting.shift();
      this.#log.warn({ audit: lost }, "an audit entry is lost but for this line");
    }
  }
}
