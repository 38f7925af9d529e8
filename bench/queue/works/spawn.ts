/** Works that spawn: each with its durable acknowledgement, or in the engine's own bulk call. */
import type { Spent } from "../child-api.ts";
import type { EngineProcess } from "../engine-process.ts";
import { type Measurement, type Trial, type Work, atLeastTimes } from "../work.ts";

const BATCH = 1_000;
const WARM_UP = 500;

export const spawn32: Work = {
  key: "spawn32",
  about: "spawns by one process, 32 at once, each awaiting its durable acknowledgement",
  peers: ["openworkflow", "absurd-sdk", "dbos", "graphile-worker", "pg-boss"],
  sizes: { full: 100_000, quick: 10_000, tiny: 200 },
  shares: {
    openworkflow: 0.4,
    "absurd-sdk": 0.3,
    dbos: 0.2,
    "graphile-worker": 0.1,
    "pg-boss": 0.1,
  },
  metrics: [{ unit: "tasks/s", better: "higher", target: atLeastTimes(4) }],
  measure: (trial) => measureSpawn(trial, (child, size) => child.call("spawnEach", size, 32)),
};

export const spawn1: Work = {
  key: "spawn1",
  about: "spawns by one process, one at a time, each awaiting its durable acknowledgement",
  peers: ["openworkflow", "absurd-sdk", "dbos", "graphile-worker", "pg-boss"],
  sizes: { full: 20_000, quick: 3_000, tiny: 50 },
  shares: { dbos: 0.6, "graphile-worker": 0.3, "pg-boss": 0.3 },
  metrics: [{ unit: "tasks/s", better: "higher", target: atLeastTimes(1) }],
  measure: (trial) => measureSpawn(trial, (child, size) => child.call("spawnEach", size, 1)),
};

export const bulk: Work = {
  key: "bulk",
  about: `the bulk call of each engine, ${BATCH} tasks a call, one call at a time`,
  peers: ["graphile-worker", "pg-boss", "dbos"],
  sizes: { full: 200_000, quick: 40_000, tiny: 1_000 },
  shares: { "pg-boss": 0.6, dbos: 0.1 },
  metrics: [{ unit: "tasks/s", better: "higher", target: atLeastTimes(1.25) }],
  measure: (trial) => measureSpawn(trial, (child, size) => child.call("spawnBatches", size, BATCH)),
};

async function measureSpawn(
  { lab, engine, size }: Trial,
  spawn: (child: EngineProcess, count: number) => Promise<Spent>,
): Promise<Measurement> {
  return lab.inDatabase(engine, undefined, (url) =>
    lab.withProcesses(engine, url, 1, async ([child]) => {
      await child!.call("openProducer");
      await spawn(child!, Math.min(size, WARM_UP));
      const { value, serverUs, walBytes } = await lab.cost(() => spawn(child!, size));
      return {
        values: [(1000 * size) / value.elapsedMs],
        details: {
          count: size,
          nodeUs: value.cpuUs / size,
          serverUs: serverUs === undefined ? undefined : serverUs / size,
          walBytes: walBytes / size,
        },
      };
    }),
  );
}
