/** What the director does to workers, server and network, one thing after another. */
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import type { Chance } from "./random.ts";
import { CONNECTIONS_MAX, LEASE_SECONDS, type Stage, type Worker } from "./stage.ts";

/** Hands: one breaks processes, one what is between them and the data, at the same time. */
const PROCESS_FAULTS = { "kill -9": 1, "kill the leader": 1, freeze: 2 } as const;
const CONNECTION_FAULTS = {
  "end backends": 6,
  "server crash": 1,
  "cut network": 3,
  "silent network": 2,
  "slow network": 1,
  "no connections left": 1,
} as const;
/** At the same time as the network's: what is spooled then meets it. */
const DISK_FAULTS = { "full disk": 1 } as const;
/** What a network that keeps and repeats packets would do; our workers never would. */
const ECHO_FAULTS = { "late completion": 1 } as const;

export type Fault =
  | keyof typeof PROCESS_FAULTS
  | keyof typeof CONNECTION_FAULTS
  | keyof typeof DISK_FAULTS
  | keyof typeof ECHO_FAULTS;

const FAULTS: Readonly<Record<Fault, (stage: Stage, chance: Chance) => Promise<void>>> = {
  async "kill -9"(stage, chance) {
    await replace(stage, chance, chance.pick(stage.living));
  },

  async "kill the leader"(stage, chance) {
    const pid = await stage.leaderPid().catch(() => undefined);
    const leader = stage.living.find((worker) => worker.process.pid === pid);
    await replace(stage, chance, leader ?? chance.pick(stage.living));
  },

  async freeze(stage, chance) {
    const worker = chance.pick(stage.living);
    worker.process.kill("SIGSTOP");
    await sleep(LEASE_SECONDS * chance.between(1_300, 2_200));
    worker.process.kill("SIGCONT");
  },

  async "end backends"(stage, chance) {
    await stage.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name <> 'director'
          and ($1 or pid % 3 = $2)`,
      [chance.happens(0.3), chance.between(0, 2)],
    );
  },

  async "server crash"(stage) {
    await stage.server.crash();
  },

  async "cut network"(stage, chance) {
    stage.proxy.cut();
    await sleep(chance.between(0, 500));
    stage.proxy.restore();
  },

  async "silent network"(stage, chance) {
    stage.proxy.silence();
    await sleep(LEASE_SECONDS * chance.between(200, 2_000));
    // Half of the time what was held in silence arrives late, half of the time never.
    if (chance.happens(0.5)) stage.proxy.cut();
    stage.proxy.restore();
  },

  async "full disk"(stage, chance) {
    await sleep(chance.between(300, 1_500));
    await stage.spool.fill();
    await sleep(chance.between(500, 2_000));
    await stage.spool.free();
  },

  async "late completion"(stage, chance) {
    const earlier = await attempts(stage);
    await sleep(LEASE_SECONDS * chance.between(500, 1_500));
    const later = new Map((await attempts(stage)).map((row) => [row.task_id, row.claim_no]));
    await completeLate(
      stage,
      earlier.filter((row) => (later.get(row.task_id) ?? 0) > row.claim_no),
    );
  },

  async "slow network"(stage, chance) {
    stage.proxy.delay(chance.between(10, 150));
    await sleep(chance.between(200, 1_000));
    stage.proxy.restore();
  },

  async "no connections left"(stage, chance) {
    const holders: pg.Client[] = [];
    try {
      while (holders.length < CONNECTIONS_MAX) {
        const client = new pg.Client(stage.url);
        client.on("error", () => undefined);
        holders.push(client);
        await client.connect();
      }
    } catch {
      await sleep(chance.between(100, 500));
    } finally {
      await Promise.all(holders.map((client) => client.end().catch(() => undefined)));
    }
  },
};

/** The attempts of now. Nothing while the server is away. */
function attempts(stage: Stage): Promise<AttemptRow[]> {
  return stage.admin
    .query<AttemptRow>("select task_id, claim_no, worker_id, epoch from absurd.lease")
    .then(
      ({ rows }) => rows,
      () => [],
    );
}

interface AttemptRow {
  task_id: string;
  claim_no: number;
  worker_id: number;
  epoch: string;
}

/** Completes attempts of which there is a later one: each must be refused. */
async function completeLate(stage: Stage, stale: readonly AttemptRow[]): Promise<void> {
  for (const { task_id, claim_no, worker_id, epoch } of stale) {
    const { rows } = await stage.admin
      .query<{ accepted: string[] }>(
        "select absurd.complete_attempts($1, $2, array[$3::bigint], array[$4::integer], $5)" +
          " as accepted",
        [worker_id, epoch, task_id, claim_no, ['"late"']],
      )
      .catch(() => ({ rows: [] }));
    if ((rows[0]?.accepted.length ?? 0) > 0) {
      throw new Error(`task ${task_id}: a late completion of claim ${claim_no} was accepted`);
    }
  }
}

async function replace(stage: Stage, chance: Chance, victim: Worker): Promise<void> {
  victim.isVictim = true;
  victim.process.kill("SIGKILL");
  await sleep(chance.between(0, 400));
  stage.addWorker(chance.happens(0.5));
}

/** Breaks things until `untilMs` on performance.now(), and leaves all mended. */
export async function wreak(
  stage: Stage,
  chance: Chance,
  untilMs: number,
  onFault: (name: Fault) => void,
): Promise<void> {
  const hands = [
    PROCESS_FAULTS,
    CONNECTION_FAULTS,
    ECHO_FAULTS,
    ...(stage.spool.canBeFull ? [DISK_FAULTS] : []),
  ].map(async (weights) => {
    const own = chance.fork();
    while (performance.now() < untilMs) {
      await sleep(own.between(50, 350));
      const name = own.weighted<Fault>(weights);
      onFault(name);
      await FAULTS[name](stage, own.fork());
    }
  });
  await Promise.all(hands);
}
