/** Works that drain a filled queue: no-op tasks, workflows of steps, fan-ins, and what it costs. */
import { PARENT_COUNT, type Mode, type Shape } from "../engine.ts";
import { costPerTask } from "../lab.ts";
import { type Measurement, type Trial, type Work, atLeast, atLeastTimes, atMost } from "../work.ts";

const SHARES = { "pg-boss": 0.5, dbos: 0.05, "absurd-sdk": 0.03, openworkflow: 0.01 };
const GROUP = PARENT_COUNT + 1;

export const drain1: Work = {
  key: "drain1",
  about: "drain of no-op tasks by one worker process; ours with history and fence",
  peers: ["graphile-worker", "pg-boss", "dbos", "absurd-sdk", "openworkflow"],
  sizes: { full: 200_000, quick: 40_000, tiny: 500 },
  shares: SHARES,
  metrics: [{ unit: "tasks/s", better: "higher", target: atLeastTimes(1.25) }],
  measure: (trial) => measureDrain(trial, "noop", "throughput", 1),
};

export const drain2: Work = {
  ...drain1,
  key: "drain2",
  about: "the same by two worker processes",
  measure: (trial) => measureDrain(trial, "noop", "throughput", 2),
};

export const steps5: Work = {
  key: "steps5",
  about: "workflows of five no-op steps, each durable before the next starts, one worker process",
  peers: ["absurd-sdk", "dbos", "openworkflow"],
  sizes: { full: 30_000, quick: 5_000, tiny: 100 },
  shares: { dbos: 0.07, "absurd-sdk": 0.07, openworkflow: 0.05 },
  metrics: [{ unit: "workflows/s", better: "higher", target: atLeastTimes(15) }],
  measure: (trial) => measureDrain(trial, "steps", "steps", 1),
};

export const dag16: Work = {
  key: "dag16",
  about: "drain of groups of 16 tasks and one that depends on all of them, one worker process",
  peers: [],
  sizes: { full: GROUP * 12_000, quick: GROUP * 2_000, tiny: GROUP * 20 },
  metrics: [{ unit: "tasks/s", better: "higher", target: atLeast(25_000) }],
  measure: (trial) =>
    // Whole groups only.
    measureDrain(
      { ...trial, size: GROUP * Math.ceil(trial.size / GROUP) },
      "fan-in",
      "throughput",
      1,
    ),
};

/** From spawn, in bulk, to outcome. */
export const wal: Work = {
  key: "wal",
  about: "bytes of write-ahead log a task, spawned in bulk and drained",
  peers: ["graphile-worker", "pg-boss"],
  sizes: { full: 100_000, quick: 20_000, tiny: 500 },
  metrics: [{ unit: "B/task", better: "lower", target: atMost(1_000) }],
  async measure({ lab, engine, size }) {
    return lab.inDatabase(engine, undefined, async (url) => {
      const spawned = await lab.cost(() =>
        lab.withProcesses(engine, url, 1, async ([child]) => {
          await child!.call("openProducer");
          await child!.call("spawnBatches", size, 1_000);
        }),
      );
      const drained = await lab.drain(engine, url, {
        workerCount: 1,
        mode: "throughput",
        count: size,
      });
      const [spawn, drain] = [spawned.walBytes / size, drained.walBytes / size];
      return { values: [spawn + drain], details: { spawnBytes: spawn, drainBytes: drain } };
    });
  },
};

async function measureDrain(
  { lab, engine, size }: Trial,
  shape: Shape,
  mode: Mode,
  workerCount: number,
): Promise<Measurement> {
  return lab.inDatabase(engine, { shape, count: size }, async (url) => {
    const drain = await lab.drain(engine, url, { workerCount, mode, count: size });
    return { values: [drain.count / drain.seconds], details: costPerTask(drain) };
  });
}
