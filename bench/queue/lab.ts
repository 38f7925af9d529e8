/** What the works share: databases that are made, filled, copied; drains; what things cost. */
import type { BenchServer } from "./bench-server.ts";
import { EngineProcess } from "./engine-process.ts";
import { type EngineName, type Mode, OURS, type Shape, monotonicMs } from "./engine.ts";
import { loadEngine } from "./engines/index.ts";
import pg from "pg";

const IDLE_POLL_MS = 3;
const DRAIN_MS_MAX = 300_000;

export interface Cost {
  /** Of the engine's processes. */
  readonly nodeUs: number;
  /** Undefined when the server is not on this machine. */
  readonly serverUs: number | undefined;
  readonly walBytes: number;
}

export interface Drain extends Cost {
  readonly seconds: number;
  readonly count: number;
  readonly claimsMs: readonly number[];
}

/** What a database holds before the measurement. */
export interface Fill {
  readonly shape: Shape;
  readonly count: number;
  /** SQL that adds more, one transaction each. */
  readonly statements?: readonly string[];
}

export class Lab {
  readonly server: BenchServer;
  readonly #profileFolder: string | undefined;
  readonly #templates = new Map<string, Promise<string>>();
  readonly #filled: string[] = [];
  readonly #fillers = new Map<EngineName, Promise<EngineProcess>>();

  constructor(server: BenchServer, profileFolder?: string) {
    this.server = server;
    this.#profileFolder = profileFolder;
  }

  /** Runs `work` in a database of its own, a copy of the engine's empty or filled one. */
  async inDatabase<T>(
    engine: EngineName,
    fill: Fill | undefined,
    work: (url: string, name: string) => Promise<T>,
  ): Promise<T> {
    const name = await this.server.createDatabase(await this.#template(engine, fill));
    try {
      await this.server.checkpoint();
      return await work(this.server.urlOf(name), name);
    } finally {
      await this.server.dropDatabase(name);
    }
  }

  /** Drops the filled ones; they are large, and the next work wants others. */
  async dropTemplates(): Promise<void> {
    const filled = this.#filled.splice(0);
    for (const key of filled) {
      const name = await this.#templates.get(key)!.catch(() => undefined);
      this.#templates.delete(key);
      if (name !== undefined) await this.server.dropDatabase(name);
    }
  }

  async close(): Promise<void> {
    for (const filler of this.#fillers.values()) await (await filler).close();
    await this.server.stop();
  }

  /** Starts processes, gives them to `work`, ends them whatever happens. */
  async withProcesses<T>(
    engine: EngineName,
    url: string,
    count: number,
    work: (processes: readonly EngineProcess[]) => Promise<T>,
  ): Promise<T> {
    const profileFolder = engine === OURS ? this.#profileFolder : undefined;
    const processes = await Promise.all(
      Array.from({ length: count }, () => EngineProcess.start(engine, url, profileFolder)),
    );
    try {
      return await Promise.race([work(processes), ...processes.map((each) => each.failed)]);
    } finally {
      await Promise.all(processes.map((each) => each.close()));
    }
  }

  /** What the server spends while `work` runs; `work` says what the processes spend. */
  async cost<T>(work: () => Promise<T>): Promise<{ value: T } & Omit<Cost, "nodeUs">> {
    const walBefore = await this.server.walBytes();
    const cpuBefore = this.server.cpuUs();
    const value = await work();
    const cpuAfter = this.server.cpuUs();
    const walBytes = (await this.server.walBytes()) - walBefore;
    const serverUs =
      cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    return { value, serverUs, walBytes };
  }

  /**
   * From the first task's start until no task is left; `isPartial`: until `count` have started.
   */
  async drain(
    engine: EngineName,
    url: string,
    options: { workerCount: number; mode: Mode; count: number; isPartial?: boolean },
  ): Promise<Drain> {
    const { isBusySql } = await loadEngine(engine);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await this.withProcesses(engine, url, options.workerCount, async (workers) => {
        const before = await Promise.all(workers.map((each) => each.call("report")));
        const { value: endMs, ...cost } = await this.cost(async () => {
          await Promise.all(workers.map((each) => each.call("startWorker", options.mode)));
          await untilCount(workers, options.count);
          return options.isPartial ? monotonicMs() : untilIdle(client, isBusySql);
        });
        const after = await Promise.all(workers.map((each) => each.call("report")));
        const starts = after.filter((each) => each.count > 0).map((each) => each.firstMs);
        const nodeUs = after.reduce((sum, each, i) => sum + each.cpuUs - before[i]!.cpuUs, 0);
        const seconds = (endMs - Math.min(...starts)) / 1000;
        const claimsMs = after.flatMap((each) => each.claims.map((claim) => claim.tookMs));
        return { ...cost, nodeUs, seconds, claimsMs, count: options.count };
      });
    } finally {
      await client.end();
    }
  }

  /** The name of the database that others are copied from; made at the first call. */
  #template(engine: EngineName, fill: Fill | undefined): Promise<string> {
    const key = JSON.stringify([engine, fill]);
    const known = this.#templates.get(key);
    if (known) return known;
    const made = this.#makeTemplate(engine, fill);
    this.#templates.set(key, made);
    if (fill !== undefined) this.#filled.push(key);
    return made;
  }

  #filler(engine: EngineName): Promise<EngineProcess> {
    const filler = this.#fillers.get(engine) ?? EngineProcess.start(engine, "");
    this.#fillers.set(engine, filler);
    return filler;
  }

  async #makeTemplate(engine: EngineName, fill: Fill | undefined): Promise<string> {
    const empty = fill === undefined ? undefined : await this.#template(engine, undefined);
    const name = await this.server.createDatabase(empty);
    const url = this.server.urlOf(name);
    const filler = await this.#filler(engine);
    if (fill === undefined) await filler.call("install", url);
    else await filler.call("load", url, fill.shape, fill.count);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (const statement of fill?.statements ?? []) await client.query(statement);
    await client.query("vacuum analyze");
    await client.end();
    return name;
  }
}

/** Resolves when the workers have started so many tasks between them. */
export async function untilCount(workers: readonly EngineProcess[], count: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const total = (): number => workers.reduce((sum, each) => sum + each.count, 0);
  const look = (): void => {
    if (total() >= count) resolve(undefined);
  };
  for (const worker of workers) worker.onCount(look);
  look();
  const timer = setTimeout(() => {
    const seconds = DRAIN_MS_MAX / 1000;
    reject(new Error(`${total()} of ${count} tasks started within ${seconds} s`));
  }, DRAIN_MS_MAX);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** The time, on the monotonic clock, when no task was left. */
async function untilIdle(client: pg.Client, isBusySql: string): Promise<number> {
  const deadlineMs = monotonicMs() + DRAIN_MS_MAX;
  while (monotonicMs() < deadlineMs) {
    const { rows } = await client.query<boolean[]>({ text: isBusySql, rowMode: "array" });
    if (rows[0]?.[0] !== true) return monotonicMs();
    await new Promise((resolve) => setTimeout(resolve, IDLE_POLL_MS));
  }
  throw new Error("tasks were started and did not end");
}

/** Of a drain: what one task of it cost. */
export function costPerTask(drain: Drain) {
  const { count, nodeUs, serverUs, walBytes } = drain;
  return {
    count,
    nodeUs: nodeUs / count,
    serverUs: serverUs === undefined ? undefined : serverUs / count,
    walBytes: walBytes / count,
  };
}
