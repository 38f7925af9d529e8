/** DBOS Transact: a queue polled every 10 ms; its bulk is many enqueues in one transaction. */
import type pg from "pg";

import { type Engine, NotAvailable, type OnTask, type Payload, STEP_COUNT } from "../engine.ts";
import { payloadOf } from "../engine.ts";
import { importPeer } from "../peers/import-peer.ts";
import { openPool, QUIET } from "./sql.ts";

interface Dbos {
  setConfig(config: object): void;
  registerWorkflow(work: (payload: Payload) => Promise<unknown>, options: { name: string }): void;
  runStep(work: () => Promise<number>, options: { name: string }): Promise<number>;
  registerQueue(name: string, options: object): Promise<unknown>;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
}

interface DbosClient {
  enqueue(options: object, payload: Payload): Promise<unknown>;
  enqueueInTransaction(client: pg.PoolClient, options: object, payload: Payload): Promise<unknown>;
  destroy(): Promise<void>;
}

const QUEUE = "bench";
const VERSION = "1";
const POLL_MS = 10;
const POOL_SIZE = 10;

export const dbos: Engine = {
  isBusySql: `select exists (
    select from dbos.workflow_status where status in ('ENQUEUED', 'PENDING', 'DELAYED'))`,

  async install(url) {
    const { DBOS } = await packageOf();
    configure(DBOS, url, () => undefined);
    await DBOS.launch();
    await registerQueue(DBOS, 100);
    await DBOS.shutdown();
  },

  async load(url, shape, count) {
    if (shape !== "noop" && shape !== "steps") throw new NotAvailable(`DBOS has no ${shape}`);
    const producer = await openProducer(url, shape);
    await producer.many(Array.from({ length: count }, (_, i) => payloadOf(i)));
    await producer.close();
  },

  openProducer: (url) => openProducer(url, "noop"),

  async startWorker(url, mode, onTask) {
    const { DBOS } = await packageOf();
    configure(DBOS, url, onTask);
    await DBOS.launch();
    await registerQueue(DBOS, mode === "latency" ? 100 : 200);
    return () => DBOS.shutdown();
  },
};

function configure(DBOS: Dbos, url: string, onTask: OnTask): void {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: url,
    applicationVersion: VERSION,
    executorID: `worker-${process.pid}`,
    systemDatabasePoolSize: POOL_SIZE,
    logger: QUIET,
    runAdminServer: false,
  });
  DBOS.registerWorkflow(
    async ({ sentMs }) => {
      await onTask(sentMs);
    },
    { name: "noop" },
  );
  DBOS.registerWorkflow(
    async () => {
      let sum = 0;
      for (let i = 0; i < STEP_COUNT; i++) {
        sum += await DBOS.runStep(async () => i, { name: `step-${i}` });
      }
      await onTask(0);
      return sum;
    },
    { name: "steps" },
  );
}

async function registerQueue(DBOS: Dbos, workerConcurrency: number): Promise<void> {
  await DBOS.registerQueue(QUEUE, {
    workerConcurrency,
    minPollingIntervalMs: POLL_MS,
    onConflict: "always_update",
  });
}

async function openProducer(url: string, workflowName: "noop" | "steps") {
  const { DBOSClient } = await packageOf();
  const client = await DBOSClient.create({
    systemDatabaseUrl: url,
    systemDatabasePoolSize: POOL_SIZE,
    logger: QUIET,
    applicationName: "bench",
  });
  const pool = openPool(url, 1);
  const options = { queueName: QUEUE, workflowName, appVersion: VERSION };
  return {
    one: (payload: Payload) => client.enqueue({ ...options }, payload),
    async many(payloads: readonly Payload[]) {
      const connection = await pool.connect();
      try {
        await connection.query("begin");
        for (const payload of payloads) {
          await client.enqueueInTransaction(connection, { ...options }, payload);
        }
        await connection.query("commit");
      } finally {
        connection.release();
      }
    },
    async close() {
      await client.destroy();
      await pool.end();
    },
  };
}

async function packageOf(): Promise<{
  DBOS: Dbos;
  DBOSClient: { create(options: object): Promise<DbosClient> };
}> {
  return (await importPeer("@dbos-inc/dbos-sdk")) as Awaited<ReturnType<typeof packageOf>>;
}
