/** LISTEN on a connection of its own, opened again with back-off whenever it breaks. */
import pg from "pg";

import { CHANNEL } from "./notifier.ts";

const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

export class Listener {
  readonly #connectionString: string;
  readonly #onPayload: (payload: string) => void;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failureCount = 0;

  /** `onPayload` also hears "*" after each connect: what was said meanwhile is lost. */
  constructor(connectionString: string, onPayload: (payload: string) => void) {
    this.#connectionString = connectionString;
    this.#onPayload = onPayload;
  }

  async start(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "absurd listener",
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    client.on("error", () => {
      this.#reconnectLater(client);
    });
    client.on("end", () => {
      this.#reconnectLater(client);
    });
    client.on("notification", (message) => {
      this.#onPayload(message.payload ?? "*");
    });
    this.#client = client;
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.#failureCount = 0;
      this.#onPayload("*");
    } catch {
      // The database is away; polling goes on meanwhile and reports it.
      this.#reconnectLater(client);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  #reconnectLater(broken: pg.Client): void {
    if (this.#stopped || this.#client !== broken) return;
    this.#client = undefined;
    void broken.end().catch(() => undefined);
    const waitMs = Math.min(RECONNECT_MS_MIN * 2 ** this.#failureCount++, RECONNECT_MS_MAX);
    this.#timer = setTimeout(
      () => {
        void this.start();
      },
      waitMs * (0.5 + 0.5 * Math.random()),
    );
  }
}
