/** A worker's standing in the database: number, epoch, and the heartbeat that keeps both. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import { WorkerDeclaredDead } from "./errors.ts";
import { Heartbeat, type HeartbeatMessage } from "./heartbeat.ts";
import { announceKinds } from "./kinds.ts";
import type { WorkerIdentity, WorkerSession } from "./worker-session.ts";

export interface WorkerLeaseOptions {
  readonly connectionString: string;
  readonly name: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly leaseSeconds: number;
  readonly beatSeconds: number;
  readonly capacity: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The kinds that the worker can run. */
  readonly kindIds: () => readonly number[];
}

export class WorkerLease {
  readonly #session: WorkerSession;
  readonly #options: WorkerLeaseOptions;
  readonly #onMessage: (message: HeartbeatMessage) => void;
  #heartbeat: Heartbeat | undefined;
  /** The lanes that the database knows to be occupied, joined. */
  #occupied = "";
  identity: WorkerIdentity = { workerId: 0, epoch: 0n };

  constructor(
    session: WorkerSession,
    options: WorkerLeaseOptions,
    onMessage: (message: HeartbeatMessage) => void,
  ) {
    this.#session = session;
    this.#options = options;
    this.#onMessage = onMessage;
  }

  /**
   * Registers under a new number and a new random epoch, and begins to beat. Once more when a
   * machine so slow that the lease ran out meanwhile had it declared dead.
   */
  async register(): Promise<void> {
    while (true) {
      try {
        await this.#registerOnce();
        return;
      } catch (error) {
        if (!(error instanceof WorkerDeclaredDead)) throw error;
      }
    }
  }

  async #registerOnce(): Promise<void> {
    await this.stop();
    const { name, version, queues, concurrency, leaseSeconds } = this.#options;
    // 63 random bits: no two processes and no two lives of one share them.
    const epoch = randomBytes(8).readBigUInt64BE() >> 1n;
    const host = hostname();
    const workerId = await this.#session.register({
      name,
      version,
      queues,
      concurrency,
      leaseSeconds,
      host,
      epoch,
    });
    this.identity = { workerId, epoch };
    this.#occupied = "";
    // What was asked of the number before is over.
    this.#onMessage({ kind: "drain", isAsked: false });
    const { connectionString, beatSeconds, capacity, labels } = this.#options;
    this.#heartbeat = new Heartbeat(
      { connectionString, beatSeconds, leaseSeconds, ...this.identity },
      this.#onMessage,
    );
    if (Object.keys({ ...capacity, ...labels }).length > 0) {
      await this.#session.describe(this.identity, capacity, labels);
    }
    await announceKinds(await this.#session.connect(), this.identity, this.#options.kindIds());
  }

  /**
   * Before a claim: what attempts still use that were told to stop is not free for others, also
   * when their lease is gone. A round trip only when that changed.
   */
  async occupy(session: WorkerSession, lanes: readonly number[]): Promise<void> {
    if (Object.keys(this.#options.capacity).length === 0) return;
    const occupied = lanes.join();
    if (occupied === this.#occupied) return;
    await session.occupy(this.identity, lanes);
    this.#occupied = occupied;
  }

  isFresh(): boolean {
    return this.#heartbeat?.isFresh() ?? false;
  }

  beatNow(): void {
    this.#heartbeat?.beatNow();
  }

  async stop(): Promise<void> {
    const heartbeat = this.#heartbeat;
    this.#heartbeat = undefined;
    await heartbeat?.stop();
  }
}
