/**
 * The worker's loop: claims tasks in batches, hands them to the runner, reports how they ended.
 *
 * Two connections, one round trip and one commit a turn (absurd.cycle); under load one turn is in
 * the database while the other's tasks run. The lease hangs on the heartbeat thread, not on this
 * loop. What ended is kept until the database took it; what the database says is stale is dropped,
 * whatever the handler believed.
 */
import { DeadlineExceeded, ShuttingDown, TaskCancelled, WorkerDeclaredDead } from "./errors.ts";
import type { HeartbeatMessage } from "./heartbeat.ts";
import { registerKinds } from "./kinds.ts";
import { LookSchedule } from "./look-schedule.ts";
import { ANY_QUEUE_PAYLOAD, SIGNAL_PAYLOAD } from "./notifier.ts";
import type { AnyTask, Logger } from "./task.ts";
import { returnPaused } from "./paused-lanes.ts";
import { Wake } from "./wake.ts";
import { type WorkerOptions, type WorkerSettings, settingsOf } from "./worker-options.ts";
import { type WorkerParts, assembleWorker } from "./worker-parts.ts";
import type { CycleReply, EndedAttempt, WorkerSession } from "./worker-session.ts";

/** Below this a second turn beside the first would only make both smaller. */
const SECOND_TURN_MIN = 64;
const CLAIM_MAX = 5_000;
/** A claim that waited longer for a place goes back to where another worker finds it. */
const PREFETCH_MS_MAX = 5_000;

export class WorkerLoop {
  readonly #settings: WorkerSettings;
  readonly #parts: WorkerParts;
  readonly #looks: LookSchedule;
  readonly #wake = new Wake();
  #definitions = new Map<number, AnyTask>();
  #kindIds: readonly number[] = [];
  #prefetch: number;
  #stopping = false;
  #draining = false;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerOptions) {
    this.#settings = settingsOf(options);
    this.#prefetch = this.#settings.prefetch;
    this.#looks = new LookSchedule(this.#settings.pollSeconds);
    this.#parts = assembleWorker(this.#settings, {
      kindIds: () => this.#kindIds,
      isStopping: () => this.#stopping,
      definitionOf: (kindId) => this.#definitions.get(kindId)!,
      onEnded: ({ isAborted }) => {
        // What it used is free now, and no row of the database says so.
        if (isAborted) this.#looks.ring();
        this.#wake.ring();
      },
      onHeartbeat: (message) => {
        this.#onHeartbeat(message);
      },
      onPayload: (payload) => {
        this.#onPayload(payload);
      },
      onReady: () => {
        this.#ringBell();
        this.#parts.side.notifier.notify(ANY_QUEUE_PAYLOAD);
      },
      onError: (error) => {
        this.#onError(error);
      },
    });
  }

  async start(): Promise<void> {
    await this.#parts.spool.prepare();
    const runnable = this.#settings.tasks.filter((task) => task.handler !== undefined);
    const kindIds = await registerKinds(this.#parts.side.db, runnable);
    this.#definitions = new Map(runnable.map((task) => [kindIds.get(task)!, task]));
    this.#kindIds = [...this.#definitions.keys()];
    await this.#parts.side.client.registerTasks();
    await this.#parts.hints.renew();
    await this.#parts.lease.register();
    await this.#parts.spool.start();
    await this.#parts.side.start();
  }

  /** The loop. Resolves after stop(). */
  async run(): Promise<void> {
    try {
      while (!this.#isFinished()) {
        await this.#awaitReason();
        if (this.#parts.recovery.isNeeded) await this.#recover();
        else this.#startTurn();
      }
      await this.#leave();
    } finally {
      for (const attempt of this.#parts.runner.running()) {
        attempt.abort(new ShuttingDown("the worker ended"));
      }
      await this.close();
    }
  }

  stop(graceSeconds: number): void {
    this.#stopping = true;
    this.#parts.runner.release();
    this.#wake.ring();
    this.#graceTimer ??= setTimeout(() => {
      for (const attempt of this.#parts.runner.running()) {
        attempt.abort(new ShuttingDown("the worker is shutting down"));
      }
    }, graceSeconds * 1000);
  }

  async close(): Promise<void> {
    clearTimeout(this.#graceTimer);
    await this.#parts.side.stop();
    await this.#parts.lease.stop();
    await this.#parts.sessions.settled();
    await this.#parts.spool.stop();
    this.#parts.sessions.disconnect();
    await this.#parts.side.close();
  }

  get name(): string {
    return this.#settings.name;
  }

  get workerId(): number {
    return this.#parts.lease.identity.workerId;
  }

  get log(): Logger {
    return this.#settings.log;
  }

  #onError(error: unknown): void {
    if (error instanceof WorkerDeclaredDead) {
      this.#parts.recovery.report(error);
      this.#wake.ring();
    }
    this.log.warn({ worker: this.name, error: String(error) }, "database call failed");
  }

  #isFinished(): boolean {
    const { heldCount, endedCount } = this.#parts.runner;
    return this.#stopping && heldCount + endedCount + this.#parts.sessions.turnCount === 0;
  }

  /** How many tasks there is room for, beside those that turns under way may bring. */
  get #roomCount(): number {
    if (this.#stopping || this.#draining) return 0;
    const { heldCount } = this.#parts.runner;
    return (
      this.#settings.concurrency + this.#prefetch - heldCount - this.#parts.sessions.claimingCount
    );
  }

  /** Returns when a turn should begin, when there is trouble, or when all is finished. */
  async #awaitReason(): Promise<void> {
    while (!this.#parts.recovery.isNeeded && !this.#isFinished()) {
      this.#returnOldPrefetch();
      if (this.#hasReason()) {
        // Let attempts that end in this turn of the event loop go into the same report.
        if (this.#parts.runner.endedCount > 0)
          await new Promise((resolve) => setImmediate(resolve));
        return;
      }
      const isWaitingForWork = this.#parts.sessions.turnCount === 0 && this.#roomCount > 0;
      const untilMs = Math.min(
        isWaitingForWork ? this.#looks.dueAtMs : Infinity,
        this.#parts.runner.prefetchedSinceMs + PREFETCH_MS_MAX,
      );
      const waitMs = untilMs - performance.now();
      await this.#wake.wait(waitMs === Infinity ? undefined : Math.max(1, waitMs));
    }
  }

  /** Claims ahead went stale: the tasks are long, so none are taken ahead until a place is free. */
  #returnOldPrefetch(): void {
    const sinceMs = performance.now() - PREFETCH_MS_MAX;
    if (this.#parts.runner.prefetchedSinceMs <= sinceMs) {
      this.#parts.runner.release(sinceMs);
      this.#prefetch = 0;
    } else if (this.#prefetch === 0 && this.#parts.runner.heldCount < this.#settings.concurrency) {
      this.#prefetch = this.#settings.prefetch;
    }
  }

  #hasReason(): boolean {
    if (!this.#parts.sessions.hasIdle) return false;
    const min = this.#parts.sessions.turnCount === 0 ? 1 : SECOND_TURN_MIN;
    if (this.#parts.runner.endedCount >= min) return true;
    return this.#roomCount >= min && performance.now() >= this.#looks.dueAtMs;
  }

  /** Under load half of the room at a time, so that two turns can be under way. */
  #claimLimit(): number {
    const capacity = this.#settings.concurrency + this.#prefetch;
    const share = capacity >= 2 * SECOND_TURN_MIN ? Math.ceil(capacity / 2) : capacity;
    return Math.max(0, Math.min(this.#roomCount, share, CLAIM_MAX));
  }

  /** One cycle: report, claim, begin. */
  #startTurn(): void {
    const ended = this.#parts.runner.takeEnded();
    const limit = this.#claimLimit();
    if (ended.length === 0 && limit === 0) return;
    this.#parts.sessions.start(limit, (session) => this.#turn(session, ended, limit));
  }

  async #turn(session: WorkerSession, ended: EndedAttempt[], limit: number): Promise<void> {
    const { bells } = this.#looks;
    const hints = this.#parts.hints.take(limit);
    try {
      if (limit > 0) {
        await this.#parts.lease.occupy(session, this.#parts.runner.stoppingLanes());
      }
      const reply = await session.cycle(this.#parts.lease.identity, {
        ended,
        queues: this.#settings.queues,
        kindIds: this.#kindIds,
        hints,
        limit,
      });
      if (limit > 0) this.#looks.plan(reply.claims.length, limit, bells);
      this.#afterCycle(ended, reply);
    } catch (error) {
      this.#parts.runner.putBack(ended);
      this.#parts.recovery.report(error);
    }
    this.#wake.ring();
  }

  #afterCycle(ended: readonly EndedAttempt[], reply: CycleReply): void {
    this.#parts.runner.reported(ended);
    this.#parts.spool.settle(ended);
    if (reply.stale.size > 0) this.#logStale(ended, reply.stale);
    if (reply.releasedCount > 0) this.#ringBell();
    if (reply.releasedCount > this.#settings.concurrency)
      this.#parts.side.notifier.notify(ANY_QUEUE_PAYLOAD);
    for (const claim of reply.claims) this.#parts.hints.record(claim.laneId, claim.seq);
    this.#parts.runner.accept(reply.claims, performance.now());
    // What was on its way when the order to stop or drain came waits for no place, either.
    if (this.#stopping || this.#draining) this.#parts.runner.release();
  }

  async #recover(): Promise<void> {
    await this.#parts.recovery.settle();
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
      this.#parts.recovery.report(new WorkerDeclaredDead("its heartbeat was refused"));
      this.#wake.ring();
    } else if (message.kind === "drain") {
      this.#draining = message.isAsked;
      if (message.isAsked) this.#parts.runner.release();
      this.#ringBell();
    } else if (message.kind === "paused") {
      const { db } = this.#parts.side;
      void returnPaused(this.#parts.runner, this.#parts.sessions, db, this.#wake).catch(
        (error: unknown) => {
          this.#onError(error);
        },
      );
    } else if (message.kind === "stop") {
      this.stop(message.graceSeconds);
    } else if (message.kind === "failed") {
      this.log.warn({ worker: this.name, error: message.message }, "a heartbeat failed");
    } else {
      const attempt = this.#parts.runner.find(`${message.taskNumber}/${message.claimNo}`);
      const Reason = message.kind === "cancel" ? TaskCancelled : DeadlineExceeded;
      if (attempt && !attempt.isAborted) attempt.abort(new Reason(message.reason));
    }
  }

  #onPayload(payload: string): void {
    if (payload === SIGNAL_PAYLOAD) this.#parts.lease.beatNow();
    else if (payload === ANY_QUEUE_PAYLOAD || this.#settings.queues.includes(payload))
      this.#ringBell();
  }

  async #leave(): Promise<void> {
    try {
      await this.#parts.sessions.first.leave(this.#parts.lease.identity);
    } catch (error) {
      // The lease runs out by itself; a stop must not wait for a database that is away.
      this.#onError(error);
    }
  }
}
