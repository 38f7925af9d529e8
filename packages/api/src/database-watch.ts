/**
 * Whether the database answers, known without asking it: a probe on a connection of its own, often
 * while it is away. Requests are refused at once then, and taken again by themselves.
 */
import pg from "pg";

import type { DatabaseState } from "./handler.ts";

export interface WatchOptions {
  readonly connectionString: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Called each time that the database answers again. */
  readonly onBack: () => void;
  /** Between probes while it answers. Default 5 s. */
  readonly upMs?: number;
  /** Between probes while it is away. Default 500 ms. */
  readonly awayMs?: number;
}

const UP_MS = 5_000;
const AWAY_MS = 500;
const PROBE_MS_MAX = 2_000;

export class DatabaseWatch implements DatabaseState {
  readonly #options: WatchOptions;
  readonly #pool: pg.Pool;
  #isAvailable = true;
  #latencyMs: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#pool = new pg.Pool({
      connectionString: options.connectionString,
      application_name: "absurd api probe",
      max: 1,
      connectionTimeoutMillis: PROBE_MS_MAX,
      query_timeout: PROBE_MS_MAX,
    });
    // The next probe says what became of it.
    this.#pool.on("error", () => undefined);
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  /** Asks now; resolves when it is known. Goes on asking. */
  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
      this.#planNext();
    });
    return this.#probing;
  }

  /** For who found that it does not answer. */
  reportLoss(): void {
    void this.probe();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#probing;
    await this.#pool.end();
  }

  async #probe(): Promise<void> {
    const startMs = performance.now();
    const wasAvailable = this.#isAvailable;
    try {
      await this.#pool.query("select 1");
      this.#latencyMs = performance.now() - startMs;
      this.#isAvailable = true;
    } catch (error) {
      this.#latencyMs = null;
      this.#isAvailable = false;
      if (wasAvailable) this.#options.log.warn({ err: error }, "the database is away");
    }
    if (this.#isAvailable && !wasAvailable) {
      this.#options.log.warn({}, "the database is back");
      this.#options.onBack();
    }
  }

  #planNext(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    const { upMs = UP_MS, awayMs = AWAY_MS } = this.#options;
    this.#timer = setTimeout(() => void this.probe(), this.#isAvailable ? upMs : awayMs);
  }
}
