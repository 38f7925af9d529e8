/**
 * Works that claim from tables that have grown: claims of 100 tasks by one worker, each timed, and
 * the rate beside that of the same worker on small tables, measured in the same round.
 */
import pg from "pg";

import type { ClaimTime } from "../child-api.ts";
import type { EngineProcess } from "../engine-process.ts";
import { OURS, monotonicMs } from "../engine.ts";
import { type Drain, type Fill, type Lab, costPerTask, untilCount } from "../lab.ts";
import {
  type Measurement,
  type Metric,
  type Trial,
  type Work,
  atLeast,
  below,
  median,
  quantile,
} from "../work.ts";

/** Claimed and completed in one measurement: about 1,500 claims, so that few are the first. */
const CLAIMED = 150_000;
const BATCH = 1_000;
const FLUSHES = 500;
const BURSTS_BEFORE = 5;
const BURSTS_AFTER_MIN = 3;

const METRICS: readonly Metric[] = [
  { key: "p99", unit: "ms", better: "lower", target: below(5) },
  { key: "rate", unit: "of empty", better: "higher", target: atLeast(0.8) },
];

/** Sizes are pending tasks. */
export const claimLanes: Work = {
  key: "claim-lanes",
  about: "claims with many pending tasks over 100 lanes",
  peers: [],
  sizes: { full: 1_000_000, quick: 60_000, tiny: 1_000 },
  metrics: METRICS,
  measure: (trial) => measureGrown(trial, { shape: "lanes", count: trial.size }),
};

/** Sizes are outcomes of tasks that ended before. */
export const claimHistory: Work = {
  key: "claim-history",
  about: "claims with a long history",
  peers: [],
  sizes: { full: 10_000_000, quick: 500_000, tiny: 2_000 },
  metrics: METRICS,
  measure: (trial) =>
    measureGrown(trial, {
      shape: "noop",
      count: 2 * claimedOf(trial),
      // Born in the first milliseconds of today: no living task has their numbers.
      statements: [
        `insert into absurd.outcome (task_id, claim_no, kind, finished_at)
         select absurd.first_task_number(date_trunc('day', now(), 'UTC')) + g, 1, 'c', now()
           from generate_series(1, ${trial.size}) g`,
        // As a leader does each second: the drain shall not pay for the past.
        "select absurd.roll_up()",
      ],
    }),
};

/** Sizes are tasks a burst. */
export const claimPinned: Work = {
  key: "claim-pinned",
  about: "claims while an old snapshot is held open and the queue churns (--pin-seconds)",
  peers: [],
  sizes: { full: 20_000, quick: 5_000, tiny: 200 },
  metrics: METRICS,
  roundsMax: 1,
  measure: measurePinned,
};

async function measureGrown(trial: Trial, fill: Fill): Promise<Measurement> {
  const count = claimedOf(trial);
  const empty = await drainSome(trial, { shape: "noop", count: 2 * count }, count);
  const grown = await drainSome(trial, fill, count);
  const flushesMs = await timeFlushes(trial.lab, grown.walBytes / grown.claimsMs.length);
  return {
    values: [quantile(grown.claimsMs, 0.99), empty.seconds / grown.seconds],
    details: {
      p50: quantile(grown.claimsMs, 0.5),
      emptyP50: quantile(empty.claimsMs, 0.5),
      emptyP99: quantile(empty.claimsMs, 0.99),
      rate: count / grown.seconds,
      emptyRate: count / empty.seconds,
      claims: grown.claimsMs.length,
      flushP50: quantile(flushesMs, 0.5),
      flushP99: quantile(flushesMs, 0.99),
      ...costPerTask(grown),
      emptyServerUs: costPerTask(empty).serverUs,
    },
  };
}

/** What the disk alone takes: commits that write as much WAL as a claim does, and nothing else. */
async function timeFlushes(lab: Lab, walBytes: number): Promise<number[]> {
  return lab.inDatabase(OURS, undefined, async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const payload = "x".repeat(Math.ceil(walBytes));
      const times: number[] = [];
      for (let i = 0; i < FLUSHES; i++) {
        const startMs = monotonicMs();
        await client.query("select pg_logical_emit_message(true, 'flush', $1)", [payload]);
        times.push(monotonicMs() - startMs);
      }
      return times;
    } finally {
      await client.end();
    }
  });
}

function claimedOf({ size }: Trial): number {
  return Math.min(CLAIMED, Math.floor(size / 3));
}

function drainSome({ lab, engine }: Trial, fill: Fill, count: number): Promise<Drain> {
  const options = { workerCount: 1, mode: "claims", count, isPartial: true } as const;
  return lab.inDatabase(engine, fill, (url) => lab.drain(engine, url, options));
}

interface Burst {
  readonly fromMs: number;
  readonly toMs: number;
  readonly perSecond: number;
}

/** The same queue before the snapshot and at the end of its time, burst by burst. */
async function measurePinned(trial: Trial): Promise<Measurement> {
  const { lab, engine, size, pinSeconds } = trial;
  return lab.inDatabase(engine, undefined, (url) =>
    lab.withProcesses(engine, url, 2, async ([worker, producer]) => {
      await producer!.call("openProducer");
      await worker!.call("startWorker", "claims");
      const drainOne = (): Promise<Burst> => burst(worker!, producer!, size);
      // The first warms up both processes.
      await drainOne();
      const before: Burst[] = [];
      while (before.length < BURSTS_BEFORE) before.push(await drainOne());
      const pinned = await withPinnedSnapshot(url, async () => {
        const bursts: Burst[] = [];
        const endMs = monotonicMs() + 1000 * pinSeconds;
        while (monotonicMs() < endMs || bursts.length < BURSTS_AFTER_MIN) {
          bursts.push(await drainOne());
        }
        return bursts;
      });
      const { claims } = await worker!.call("report");
      const late = pinned.slice(-Math.max(BURSTS_AFTER_MIN, Math.floor(pinned.length / 3)));
      return compare(claims, before, late, { pinSeconds, churned: size * pinned.length });
    }),
  );
}

/** Spawns tasks while the worker is held, then lets it drain them, alone on the machine. */
async function burst(worker: EngineProcess, producer: EngineProcess, size: number): Promise<Burst> {
  const { count: before } = await worker.call("report");
  await worker.call("hold");
  await producer.call("spawnBatches", size, BATCH);
  const { count: held } = await worker.call("report");
  const fromMs = monotonicMs();
  await worker.call("release");
  await untilCount([worker], before + size);
  const toMs = monotonicMs();
  return { fromMs, toMs, perSecond: (1000 * (before + size - held)) / (toMs - fromMs) };
}

async function withPinnedSnapshot<T>(url: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("begin isolation level repeatable read");
    await client.query("select from absurd.ready limit 1");
    return await work();
  } finally {
    await client.end();
  }
}

function compare(
  claims: readonly ClaimTime[],
  before: readonly Burst[],
  late: readonly Burst[],
  more: Readonly<Record<string, number>>,
): Measurement {
  const timesIn = (bursts: readonly Burst[]): number[] =>
    claims
      .filter(({ atMs }) => bursts.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs))
      .map(({ tookMs }) => tookMs);
  const rate = median(late.map((each) => each.perSecond));
  const emptyRate = median(before.map((each) => each.perSecond));
  const [lateMs, beforeMs] = [timesIn(late), timesIn(before)];
  return {
    values: [quantile(lateMs, 0.99), rate / emptyRate],
    details: {
      p50: quantile(lateMs, 0.5),
      emptyP50: quantile(beforeMs, 0.5),
      emptyP99: quantile(beforeMs, 0.99),
      rate,
      emptyRate,
      claims: lateMs.length,
      ...more,
    },
  };
}
