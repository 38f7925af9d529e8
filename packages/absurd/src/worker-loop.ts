/**
 * The worker's loop: claims tasks in batches, hands them to the runner, reports how they ended.
 *
 * Two connections, one round trip and one commit a turn (absurd.cycle); under load one turn is in
 * the database while the other's tasks run. The lease hangs on the heartbeat thread, not on this
 * loop. What ended is kept until the database took it; what the database says is stale is dropped,
 * whatever the handler believed.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import { Attempt, type AttemptHost } from "./attempt.ts";
import type { AbsurdClient } from "./client.ts";
import type { DurableStore } from "./durable-store.ts";
import { type ClassifyError, defaultErrorClass } from "./error-record.ts";
import { DeadlineExceeded, ShuttingDown, TaskCancelled, WorkerDeclaredDead } from "./errors.ts";
import type { HeartbeatMessage } from "./heartbeat.ts";
import { registerKinds } from "./kinds.ts";
import { LaneHints } from "./lane-hints.ts";
import { LookSchedule } from "./look-schedule.ts";
import type { LogBuffer } from "./log-buffer.ts";
import { ANY_QUEUE_PAYLOAD, SIGNAL_PAYLOAD } from "./notifier.ts";
import type { ResolveParams } from "./params-ref.ts";
import type { AnyTask, Logger } from "./task.ts";
import { returnPaused } from "./paused-lanes.ts";
import { OutcomeSpool } from "./spool/outcome-spool.ts";
import { TaskRunner } from "./task-runner.ts";
import { Wake } from "./wake.ts";
import { WorkerLease } from "./worker-lease.ts";
import { SILENT, type WorkerOptions } from "./worker-options.ts";
import { WorkerRecovery } from "./worker-recovery.ts";
import type { CycleReply, EndedAttempt, WorkerIdentity, WorkerSession } from "./worker-session.ts";
import { WorkerSessions } from "./worker-sessions.ts";
import { WorkerSide } from "./worker-side.ts";

/** A cycle gets the time of a lease, or this: the answer to a longer one helps nobody. */
const QUERY_MS_MAX_MIN = 30_000;
/** Below this a second turn beside the first would only make both smaller. */
const SECOND_TURN_MIN = 64;
const CLAIM_MAX = 5_000;
/** A claim that waited longer for a place goes back to where another worker finds it. */
const PREFETCH_MS_MAX = 5_000;

export class WorkerLoop implements AttemptHost {
  readonly name: string;
  readonly log: Logger;
  readonly classifyError: ClassifyError;
  readonly abortGraceSeconds: number;
  readonly resolveParams: ResolveParams | undefined;

  readonly #options: WorkerOptions;
  readonly #queues: readonly string[];
  readonly #concurrency: number;
  readonly #sessions: WorkerSessions;
  readonly #lease: WorkerLease;
  readonly #side: WorkerSide;
  readonly #runner: TaskRunner;
  readonly #recovery: WorkerRecovery;
  readonly #spool: OutcomeSpool;
  readonly #hints = new LaneHints();
  readonly #looks: LookSchedule;
  readonly #wake = new Wake();
  #definitions = new Map<number, AnyTask>();
  #kindIds: readonly number[] = [];
  #prefetch: number;
  #stopping = false;
  #draining = false;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 1;
    this.#prefetch = options.prefetch ?? 0;
    this.#looks = new LookSchedule(options.pollSeconds ?? 2);
    const leaseSeconds = Math.max(0.2, options.leaseSeconds ?? 30);
    this.#queues = options.queues ?? [
      ...new Set(options.tasks.map((task) => task.queue ?? "default")),
    ];
    this.name = options.name ?? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
    this.log = options.log ?? SILENT;
    this.classifyError = options.classifyError ?? defaultErrorClass;
    this.abortGraceSeconds = options.abortGraceSeconds ?? 10;
    this.resolveParams = options.resolveParams;
    const { connectionString } = options;
    this.#sessions = new WorkerSessions(
      connectionString,
      Math.max(QUERY_MS_MAX_MIN, leaseSeconds * 1000),
    );
    this.#lease = new WorkerLease(
      this.#sessions.first,
      {
        connectionString,
        name: this.name,
        version: options.version ?? "",
        queues: this.#queues,
        concurrency: this.#concurrency,
        leaseSeconds,
        beatSeconds: options.beatSeconds ?? leaseSeconds / 6,
        capacity: options.capacity ?? {},
        labels: options.labels ?? {},
        kindIds: () => this.#kindIds,
      },
      (message) => {
        this.#onHeartbeat(message);
      },
    );
    this.#side = new WorkerSide({
      connectionString,
      listenConnectionString: options.listenConnectionString,
      log: this.log,
      leaseSeconds,
      cancelGraceSeconds: this.abortGraceSeconds + leaseSeconds,
      identity: () => this.identity,
      onPayload: (payload) => {
        this.#onPayload(payload);
      },
      onReady: () => {
        this.#ringBell();
        this.#side.notifier.notify(ANY_QUEUE_PAYLOAD);
      },
      onStale: (key) => {
        this.#recovery.lose(key);
      },
      onError: (error) => {
        this.#onError(error);
      },
    });
    this.#runner = new TaskRunner({
      concurrency: this.#concurrency,
      createAttempt: (claim) => new Attempt(this, this.#definitions.get(claim.kindId)!, claim),
      onEnded: () => {
        this.#wake.ring();
      },
    });
    this.#spool = new OutcomeSpool(
      {
        name: this.name,
        log: this.log,
        side: this.#side.db,
        identity: () => this.identity,
        pendingOutcomes: () => this.#runner.pending(),
      },
      options.spoolFolder,
      leaseSeconds,
    );
    this.#recovery = new WorkerRecovery({
      name: this.name,
      log: this.log,
      sessions: this.#sessions,
      runner: this.#runner,
      lease: this.#lease,
      hints: this.#hints,
      isStopping: () => this.#stopping,
    });
  }

  async start(): Promise<void> {
    await this.#spool.prepare();
    const runnable = this.#options.tasks.filter((task) => task.handler !== undefined);
    const kindIds = await registerKinds(this.#side.db, runnable);
    this.#definitions = new Map(runnable.map((task) => [kindIds.get(task)!, task]));
    this.#kindIds = [...this.#definitions.keys()];
    await this.client.registerTasks();
    await this.#lease.register();
    await this.#spool.start();
    await this.#side.start();
  }

  /** The loop. Resolves after stop(). */
  async run(): Promise<void> {
    try {
      while (!this.#isFinished()) {
        await this.#awaitReason();
        if (this.#recovery.isNeeded) await this.#recover();
        else this.#startTurn();
      }
      await this.#leave();
    } finally {
      for (const attempt of this.#runner.running()) {
        attempt.abort(new ShuttingDown("the worker ended"));
      }
      await this.close();
    }
  }

  stop(graceSeconds: number): void {
    this.#stopping = true;
    this.#runner.release();
    this.#wake.ring();
    this.#graceTimer ??= setTimeout(() => {
      for (const attempt of this.#runner.running()) {
        attempt.abort(new ShuttingDown("the worker is shutting down"));
      }
    }, graceSeconds * 1000);
  }

  async close(): Promise<void> {
    clearTimeout(this.#graceTimer);
    await this.#side.stop();
    await this.#lease.stop();
    await this.#sessions.settled();
    await this.#spool.stop();
    this.#sessions.disconnect();
    await this.#side.close();
  }

  get identity(): WorkerIdentity {
    return this.#lease.identity;
  }

  get client(): AbsurdClient {
    return this.#side.client;
  }

  get store(): DurableStore {
    return this.#side.store;
  }

  get logLines(): LogBuffer {
    return this.#side.logLines;
  }

  isLeaseFresh(): boolean {
    return this.#lease.isFresh();
  }

  reportProgress(attempt: Attempt, fraction: number, note: string): void {
    const { taskNumber, claimNo } = attempt.claim;
    this.#side.progress.report({ taskNumber, claimNo, fraction, note });
  }

  #onError(error: unknown): void {
    if (error instanceof WorkerDeclaredDead) {
      this.#recovery.report(error);
      this.#wake.ring();
    }
    this.log.warn({ worker: this.name, error: String(error) }, "database call failed");
  }

  #isFinished(): boolean {
    const { heldCount, endedCount } = this.#runner;
    return this.#stopping && heldCount + endedCount + this.#sessions.turnCount === 0;
  }

  /** How many tasks there is room for, beside those that turns under way may bring. */
  get #roomCount(): number {
    if (this.#stopping || this.#draining) return 0;
    const { heldCount } = this.#runner;
    return this.#concurrency + this.#prefetch - heldCount - this.#sessions.claimingCount;
  }

  /** Returns when a turn should begin, when there is trouble, or when all is finished. */
  async #awaitReason(): Promise<void> {
    while (!this.#recovery.isNeeded && !this.#isFinished()) {
      this.#returnOldPrefetch();
      if (this.#hasReason()) {
        // Let attempts that end in this turn of the event loop go into the same report.
        if (this.#runner.endedCount > 0) await new Promise((resolve) => setImmediate(resolve));
        return;
      }
      const isWaitingForWork = this.#sessions.turnCount === 0 && this.#roomCount > 0;
      const untilMs = Math.min(
        isWaitingForWork ? this.#looks.dueAtMs : Infinity,
        this.#runner.prefetchedSinceMs + PREFETCH_MS_MAX,
      );
      const waitMs = untilMs - performance.now();
      await this.#wake.wait(waitMs === Infinity ? undefined : Math.max(1, waitMs));
    }
  }

  /** Claims ahead went stale: the tasks are long, so none are taken ahead until a place is free. */
  #returnOldPrefetch(): void {
    const sinceMs = performance.now() - PREFETCH_MS_MAX;
    if (this.#runner.prefetchedSinceMs <= sinceMs) {
      this.#runner.release(sinceMs);
      this.#prefetch = 0;
    } else if (this.#prefetch === 0 && this.#runner.heldCount < this.#concurrency) {
      this.#prefetch = this.#options.prefetch ?? 0;
    }
  }

  #hasReason(): boolean {
    if (!this.#sessions.hasIdle) return false;
    const min = this.#sessions.turnCount === 0 ? 1 : SECOND_TURN_MIN;
    if (this.#runner.endedCount >= min) return true;
    return this.#roomCount >= min && performance.now() >= this.#looks.dueAtMs;
  }

  /** Under load half of the room at a time, so that two turns can be under way. */
  #claimLimit(): number {
    const capacity = this.#concurrency + this.#prefetch;
    const share = capacity >= 2 * SECOND_TURN_MIN ? Math.ceil(capacity / 2) : capacity;
    return Math.max(0, Math.min(this.#roomCount, share, CLAIM_MAX));
  }

  /** One cycle: report, claim, begin. */
  #startTurn(): void {
    const ended = this.#runner.takeEnded();
    const limit = this.#claimLimit();
    if (ended.length === 0 && limit === 0) return;
    this.#sessions.start(limit, (session) => this.#turn(session, ended, limit));
  }

  async #turn(session: WorkerSession, ended: EndedAttempt[], limit: number): Promise<void> {
    const startMs = performance.now();
    const { bells } = this.#looks;
    const hints = this.#hints.take(limit, startMs);
    try {
      const reply = await session.cycle(this.identity, {
        ended,
        queues: this.#queues,
        kindIds: this.#kindIds,
        hints,
        limit,
      });
      const nowMs = performance.now();
      if (hints.isUnhinted) this.#hints.finishUnhinted(nowMs, nowMs - startMs);
      if (limit > 0) this.#looks.plan(reply.claims.length, limit, bells);
      this.#afterCycle(ended, reply);
    } catch (error) {
      this.#runner.putBack(ended);
      this.#recovery.report(error);
    }
    this.#wake.ring();
  }

  #afterCycle(ended: readonly EndedAttempt[], reply: CycleReply): void {
    this.#runner.reported(ended);
    this.#spool.settle(ended);
    if (reply.stale.size > 0) this.#logStale(ended, reply.stale);
    if (reply.releasedCount > 0) this.#ringBell();
    if (reply.releasedCount > this.#concurrency) this.#side.notifier.notify(ANY_QUEUE_PAYLOAD);
    for (const claim of reply.claims) this.#hints.record(claim.laneId, claim.seq);
    this.#runner.accept(reply.claims, performance.now());
    // What was on its way when the order to stop or drain came waits for no place, either.
    if (this.#stopping || this.#draining) this.#runner.release();
  }

  async #recover(): Promise<void> {
    await this.#recovery.settle();
    this.#ringBell();
  }

  #ringBell(): void {
    this.#looks.ring();
    this.#wake.ring();
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

  #onHeartbeat(message: HeartbeatMessage): void {
    if (message.kind === "dead") {
      this.#recovery.report(new WorkerDeclaredDead("its heartbeat was refused"));
      this.#wake.ring();
    } else if (message.kind === "drain") {
      this.#draining = message.isAsked;
      if (message.isAsked) this.#runner.release();
      this.#ringBell();
    } else if (message.kind === "paused") {
      const { db } = this.#side;
      void returnPaused(this.#runner, this.#sessions, db, this.#wake).catch((error: unknown) => {
        this.#onError(error);
      });
    } else if (message.kind === "stop") {
      this.stop(message.graceSeconds);
    } else if (message.kind === "failed") {
      this.log.warn({ worker: this.name, error: message.message }, "a heartbeat failed");
    } else {
      const attempt = this.#runner.find(`${message.taskNumber}/${message.claimNo}`);
      const Reason = message.kind === "cancel" ? TaskCancelled : DeadlineExceeded;
      if (attempt && !attempt.isAborted) attempt.abort(new Reason(message.reason));
    }
  }

  #onPayload(payload: string): void {
    if (payload === SIGNAL_PAYLOAD) this.#lease.beatNow();
    else if (payload === ANY_QUEUE_PAYLOAD || this.#queues.includes(payload)) this.#ringBell();
  }

  async #leave(): Promise<void> {
    try {
      await this.#sessions.first.leave(this.identity);
    } catch (error) {
      // The lease runs out by itself; a stop must not wait for a database that is away.
      this.#onError(error);
    }
  }
}
