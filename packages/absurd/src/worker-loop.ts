/**
 * The worker's loop: claims tasks in batches, runs their handlers, reports how they ended.
 *
 * One connection, one round trip a turn (absurd.cycle). The lease hangs on the heartbeat thread,
 * not on this loop. What ended is kept until the database took it; what the database says is stale
 * is dropped, whatever the handler believed.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import pg from "pg";

import { Attempt, type AttemptHost } from "./attempt.ts";
import { AbsurdClient } from "./client.ts";
import { type Db, isTransient } from "./db.ts";
import { type ClassifyError, defaultErrorClass } from "./error-record.ts";
import { LeaseLost, ShuttingDown, TaskCancelled, WorkerDeclaredDead } from "./errors.ts";
import type { HeartbeatMessage } from "./heartbeat.ts";
import { announceKinds, registerKinds } from "./kinds.ts";
import { LaneHints } from "./lane-hints.ts";
import { Listener } from "./listener.ts";
import { Maintainer } from "./maintainer.ts";
import { ANY_QUEUE_PAYLOAD, Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { ProgressBuffer } from "./progress-buffer.ts";
import { retryTransient } from "./retry-transient.ts";
import type { AnyTask, Logger } from "./task.ts";
import { Wake } from "./wake.ts";
import { WorkerLease } from "./worker-lease.ts";
import { SILENT, type WorkerOptions } from "./worker-options.ts";
import {
  type CycleReply,
  type EndedAttempt,
  type WorkerIdentity,
  WorkerSession,
} from "./worker-session.ts";

const POLL_MS_MIN = 50;
/** A cycle gets the time of a lease, or this: the answer to a longer one helps nobody. */
const QUERY_MS_MAX_MIN = 30_000;
/** A stopping worker tries this often to report what ended before it gives up. */
const STOPPING_ATTEMPTS_MAX = 8;

export class WorkerLoop implements AttemptHost {
  readonly name: string;
  readonly client: AbsurdClient;
  readonly log: Logger;
  readonly classifyError: ClassifyError;
  readonly abortGraceSeconds: number;
  readonly side: Db;

  readonly #options: WorkerOptions;
  readonly #queues: readonly string[];
  readonly #concurrency: number;
  readonly #sidePool: pg.Pool;
  readonly #session: WorkerSession;
  readonly #lease: WorkerLease;
  readonly #notifier: Notifier;
  readonly #listener: Listener;
  readonly #progress: ProgressBuffer;
  readonly #maintainer: Maintainer;
  readonly #hints = new LaneHints();
  readonly #wake = new Wake();
  readonly #running = new Map<string, Attempt>();
  #definitions = new Map<number, AnyTask>();
  #ended: EndedAttempt[] = [];
  #declaredDead = false;
  #stopping = false;
  #draining = false;
  #graceTimer: NodeJS.Timeout | undefined;
  #idleMs = POLL_MS_MIN;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 1;
    const leaseSeconds = Math.max(0.2, options.leaseSeconds ?? 30);
    this.#queues = options.queues ?? [
      ...new Set(options.tasks.map((task) => task.queue ?? "default")),
    ];
    this.name = options.name ?? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
    this.log = options.log ?? SILENT;
    this.classifyError = options.classifyError ?? defaultErrorClass;
    this.abortGraceSeconds = options.abortGraceSeconds ?? 10;
    this.#sidePool = new pg.Pool({
      connectionString: options.connectionString,
      application_name: "absurd side",
      max: 3,
      connectionTimeoutMillis: 10_000,
    });
    this.#sidePool.on("error", (error) => {
      this.onError(error);
    });
    this.side = this.#sidePool; // pg's overloads do not infer; the one used here is Db's.
    this.client = new AbsurdClient(this.#sidePool, {
      onNotifyError: (e) => {
        this.onError(e);
      },
    });
    this.#session = new WorkerSession(
      options.connectionString,
      Math.max(QUERY_MS_MAX_MIN, leaseSeconds * 1000),
    );
    this.#lease = new WorkerLease(
      this.#session,
      {
        connectionString: options.connectionString,
        name: this.name,
        version: options.version ?? "",
        queues: this.#queues,
        concurrency: this.#concurrency,
        leaseSeconds,
        beatSeconds: options.beatSeconds ?? leaseSeconds / 6,
      },
      (message) => {
        this.#onHeartbeat(message);
      },
    );
    this.#notifier = new Notifier(this.side, (error) => {
      this.onError(error);
    });
    this.#listener = new Listener(options.connectionString, (text) => {
      this.#onPayload(text);
    });
    this.#progress = new ProgressBuffer(
      this.side,
      (taskNumber, claimNo) => {
        this.#lose(`${taskNumber}/${claimNo}`);
      },
      (error) => {
        this.onError(error);
      },
    );
    this.#maintainer = new Maintainer(this, {
      leaseSeconds,
      cancelGraceSeconds: this.abortGraceSeconds + leaseSeconds,
    });
  }

  async start(): Promise<void> {
    const runnable = this.#options.tasks.filter((task) => task.handler !== undefined);
    const kindIds = await registerKinds(this.side, runnable);
    this.#definitions = new Map(runnable.map((task) => [kindIds.get(task)!, task]));
    await this.client.registerTasks();
    await this.#register();
    await this.#listener.start();
    this.#maintainer.start();
  }

  /** The loop. Resolves after stop(). */
  async run(): Promise<void> {
    try {
      while (!this.#isFinished()) {
        await this.#awaitReason();
        if (this.#declaredDead) await this.#registerAgain();
        await this.#turn();
      }
      await this.#leave();
    } finally {
      for (const attempt of this.#running.values()) {
        attempt.abort(new ShuttingDown("the worker ended"));
      }
      await this.close();
    }
  }

  stop(graceSeconds: number): void {
    this.#stopping = true;
    this.#wake.ring();
    this.#graceTimer ??= setTimeout(() => {
      for (const attempt of this.#running.values()) {
        attempt.abort(new ShuttingDown("the worker is shutting down"));
      }
    }, graceSeconds * 1000);
  }

  async close(): Promise<void> {
    clearTimeout(this.#graceTimer);
    this.#progress.stop();
    await this.#maintainer.stop();
    await this.#listener.stop();
    await this.#lease.stop();
    await this.#notifier.flush();
    await this.client.close();
    this.#session.disconnect();
    await this.#sidePool.end();
  }

  get identity(): WorkerIdentity {
    return this.#lease.identity;
  }

  isLeaseFresh(): boolean {
    return this.#lease.isFresh();
  }

  reportProgress(attempt: Attempt, fraction: number, note: string): void {
    const { taskNumber, claimNo } = attempt.claim;
    this.#progress.report(this.identity, { taskNumber, claimNo, fraction, note });
  }

  onReady(): void {
    this.#wake.ring();
    this.#notifier.notify(ANY_QUEUE_PAYLOAD);
  }

  onError(error: unknown): void {
    if (error instanceof WorkerDeclaredDead) {
      this.#declaredDead = true;
      this.#wake.ring();
    }
    this.log.warn({ worker: this.name, error: String(error) }, "database call failed");
  }

  #isFinished(): boolean {
    return this.#stopping && this.#running.size === 0 && this.#ended.length === 0;
  }

  get #freeCount(): number {
    return this.#stopping || this.#draining ? 0 : this.#concurrency - this.#running.size;
  }

  /** Returns when there is something to report, or room and a reason to look for work. */
  async #awaitReason(): Promise<void> {
    if (this.#ended.length > 0) {
      // Let attempts that end in this turn of the event loop go into the same report.
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    if (this.#freeCount === 0) {
      await this.#wake.wait();
    } else if (this.#idleMs > 0) {
      await this.#wake.wait(this.#idleMs * (0.75 + 0.25 * Math.random()));
    }
  }

  /** One cycle: report, claim, start. */
  async #turn(): Promise<void> {
    const ended = this.#ended;
    const limit = this.#freeCount;
    if (ended.length === 0 && limit === 0) return;
    this.#ended = [];
    const startMs = performance.now();
    let reply: CycleReply;
    try {
      reply = await this.#session.cycle(this.identity, {
        ended,
        queues: this.#queues,
        kindIds: [...this.#definitions.keys()],
        hints: this.#hints.take(limit, startMs),
        limit,
      });
    } catch (error) {
      this.#ended = [...ended, ...this.#ended];
      await this.#recover(error);
      return;
    }
    const nowMs = performance.now();
    this.#hints.finish(nowMs, nowMs - startMs);
    this.#afterCycle(ended, reply, limit);
  }

  #afterCycle(ended: readonly EndedAttempt[], reply: CycleReply, limit: number): void {
    if (reply.stale.size > 0) this.#logStale(ended, reply.stale);
    if (reply.releasedCount > reply.claims.length) this.#notifier.notify(ANY_QUEUE_PAYLOAD);
    for (const claim of reply.claims) {
      this.#hints.record(claim.laneId, claim.seq);
      this.#begin(new Attempt(this, this.#definitions.get(claim.kindId)!, claim));
    }
    if (reply.claims.length > 0) this.#idleMs = reply.claims.length === limit ? 0 : POLL_MS_MIN;
    else if (limit > 0) {
      const idleMsMax = (this.#options.pollSeconds ?? 1) * 1000;
      this.#idleMs = Math.min(Math.max(this.#idleMs * 2, POLL_MS_MIN), idleMsMax);
    }
  }

  #begin(attempt: Attempt): void {
    this.#running.set(attempt.key, attempt);
    void attempt.run().then((ended) => {
      this.#running.delete(attempt.key);
      if (ended) this.#ended.push(ended);
      this.#wake.ring();
    });
  }

  #logStale(ended: readonly EndedAttempt[], stale: ReadonlySet<string>): void {
    for (const each of ended) {
      const isHarmless = each.kind === "failed" && each.mayBeStale;
      if (isHarmless || !stale.has(`${each.taskNumber}/${each.claimNo}`)) continue;
      this.log.warn(
        { worker: this.name, taskNumber: each.taskNumber, attempt: each.claimNo, kind: each.kind },
        "an attempt that ended had lost its lease; what it reported was refused",
      );
    }
  }

  /** After a failed cycle: registers again, or reconnects and asks what is still ours. */
  async #recover(error: unknown): Promise<void> {
    if (error instanceof WorkerDeclaredDead) {
      this.#declaredDead = true;
      return;
    }
    if (!isTransient(error)) throw error;
    this.log.warn({ worker: this.name, error: String(error) }, "lost the database; trying again");
    this.#session.disconnect();
    this.#hints.distrust();
    await this.#untilDatabaseIsBack(() => this.#revalidate());
  }

  async #revalidate(): Promise<void> {
    try {
      const known = [...[...this.#running.values()].map((each) => each.claim), ...this.#ended];
      const held = await this.#session.revalidate(this.identity, known);
      for (const key of this.#running.keys()) if (!held.has(key)) this.#lose(key);
      // Not held: the lost cycle committed after all, or another worker has the task.
      this.#ended = this.#ended.filter((each) => held.has(`${each.taskNumber}/${each.claimNo}`));
    } catch (error) {
      if (!(error instanceof WorkerDeclaredDead)) throw error;
      this.#declaredDead = true;
    }
  }

  #lose(key: string): void {
    const attempt = this.#running.get(key);
    if (!attempt || attempt.signal.aborted) return;
    this.log.warn(
      { worker: this.name, taskId: attempt.taskId },
      "lost the lease of a running task",
    );
    attempt.abort(new LeaseLost(`attempt ${attempt.attempt} lost its lease`));
  }

  /** Everything that runs belongs to others now; begin anew under another epoch. */
  async #registerAgain(): Promise<void> {
    this.log.error({ worker: this.name }, "was declared dead; registering again");
    for (const key of this.#running.keys()) this.#lose(key);
    this.#ended = [];
    this.#hints.distrust();
    await this.#untilDatabaseIsBack(() => this.#register());
    this.#declaredDead = false;
  }

  /** A new number: what was asked of the old one is over. */
  async #register(): Promise<void> {
    await this.#lease.register();
    this.#draining = false;
    await announceKinds(this.side, this.identity, [...this.#definitions.keys()]);
  }

  #onHeartbeat(message: HeartbeatMessage): void {
    if (message.kind === "dead") {
      this.#declaredDead = true;
      this.#wake.ring();
    } else if (message.kind === "cancel") {
      const attempt = this.#running.get(`${message.taskNumber}/${message.claimNo}`);
      if (!attempt?.signal.aborted) attempt?.abort(new TaskCancelled(message.reason));
    } else if (message.kind === "drain") {
      this.#draining = message.isAsked;
      this.#wake.ring();
    } else if (message.kind === "stop") {
      this.stop(message.graceSeconds);
    } else {
      this.log.warn({ worker: this.name, error: message.message }, "a heartbeat failed");
    }
  }

  #onPayload(payload: string): void {
    if (payload === SIGNAL_PAYLOAD) this.#lease.beatNow();
    else if (payload === ANY_QUEUE_PAYLOAD || this.#queues.includes(payload)) this.#wake.ring();
  }

  async #leave(): Promise<void> {
    try {
      await this.#session.leave(this.identity);
    } catch (error) {
      // The lease runs out by itself; a stop must not wait for a database that is away.
      this.onError(error);
    }
  }

  #untilDatabaseIsBack(work: () => Promise<void>): Promise<void> {
    return retryTransient(work, {
      attemptsMax: this.#stopping ? STOPPING_ATTEMPTS_MAX : Infinity,
      onFailure: () => {
        this.#session.disconnect();
      },
    });
  }
}
