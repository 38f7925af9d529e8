/** Works about a worker that has little to do, or runs for long: latency, idling, memory. */
import type { BenchServer } from "../bench-server.ts";
import { untilCount } from "../lab.ts";
import { type Work, atMostTimes, below, median, quantile } from "../work.ts";

const LATENCY_PER_SECOND = 50;
const WARM_UP = 50;
const SETTLE_MS = 1_500;
const MEMORY_SAMPLE_MS = 50;

export const latency: Work = {
  key: "latency",
  about: `from spawn to the handler's start, an idle worker process, ${LATENCY_PER_SECOND} tasks/s`,
  peers: ["graphile-worker", "pg-boss", "absurd-sdk", "dbos"],
  sizes: { full: 1_000, quick: 200, tiny: 20 },
  metrics: [
    { key: "p50", unit: "ms", better: "lower", target: atMostTimes(1) },
    { key: "p99", unit: "ms", better: "lower", target: atMostTimes(1) },
  ],
  async measure({ lab, engine, size }) {
    return lab.inDatabase(engine, undefined, (url) =>
      lab.withProcesses(engine, url, 2, async ([worker, producer]) => {
        await producer!.call("openProducer");
        await worker!.call("startWorker", "latency");
        await producer!.call("spawnPaced", WARM_UP, 2 * LATENCY_PER_SECOND, false);
        await untilCount([worker!], WARM_UP);
        await pause(SETTLE_MS);
        await producer!.call("spawnPaced", size, LATENCY_PER_SECOND, true);
        await untilCount([worker!], WARM_UP + size);
        const { latenciesMs } = await worker!.call("report");
        const values = [quantile(latenciesMs, 0.5), quantile(latenciesMs, 0.99)];
        return { values, details: { count: latenciesMs.length } };
      }),
    );
  },
};

export const idle: Work = {
  key: "idle",
  about: "statements a second that an idle worker process sends, over all its sessions",
  peers: ["graphile-worker", "pg-boss"],
  sizes: { full: 30, quick: 6, tiny: 1 },
  countsSeconds: true,
  roundsMax: 1,
  metrics: [{ unit: "statements/s", better: "lower", target: below(2) }],
  async measure({ lab, engine, size }) {
    const { server } = lab;
    return lab.inDatabase(engine, undefined, async (url, name) => {
      await server.countStatements(name);
      return lab.withProcesses(engine, url, 2, async ([worker, producer]) => {
        await producer!.call("openProducer");
        await worker!.call("startWorker", "latency");
        await producer!.call("spawnPaced", 5, LATENCY_PER_SECOND, false);
        await untilCount([worker!], 5);
        await producer!.close();
        // Past the back-off of its polls.
        await pause(2 * SETTLE_MS);
        const before = await countCalls(server, name);
        await pause(1000 * size);
        const after = await countCalls(server, name);
        const perSecond = (kind: keyof Calls): number => (after[kind] - before[kind]) / size;
        return {
          values: [perSecond("statements")],
          details: { seconds: size, commitsPerSecond: perSecond("commits") },
        };
      });
    });
  },
};

/** Four fifths of the backlog are drained. */
export const memory: Work = {
  key: "memory",
  about: "growth of a worker's resident memory while it drains four fifths of a large backlog",
  peers: [],
  sizes: { full: 1_000_000, quick: 100_000, tiny: 2_000 },
  metrics: [{ unit: "%", better: "lower", target: below(10) }],
  roundsMax: 1,
  async measure({ lab, engine, size }) {
    const count = Math.floor(0.8 * size);
    return lab.inDatabase(engine, { shape: "noop", count: size }, (url) =>
      lab.withProcesses(engine, url, 1, async ([worker]) => {
        const samples: MemorySample[] = [];
        const sample = (): void => {
          samples.push({ count: worker!.count, bytes: worker!.residentBytes });
        };
        sample();
        await worker!.call("startWorker", "throughput");
        const timer = setInterval(sample, MEMORY_SAMPLE_MS);
        try {
          await untilCount([worker!], count);
        } finally {
          clearInterval(timer);
        }
        sample();
        // V8 compiles code and grows the heap to its working size for some four seconds.
        const early = median(bytesBetween(samples, 0.4 * count, 0.6 * count));
        const late = median(bytesBetween(samples, 0.8 * count, Infinity));
        return {
          values: [100 * (late / early - 1)],
          details: { count, earlyMiB: early / 2 ** 20, lateMiB: late / 2 ** 20 },
        };
      }),
    );
  },
};

interface Calls {
  readonly statements: number;
  readonly commits: number;
}

async function countCalls(server: BenchServer, name: string): Promise<Calls> {
  const commits = await server.commitCount(name);
  return { commits, statements: (await server.statementCount(name)) ?? commits };
}

interface MemorySample {
  readonly count: number;
  readonly bytes: number;
}

/** The sample before `from`, where a short run has none between. */
function bytesBetween(samples: readonly MemorySample[], from: number, to: number): number[] {
  const between = samples.filter((each) => each.count >= from && each.count <= to);
  const last = samples.findLast((each) => each.count < from);
  return (between.length === 0 && last ? [last] : between).map((each) => each.bytes);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
