/**
 * The thread that beats: a connection of its own, so that neither a blocked event loop nor a busy
 * pool costs the lease.
 *
 * The time of the last acknowledged beat stands in shared memory. It is taken before the beat is
 * sent, by the system's monotonic clock, which is the same in all threads: so the lease that the
 * database knows never ends before the one computed from it.
 */
import { parentPort, workerData } from "node:worker_threads";

import pg from "pg";

import { sqlState } from "./db.ts";
import type { HeartbeatData, HeartbeatMessage } from "./heartbeat.ts";
import { statementName } from "./transaction-pooling.ts";

const data = workerData as HeartbeatData; // Made by heartbeat.ts and by nothing else.
const acknowledged = new BigInt64Array(data.shared);
const beatMs = data.beatSeconds * 1000;
// A beat that hangs longer than this is on a dead connection.
const queryMsMax = Math.max(500, data.leaseSeconds * 500);

let client: pg.Client | undefined;
let isDraining = false;
const queue: { current: Promise<void>; waiting?: Promise<void> | undefined } = {
  current: Promise.resolve(),
};

function send(message: HeartbeatMessage): void {
  parentPort?.postMessage(message);
}

async function connection(): Promise<pg.Client> {
  if (client) return client;
  const fresh = new pg.Client({
    connectionString: data.connectionString,
    application_name: "absurd heartbeat",
    connectionTimeoutMillis: queryMsMax,
    query_timeout: queryMsMax,
    keepAlive: true,
  });
  fresh.on("error", () => {
    // The query that meets the broken connection reports it.
    if (client === fresh) client = undefined;
  });
  await fresh.connect();
  client = fresh;
  return fresh;
}

interface BeatRow {
  task_id: string;
  claim_no: number;
  kind: string;
  reason: string;
}

/** Requests come with every beat until they are met; that of a drain may be taken back. */
function pass(rows: readonly BeatRow[]): void {
  for (const { task_id: taskNumber, claim_no: claimNo, kind, reason } of rows) {
    if (kind === "cancel" || kind === "deadline") send({ kind, taskNumber, claimNo, reason });
    else if (kind === "stop") send({ kind, graceSeconds: Number(reason) });
    else if (kind === "paused") send({ kind });
  }
  const isAsked = rows.some((row) => row.kind === "drain");
  if (isAsked !== isDraining) send({ kind: "drain", isAsked });
  isDraining = isAsked;
}

async function beat(): Promise<void> {
  const sentNs = process.hrtime.bigint();
  try {
    const db = await connection();
    const { rows } = await db.query<BeatRow>({
      name: statementName(data.connectionString, "absurd-beat"),
      text: "select task_id, claim_no, kind, reason from absurd.beat($1, $2, $3)",
      values: [data.workerId, data.epoch.toString(), process.memoryUsage.rss()],
    });
    Atomics.store(acknowledged, 0, sentNs);
    pass(rows);
  } catch (error) {
    const broken = client;
    client = undefined;
    void broken?.end().catch(() => undefined);
    if (sqlState(error) === "WF002") send({ kind: "dead" });
    else send({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

/** One beat at a time; a request that comes during one is answered by one more. */
function beatNow(): Promise<void> {
  queue.waiting ??= queue.current.then(() => {
    queue.waiting = undefined;
    queue.current = beat();
    return queue.current;
  });
  return queue.waiting;
}

// Spread, so that workers started together do not beat together for ever.
function schedule(): void {
  setTimeout(
    () => {
      void beatNow().then(schedule);
    },
    beatMs * (0.8 + 0.2 * Math.random()),
  );
}

// The only message is "now".
parentPort?.on("message", () => void beatNow());
schedule();
