/** The parts of a worker, put together: each has its own file, and worker-loop.ts runs them. */
import { Attempt, type AttemptHost } from "./attempt.ts";
import type { HeartbeatMessage } from "./heartbeat.ts";
import { LaneHints, readLaneStarts } from "./lane-hints.ts";
import type { AnyTask } from "./task.ts";
import { OutcomeSpool } from "./spool/outcome-spool.ts";
import { TaskRunner } from "./task-runner.ts";
import { WorkerLease } from "./worker-lease.ts";
import type { WorkerSettings } from "./worker-options.ts";
import { WorkerRecovery } from "./worker-recovery.ts";
import { WorkerSessions } from "./worker-sessions.ts";
import { WorkerSide, type WorkerSideOptions } from "./worker-side.ts";

/** A cycle gets the time of a lease, or this: the answer to a longer one helps nobody. */
const QUERY_MS_MAX_MIN = 30_000;

/** What the parts ask of the loop, and tell it. */
export interface WorkerPartsHost {
  kindIds(): readonly number[];
  isStopping(): boolean;
  definitionOf(kindId: number): AnyTask;
  onEnded(attempt: Attempt): void;
  onHeartbeat(message: HeartbeatMessage): void;
  onPayload(payload: string): void;
  onReady(): void;
  onError(error: unknown): void;
}

export interface WorkerParts {
  readonly sessions: WorkerSessions;
  readonly lease: WorkerLease;
  readonly side: WorkerSide;
  readonly runner: TaskRunner;
  readonly hints: LaneHints;
  readonly recovery: WorkerRecovery;
  readonly spool: OutcomeSpool;
}

export function assembleWorker(settings: WorkerSettings, host: WorkerPartsHost): WorkerParts {
  const { connectionString, leaseSeconds, log, name } = settings;
  const sessions = new WorkerSessions(
    connectionString,
    Math.max(QUERY_MS_MAX_MIN, leaseSeconds * 1000),
  );
  const lease = new WorkerLease(
    sessions.first,
    { ...settings, kindIds: () => host.kindIds() },
    (message) => {
      host.onHeartbeat(message);
    },
  );
  const side = assembleSide(settings, host, {
    identity: () => lease.identity,
    onStale: (key) => {
      recovery.lose(key);
    },
  });
  const hints = new LaneHints(
    () => readLaneStarts(side.db, settings.queues, host.kindIds()),
    (error) => {
      host.onError(error);
    },
  );
  const attemptHost = hostOfAttempts(settings, lease, side);
  const runner = new TaskRunner({
    concurrency: settings.concurrency,
    createAttempt: (claim) => new Attempt(attemptHost, host.definitionOf(claim.kindId), claim),
    onEnded: (attempt) => {
      host.onEnded(attempt);
    },
  });
  const recovery = new WorkerRecovery({
    ...{ name, log, sessions, runner, lease, hints },
    isStopping: () => host.isStopping(),
  });
  const spool = new OutcomeSpool(
    {
      ...{ name, log, side: side.db },
      identity: () => lease.identity,
      pendingOutcomes: () => runner.pending(),
    },
    settings.spoolFolder,
    leaseSeconds,
  );
  return { sessions, lease, side, runner, hints, recovery, spool };
}

function assembleSide(
  settings: WorkerSettings,
  host: WorkerPartsHost,
  parts: Pick<WorkerSideOptions, "identity" | "onStale">,
): WorkerSide {
  return new WorkerSide({
    ...settings,
    ...parts,
    cancelGraceSeconds: settings.abortGraceSeconds + settings.leaseSeconds,
    onPayload: (payload) => {
      host.onPayload(payload);
    },
    onReady: () => {
      host.onReady();
    },
    onError: (error) => {
      host.onError(error);
    },
  });
}

function hostOfAttempts(
  settings: WorkerSettings,
  lease: WorkerLease,
  side: WorkerSide,
): AttemptHost {
  const { log, classifyError, abortGraceSeconds, resolveParams } = settings;
  const { client, store, logLines } = side;
  return {
    ...{ log, classifyError, abortGraceSeconds, resolveParams, client, store, logLines },
    get identity() {
      return lease.identity;
    },
    isLeaseFresh: () => lease.isFresh(),
    reportProgress({ claim: { taskNumber, claimNo } }, fraction, note) {
      side.progress.report({ taskNumber, claimNo, fraction, note });
    },
  };
}
