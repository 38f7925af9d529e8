/**
 * A process of one engine: a producer or a worker in one database, or who makes and fills the
 * databases. Started by engine-process.ts: node child.ts <engine> <url>.
 */
import { type Call, type ChildApi, type Message, type SentError, type Spent } from "./child-api.ts";
import { recordClaimTimes } from "./claim-times.ts";
import { loadEngine } from "./engines/index.ts";
import {
  type EngineName,
  type Producer,
  NotAvailable,
  forEachIndex,
  monotonicMs,
  payloadOf,
} from "./engine.ts";

const COUNT_EVERY_MS = 5;

const [engineName, url] = process.argv.slice(2) as [EngineName, string];
const engine = await loadEngine(engineName);
const latenciesMs: number[] = [];
let producer: Producer | undefined;
let stopWorker: (() => Promise<unknown>) | undefined;
let count = 0;
let firstMs = 0;
let gate: { promise: Promise<void>; open: () => void } | undefined;
let claims: ReturnType<typeof recordClaimTimes> = [];

const api: ChildApi = {
  install: (emptyUrl) => engine.install(emptyUrl),
  load: (emptyUrl, shape, taskCount) => engine.load(emptyUrl, shape, taskCount),
  async openProducer() {
    producer = await engine.openProducer(url);
  },
  spawnEach: (taskCount, concurrency) => {
    const { one } = producer!;
    return spend(() => forEachIndex(taskCount, concurrency, (i) => one(payloadOf(i))));
  },
  spawnBatches(taskCount, batch) {
    const { many } = producer!;
    if (!many) throw new NotAvailable(`${engineName} has no bulk call`);
    return spend(async () => {
      for (let i = 0; i < taskCount; i += batch) {
        const length = Math.min(batch, taskCount - i);
        await many(Array.from({ length }, (_, j) => payloadOf(i + j)));
      }
    });
  },
  spawnPaced,
  async startWorker(mode) {
    if (mode === "claims") claims = recordClaimTimes();
    stopWorker = await engine.startWorker(url, mode, onTask);
    reportCounts();
  },
  async hold() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    gate = {
      promise,
      open: () => {
        resolve(undefined);
      },
    };
  },
  async release() {
    gate?.open();
    gate = undefined;
  },
  async report() {
    return { count, firstMs, cpuUs: cpuUs(), latenciesMs, claims };
  },
  async close() {
    await producer?.close();
    await stopWorker?.();
  },
};

process.on("uncaughtException", (error) => {
  send({ kind: "fatal", error: sentError(error) });
});
// Peers leave timers and connections behind that would keep the process.
process.on("disconnect", () => process.exit(0));
process.on("message", (call: Call) => void answer(call));
send({ kind: "ready" });

async function answer(call: Call): Promise<void> {
  try {
    const method = api[call.method] as (...args: readonly unknown[]) => Promise<unknown>;
    send({ kind: "answer", id: call.id, value: await method(...call.args) });
  } catch (error) {
    send({ kind: "refusal", id: call.id, error: sentError(error) });
  }
}

function onTask(sentMs: number): void | Promise<void> {
  count++;
  if (count === 1) firstMs = monotonicMs();
  if (sentMs > 0) latenciesMs.push(monotonicMs() - sentMs);
  return gate?.promise;
}

function reportCounts(): void {
  let reported = 0;
  setInterval(() => {
    if (count === reported) return;
    reported = count;
    send({ kind: "count", count });
  }, COUNT_EVERY_MS);
}

async function spawnPaced(taskCount: number, perSecond: number, isTimed: boolean): Promise<void> {
  const stepMs = 1000 / perSecond;
  const startMs = monotonicMs();
  const pending: Promise<unknown>[] = [];
  for (let i = 0; i < taskCount; i++) {
    // Off the beat of any poll.
    const waitMs = startMs + (i + 0.8 * Math.random()) * stepMs - monotonicMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    pending.push(producer!.one(payloadOf(i, isTimed ? monotonicMs() : 0)));
  }
  await Promise.all(pending);
}

async function spend(work: () => Promise<unknown>): Promise<Spent> {
  const cpuBefore = cpuUs();
  const startMs = monotonicMs();
  await work();
  return { elapsedMs: monotonicMs() - startMs, cpuUs: cpuUs() - cpuBefore };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function send(message: Message): void {
  process.send!(message);
}

function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const isPlain = error instanceof NotAvailable;
  return { name: error.name, message: isPlain ? error.message : (error.stack ?? error.message) };
}
