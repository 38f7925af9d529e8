/** What `absurd doctor` makes of the facts: each check is in order, or says what to do. Pure. */
import type { HorizonHolder, QueueView, ServerFacts, WorkerView } from "@contimg/absurd";

import { formatBytes, formatDuration } from "../terminal.ts";

export interface Check {
  readonly name: string;
  readonly verdict: "ok" | "warn" | "fail";
  /** What was found. */
  readonly message: string;
  /** What to do; empty when nothing is to be done. */
  readonly remedy: string;
}

const NODE_MAJOR_MIN = 24;
const POSTGRES = { min: 15, max: 18 };
const SKEW_SECONDS = { warn: 1, fail: 30 };
const OLDEST_SECONDS_WARN = 3_600;
const DISK = { warnBytes: 20e9, failBytes: 2e9, warnFraction: 0.1 };
/** Connections of one worker; see the operations page. */
const CONNECTIONS_OF_WORKER = 6;

function check(name: string, verdict: Check["verdict"], message: string, remedy: string): Check {
  return { name, verdict, message, remedy: verdict === "ok" ? "" : remedy };
}

export function checkNode(version: string): Check {
  const isNew = Number.parseInt(version, 10) >= NODE_MAJOR_MIN;
  return check("node", isNew ? "ok" : "fail", `Node ${version}`, `install Node ${NODE_MAJOR_MIN}`);
}

export function checkServer(server: ServerFacts): Check[] {
  const major = Math.floor(server.versionNumber / 10_000);
  const isOld = major < POSTGRES.min;
  const skew = Math.abs(server.clockSkewSeconds);
  // The two clocks are told apart no finer than the round trip is long.
  const isOff = (seconds: number): boolean => skew - server.roundTripSeconds / 2 > seconds;
  return [
    check(
      "postgresql",
      isOld ? "fail" : major > POSTGRES.max ? "warn" : "ok",
      `PostgreSQL ${server.version}`,
      isOld
        ? `upgrade the server to ${POSTGRES.min} or newer`
        : `tested up to ${POSTGRES.max}: run the test suite against it first`,
    ),
    check(
      "clock",
      isOff(SKEW_SECONDS.fail) ? "fail" : isOff(SKEW_SECONDS.warn) ? "warn" : "ok",
      `this machine and the database differ by ${server.clockSkewSeconds.toFixed(3)} s`,
      "let chrony or ntpd set both clocks: schedules fire by the database's, logs have this one's",
    ),
    ...checkSettings(server),
  ];
}

function checkSettings({ settings, connectionCount }: ServerFacts): Check[] {
  const set = (name: keyof typeof settings, value: string): string =>
    `alter system set ${name} = ${value}; then select pg_reload_conf()`;
  const free = Number(settings.max_connections) - connectionCount;
  return [
    check(
      "fsync",
      settings.fsync === "on" ? "ok" : "fail",
      `fsync is ${settings.fsync}`,
      `${set("fsync", "on")}: without it a power failure loses the database`,
    ),
    check(
      "full_page_writes",
      settings.full_page_writes === "on" ? "ok" : "fail",
      `full_page_writes is ${settings.full_page_writes}`,
      `${set("full_page_writes", "on")}: without it a power failure may tear pages`,
    ),
    check(
      "synchronous_commit",
      settings.synchronous_commit === "off" ? "warn" : "ok",
      `synchronous_commit is ${settings.synchronous_commit}`,
      `${set("synchronous_commit", "on")}: a spawn that returned may be lost in a power failure`,
    ),
    check(
      "autovacuum",
      settings.autovacuum === "on" ? "ok" : "fail",
      `autovacuum is ${settings.autovacuum}`,
      `${set("autovacuum", "on")}: without it claims get slower every hour`,
    ),
    check(
      "wal_compression",
      settings.wal_compression === "off" ? "warn" : "ok",
      `wal_compression is ${settings.wal_compression}`,
      `${set("wal_compression", "on")}: it halves what checkpoints write`,
    ),
    check(
      "connections",
      free < CONNECTIONS_OF_WORKER ? "fail" : free < 3 * CONNECTIONS_OF_WORKER ? "warn" : "ok",
      `${connectionCount} of ${settings.max_connections} connections are used`,
      `raise max_connections (a worker holds up to ${CONNECTIONS_OF_WORKER}) and restart the server`,
    ),
  ];
}

export function checkSchema(pending: readonly string[]): Check {
  return check(
    "schema",
    pending.length === 0 ? "ok" : "fail",
    pending.length === 0 ? "no migration is pending" : `pending: ${pending.join(", ")}`,
    "run: absurd migrate",
  );
}

export function checkWorkers(workers: readonly WorkerView[]): Check {
  const late = workers.filter((each) => each.beatAgeSeconds > each.leaseSeconds);
  const alive = workers.length - late.length;
  const names = late.map((each) => each.name).join(", ");
  if (late.length > 0) {
    return check(
      "workers",
      alive === 0 ? "fail" : "warn",
      `${alive} alive; late: ${names}`,
      "look at these processes; their tasks go to others when a lease has run out",
    );
  }
  return check(
    "workers",
    alive === 0 ? "fail" : "ok",
    `${alive} alive`,
    "start one: absurd worker --tasks MODULE (or contimg worker)",
  );
}

/** Tasks that are ready and that no living worker of their queue can run. */
export function checkKinds(
  ready: readonly { readonly queue: string; readonly kind: string }[],
  workers: readonly WorkerView[],
): Check {
  const alive = workers.filter((each) => each.beatAgeSeconds <= each.leaseSeconds);
  const orphans = ready.filter(
    ({ queue, kind }) =>
      !alive.some((each) => each.queues.includes(queue) && each.kinds.includes(kind)),
  );
  const names = orphans.map(({ queue, kind }) => `${kind} in ${queue}`).join(", ");
  return check(
    "task names",
    orphans.length === 0 ? "ok" : "fail",
    orphans.length === 0 ? "every ready task has a worker that knows it" : `nobody runs ${names}`,
    "start a worker of these queues with these task names; absurd workers list shows what runs",
  );
}

export function checkQueues(queues: readonly QueueView[], now: Date): Check[] {
  const ages = queues.map(({ name, oldestAt }) => ({
    name,
    seconds: oldestAt ? (now.getTime() - oldestAt.getTime()) / 1000 : 0,
  }));
  const oldest = ages.toSorted((a, b) => b.seconds - a.seconds)[0];
  const stopped = queues.filter((each) => each.paused || each.draining).map((each) => each.name);
  return [
    check(
      "oldest pending",
      oldest && oldest.seconds > OLDEST_SECONDS_WARN ? "warn" : "ok",
      oldest && oldest.seconds > 0
        ? `${formatDuration(oldest.seconds)}, in ${oldest.name}`
        : "nothing is ready",
      "add workers, or see what holds it back: absurd explain TASK",
    ),
    check(
      "queues",
      stopped.length === 0 ? "ok" : "warn",
      stopped.length === 0 ? "none is paused" : `paused or draining: ${stopped.join(", ")}`,
      "when that is over: absurd queues resume QUEUE",
    ),
  ];
}

export function checkDeadLetters(count: number): Check {
  return check(
    "dead letters",
    count === 0 ? "ok" : "warn",
    count === 0 ? "none" : `${count} in groups that nobody took`,
    "absurd dlq groups; then replay or discard, or acknowledge: absurd dlq group FINGERPRINT",
  );
}

export function checkHorizon(holders: readonly HorizonHolder[]): Check {
  const [first] = holders;
  const text = holders.map(holderText).join("; ");
  return check(
    "old transactions",
    first ? "warn" : "ok",
    first ? text : "none keeps vacuum from its work",
    first?.kind === "replication slot"
      ? "drop a slot that nobody reads: select pg_drop_replication_slot(NAME)"
      : first?.kind === "prepared transaction"
        ? "end it: rollback prepared NAME"
        : "end the program, or: select pg_terminate_backend(PID)",
  );
}

function holderText({ kind, name, application, state, seconds }: HorizonHolder): string {
  const age = seconds === null ? "" : ` for ${formatDuration(seconds)}`;
  return `${kind} ${name} (${[application, state].filter(Boolean).join(", ")})${age}`;
}

export interface Folder {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export function checkDisk({ path, freeBytes, totalBytes }: Folder): Check {
  const isLittle = freeBytes < DISK.warnBytes || freeBytes < DISK.warnFraction * totalBytes;
  const isFull = freeBytes < DISK.failBytes;
  return check(
    "disk",
    isFull ? "fail" : isLittle ? "warn" : "ok",
    `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} are free at ${path}`,
    "make room before the night: contimg housekeeping, or move old products",
  );
}

export function checkSpool(path: string, states: readonly string[]): Check {
  const stuck = states.filter((each) => each === "corrupt" || each === "refused").length;
  const waiting = states.length - stuck;
  return check(
    "spool",
    states.length === 0 ? "ok" : "warn",
    states.length === 0 ? `nothing waits in ${path}` : `${path}: ${waiting} wait, ${stuck} refused`,
    waiting > 0
      ? `absurd spool replay --folder ${path}`
      : `look at them: absurd spool list --folder ${path}`,
  );
}

export function checkListen(isHeard: boolean, isDirect: boolean): Check {
  return check(
    "listen",
    isHeard ? "ok" : "warn",
    isHeard ? "notifications arrive" : "no notification arrived within 2 s",
    isDirect
      ? "a pooler in transaction mode is in between: add ?pgbouncer=true to " +
          "ABSURD_DATABASE_URL and set ABSURD_LISTEN_URL to the server itself"
      : "ABSURD_LISTEN_URL must lead to the server itself, not to a pooler",
  );
}
