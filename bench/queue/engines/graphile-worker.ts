/** Graphile Worker, with the settings of its own performance test, tuned once more for batches. */
import { type Engine, NotAvailable, PAYLOAD_SQL, type Payload } from "../engine.ts";
import { importPeer } from "../peers/import-peer.ts";
import { execute, openPool } from "./sql.ts";

interface Utils {
  migrate(): Promise<void>;
  release(): Promise<void>;
  addJob(name: string, payload: Payload): Promise<unknown>;
  addJobs(specs: readonly { identifier: string; payload: Payload }[]): Promise<unknown>;
}

interface Graphile {
  readonly Logger: new (factory: () => () => void) => object;
  makeWorkerUtils(options: object): Promise<Utils>;
  run(options: object): Promise<{ stop(): Promise<void> }>;
}

/**
 * Batches: 500 jobs a fetch, completions of one turn of the event loop together. Without these it
 * drains a tenth as much.
 */
const THROUGHPUT = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

/** A local queue would make a lone job wait for its refetch delay. */
const LATENCY = { concurrentJobs: 10, maxPoolSize: 11 };

export const graphileWorker: Engine = {
  isBusySql: "select exists (select from graphile_worker._private_jobs)",

  async install(url) {
    const { graphile, logger } = await load();
    const utils = await graphile.makeWorkerUtils({ connectionString: url, logger });
    await utils.migrate();
    await utils.release();
  },

  async load(url, shape, count) {
    if (shape !== "noop") throw new NotAvailable("Graphile Worker has tasks only");
    await execute(
      url,
      `select count(*) from graphile_worker.add_jobs((
         select array_agg(json_populate_record(
                  null::graphile_worker.job_spec,
                  json_build_object('identifier', 'noop', 'payload', ${PAYLOAD_SQL})
                ))
           from generate_series(1, ${count}) g
       ))`,
    );
  },

  async openProducer(url) {
    const { graphile, logger } = await load();
    const pool = openPool(url, 10);
    const utils = await graphile.makeWorkerUtils({ pgPool: pool, logger });
    return {
      one: (payload) => utils.addJob("noop", payload),
      many: (payloads) =>
        utils.addJobs(payloads.map((payload) => ({ identifier: "noop", payload }))),
      async close() {
        await utils.release();
        await pool.end();
      },
    };
  },

  async startWorker(url, mode, onTask) {
    const { graphile, logger } = await load();
    const runner = await graphile.run({
      logger,
      preset: { worker: { connectionString: url, ...(mode === "latency" ? LATENCY : THROUGHPUT) } },
      taskList: {
        noop: async ({ sentMs }: Payload) => {
          await onTask(sentMs);
        },
      },
      noHandleSignals: true,
    });
    return () => runner.stop();
  },
};

async function load(): Promise<{ graphile: Graphile; logger: object }> {
  const graphile = (await importPeer("graphile-worker")) as Graphile;
  return { graphile, logger: new graphile.Logger(() => () => undefined) };
}
