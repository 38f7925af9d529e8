/**
 * What a worker does beside its loop: listens, wakes others, sends progress, takes its part in
 * maintenance, and lends its tasks a client. All on connections of their own.
 */
import pg from "pg";

import { AbsurdClient } from "./client.ts";
import type { Db } from "./db.ts";
import { DurableStore } from "./durable-store.ts";
import { Listener } from "./listener.ts";
import { LogBuffer } from "./log-buffer.ts";
import { Maintainer } from "./maintainer.ts";
import { Notifier } from "./notifier.ts";
import { ProgressBuffer } from "./progress-buffer.ts";
import type { Logger } from "./task.ts";
import { isTransactionPooled } from "./transaction-pooling.ts";
import type { WorkerIdentity } from "./worker-session.ts";

export interface WorkerSideOptions {
  readonly connectionString: string;
  readonly listenConnectionString: string | undefined;
  readonly log: Logger;
  readonly leaseSeconds: number;
  readonly cancelGraceSeconds: number;
  readonly identity: () => WorkerIdentity;
  /** A doorbell's payload: a queue's name, or one of the constants of notifier.ts. */
  readonly onPayload: (payload: string) => void;
  /** Maintenance put tasks into the lanes. */
  readonly onReady: () => void;
  /** `key` is `${taskNumber}/${claimNo}`. */
  readonly onStale: (key: string) => void;
  readonly onError: (error: unknown) => void;
}

const CONNECTIONS_MAX = 3;

export class WorkerSide {
  readonly db: Db;
  readonly client: AbsurdClient;
  readonly notifier: Notifier;
  readonly progress: ProgressBuffer;
  readonly store: DurableStore;
  readonly logLines: LogBuffer;
  readonly #pool: pg.Pool;
  readonly #listener: Listener | undefined;
  readonly #maintainer: Maintainer;

  constructor(options: WorkerSideOptions) {
    const { onError } = options;
    this.#pool = new pg.Pool({
      connectionString: options.connectionString,
      application_name: "absurd side",
      max: CONNECTIONS_MAX,
      connectionTimeoutMillis: 10_000,
    });
    this.#pool.on("error", onError);
    this.db = this.#pool; // pg's overloads do not infer; the one used here is Db's.
    this.client = new AbsurdClient(this.#pool, { onNotifyError: onError });
    this.notifier = new Notifier(this.db, onError);
    const listenUrl =
      options.listenConnectionString ??
      (isTransactionPooled(options.connectionString) ? undefined : options.connectionString);
    this.#listener =
      listenUrl === undefined ? undefined : new Listener(listenUrl, options.onPayload);
    this.progress = new ProgressBuffer(
      this.db,
      options.identity,
      (taskNumber, claimNo) => {
        options.onStale(`${taskNumber}/${claimNo}`);
      },
      onError,
    );
    const host = {
      get identity() {
        return options.identity();
      },
      side: this.db,
      log: options.log,
      onReady: options.onReady,
      onError,
    };
    this.store = new DurableStore(host, options.connectionString);
    this.logLines = new LogBuffer(host);
    this.#maintainer = new Maintainer(host, options);
  }

  async start(): Promise<void> {
    await this.#listener?.start();
    this.#maintainer.start();
  }

  /** Stops what might start something new, before the lease goes. */
  async stop(): Promise<void> {
    this.progress.stop();
    this.logLines.stop();
    await this.store.close();
    await this.#maintainer.stop();
    await this.#listener?.stop();
  }

  async close(): Promise<void> {
    await this.notifier.flush();
    await this.client.close();
    await this.#pool.end();
  }
}
