/** openworkflow, on postgres.js. It has no bulk call; it is loaded by 20 calls at a time. */
import {
  type Engine,
  NotAvailable,
  type OnTask,
  type Payload,
  STEP_COUNT,
  forEachIndex,
  payloadOf,
} from "../engine.ts";
import { importPeer } from "../peers/import-peer.ts";

interface Step {
  run(options: { name: string }, work: () => Promise<number>): Promise<number>;
}

interface Workflow {
  run(payload: Payload): Promise<unknown>;
}

interface OpenWorkflow {
  defineWorkflow(
    options: { name: string },
    work: (call: { input: Payload; step: Step }) => Promise<unknown>,
  ): Workflow;
  newWorker(options: { concurrency: number }): { start(): Promise<void>; stop(): Promise<void> };
}

interface Backend {
  stop(): Promise<void>;
}

const LOAD_CONCURRENCY = 20;

export const openworkflow: Engine = {
  isBusySql: `select exists (
    select from openworkflow.workflow_runs where status in ('pending', 'running', 'sleeping'))`,

  async install(url) {
    const { BackendPostgres } = await backendPackage();
    const backend = await BackendPostgres.connect(url);
    await backend.stop();
  },

  async load(url, shape, count) {
    if (shape !== "noop" && shape !== "steps") {
      throw new NotAvailable(`openworkflow has no ${shape}`);
    }
    const { backend, workflows } = await open(url, () => undefined);
    await forEachIndex(count, LOAD_CONCURRENCY, (i) => workflows[shape].run(payloadOf(i)));
    await backend.stop();
  },

  async openProducer(url) {
    const { backend, workflows } = await open(url, () => undefined);
    return { one: (payload) => workflows.noop.run(payload), close: () => backend.stop() };
  },

  async startWorker(url, mode, onTask) {
    const { backend, client } = await open(url, onTask);
    const worker = client.newWorker({ concurrency: mode === "latency" ? 10 : 50 });
    await worker.start();
    return async () => {
      await worker.stop();
      await backend.stop();
    };
  },
};

async function open(url: string, onTask: OnTask) {
  const { BackendPostgres } = await backendPackage();
  const { OpenWorkflow } = (await importPeer("openworkflow")) as {
    OpenWorkflow: new (options: { backend: Backend }) => OpenWorkflow;
  };
  const backend = await BackendPostgres.connect(url, { runMigrations: false });
  const client = new OpenWorkflow({ backend });
  const noop = client.defineWorkflow({ name: "noop" }, async ({ input }) => {
    await onTask(input.sentMs);
  });
  const steps = client.defineWorkflow({ name: "steps" }, async ({ step }) => {
    let sum = 0;
    for (let i = 0; i < STEP_COUNT; i++) {
      sum += await step.run({ name: `step-${i}` }, async () => i);
    }
    await onTask(0);
    return sum;
  });
  return { backend, client, workflows: { noop, steps } };
}

async function backendPackage(): Promise<{
  BackendPostgres: { connect(url: string, options?: object): Promise<Backend> };
}> {
  return (await importPeer("openworkflow/postgres")) as Awaited<ReturnType<typeof backendPackage>>;
}
