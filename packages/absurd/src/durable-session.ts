/**
 * The worker's connection for what attempts keep and wait for, apart from the one for cycles so
 * that neither waits for the other. Opened when first used: tasks without steps do not pay for it.
 */
import pg from "pg";

import { isConnectionLoss, isTransient, toEngineError } from "./db.ts";
import { retryTransient } from "./retry-transient.ts";
import { settleSession, statementName } from "./transaction-pooling.ts";

// Values stay text: who asked knows what they are.
const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

export type TextRow = readonly (string | null)[];

export class DurableSession {
  readonly #connectionString: string;
  readonly #onTransient: (error: unknown) => void;
  #client: Promise<pg.Client> | undefined;
  #closed = false;

  constructor(connectionString: string, onTransient: (error: unknown) => void) {
    this.#connectionString = connectionString;
    this.#onTransient = onTransient;
  }

  /**
   * Runs a prepared statement, again and again while the database is away: all that goes through
   * here may be sent twice. Throws engine errors.
   */
  async query(name: string, text: string, values: unknown[]): Promise<readonly TextRow[]> {
    let rows: readonly TextRow[] = [];
    await retryTransient(
      async () => {
        rows = await this.#queryOnce(name, text, values);
      },
      {
        attemptsMax: () => Infinity,
        onFailure: this.#onTransient,
      },
    );
    return rows;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.end().catch(() => undefined);
  }

  async #queryOnce(name: string, text: string, values: unknown[]): Promise<readonly TextRow[]> {
    const connecting = (this.#client ??= this.#connect());
    try {
      const client = await connecting;
      const { rows } = await client.query<TextRow[]>({
        name: statementName(this.#connectionString, name),
        text,
        values,
        rowMode: "array",
        types: AS_TEXT,
      });
      return rows as unknown as readonly TextRow[];
    } catch (error) {
      if (this.#closed) throw new Error("the worker has stopped", { cause: error });
      if (isTransient(error) && isConnectionLoss(error) && this.#client === connecting) {
        this.#client = undefined;
        void connecting.then((client) => client.end()).catch(() => undefined);
      }
      throw toEngineError(error);
    }
  }

  async #connect(): Promise<pg.Client> {
    if (this.#closed) throw new Error("the worker has stopped");
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "absurd steps",
      connectionTimeoutMillis: 10_000,
      query_timeout: 60_000,
      keepAlive: true,
    });
    // The query that meets the broken connection reports it.
    client.on("error", () => undefined);
    await client.connect();
    await settleSession(client, this.#connectionString);
    return client;
  }
}
