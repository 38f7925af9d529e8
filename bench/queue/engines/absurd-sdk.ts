/** The TypeScript SDK of earendil-works/absurd. Its tables are in the Python package absurdctl. */
import { readFile } from "node:fs/promises";

import { type Engine, NotAvailable, PAYLOAD_SQL, type Payload, STEP_COUNT } from "../engine.ts";
import { importPeer } from "../peers/import-peer.ts";
import { ABSURD_SDK_SCHEMA } from "../peers/install-peers.ts";
import { execute, openPool, QUIET } from "./sql.ts";

interface StepContext {
  step(name: string, work: () => Promise<number>): Promise<number>;
}

interface Absurd {
  spawn(name: string, payload: Payload, options: { queue: string }): Promise<unknown>;
  registerTask(
    options: { name: string },
    work: (payload: Payload, context: StepContext) => Promise<unknown>,
  ): void;
  startWorker(options: object): Promise<{ close(): Promise<void> }>;
}

const QUEUE = "default";
const POLL_SECONDS = 0.01;

export const absurdSdk: Engine = {
  isBusySql: `select exists (
    select from absurd.t_${QUEUE} where state not in ('completed', 'failed', 'cancelled'))`,

  async install(url) {
    const schema = await readFile(ABSURD_SDK_SCHEMA, "utf8");
    await execute(url, schema, `select absurd.create_queue('${QUEUE}')`);
  },

  async load(url, shape, count) {
    if (shape !== "noop" && shape !== "steps") throw new NotAvailable(`absurd-sdk has no ${shape}`);
    await execute(
      url,
      `select count(*) from (
         select absurd.spawn_task('${QUEUE}', '${shape}', ${PAYLOAD_SQL}, '{}')
           from generate_series(1, ${count}) g
       ) spawned`,
    );
  },

  async openProducer(url) {
    const pool = openPool(url, 10);
    const client = await open(pool);
    return {
      one: (payload) => client.spawn("noop", payload, { queue: QUEUE }),
      close: () => pool.end(),
    };
  },

  async startWorker(url, mode, onTask) {
    const pool = openPool(url, 20);
    const client = await open(pool);
    client.registerTask({ name: "noop" }, async ({ sentMs }) => {
      await onTask(sentMs);
    });
    client.registerTask({ name: "steps" }, async (_, context) => {
      let sum = 0;
      for (let i = 0; i < STEP_COUNT; i++) sum += await context.step(`step-${i}`, async () => i);
      await onTask(0);
      return sum;
    });
    const concurrency = mode === "latency" ? 10 : 100;
    const worker = await client.startWorker({
      concurrency,
      batchSize: concurrency,
      pollInterval: POLL_SECONDS,
      claimTimeout: 120,
      fatalOnLeaseTimeout: false,
    });
    return async () => {
      await worker.close();
      await pool.end();
    };
  },
};

async function open(db: object): Promise<Absurd> {
  const { Absurd } = (await importPeer("absurd-sdk")) as {
    Absurd: new (options: object) => Absurd;
  };
  return new Absurd({ db, queueName: QUEUE, log: QUIET });
}
