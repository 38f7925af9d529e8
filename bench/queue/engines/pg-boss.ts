/** pg-boss: batches of 1,000 for throughput; single jobs and NOTIFY for latency. */
import { type Engine, NotAvailable, type Payload, payloadOf } from "../engine.ts";
import { importPeer } from "../peers/import-peer.ts";

interface Boss {
  on(event: "error", listener: (error: unknown) => void): void;
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(queue: string, payload: Payload): Promise<unknown>;
  insert(queue: string, jobs: readonly { data: Payload }[]): Promise<unknown>;
  work(
    queue: string,
    options: object,
    handler: (jobs: readonly { data: Payload }[]) => Promise<void>,
  ): Promise<unknown>;
}

const QUEUE = "bench";
const LOAD_BATCH = 5_000;
const THROUGHPUT = { batchSize: 1_000, localConcurrency: 2, burstWhenBatchFull: true };
const LATENCY = { batchSize: 1, localConcurrency: 4, burstWhenBatchFull: false };

export const pgBoss: Engine = {
  isBusySql: `select exists (
    select from pgboss.job where name = '${QUEUE}' and state < 'completed')`,

  async install(url) {
    const boss = await open({ connectionString: url, supervise: false, schedule: false });
    await boss.createQueue(QUEUE, { notify: true });
    await boss.stop({ graceful: false });
  },

  async load(url, shape, count) {
    if (shape !== "noop") throw new NotAvailable("pg-boss has tasks only");
    const boss = await open(connection(url));
    for (let i = 0; i < count; i += LOAD_BATCH) {
      const length = Math.min(LOAD_BATCH, count - i);
      await boss.insert(
        QUEUE,
        Array.from({ length }, (_, j) => ({ data: payloadOf(i + j) })),
      );
    }
    await boss.stop({ graceful: false });
  },

  async openProducer(url) {
    const boss = await open(connection(url));
    return {
      one: (payload) => boss.send(QUEUE, payload),
      many: (payloads) =>
        boss.insert(
          QUEUE,
          payloads.map((data) => ({ data })),
        ),
      close: () => boss.stop({ graceful: false }),
    };
  },

  async startWorker(url, mode, onTask) {
    const isLatency = mode === "latency";
    const boss = await open({ ...connection(url), useListenNotify: isLatency });
    const options = { pollingIntervalSeconds: 0.5, ...(isLatency ? LATENCY : THROUGHPUT) };
    await boss.work(QUEUE, options, async (jobs) => {
      for (const { data } of jobs) await onTask(data.sentMs);
    });
    return () => boss.stop({ graceful: false });
  },
};

function connection(url: string): object {
  return { connectionString: url, max: 10, supervise: false, schedule: false, migrate: false };
}

async function open(options: object): Promise<Boss> {
  const { PgBoss } = (await importPeer("pg-boss")) as { PgBoss: new (options: object) => Boss };
  const boss = new PgBoss(options);
  boss.on("error", (error) => {
    console.error(error);
  });
  await boss.start();
  return boss;
}
