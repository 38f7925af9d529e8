/**
 * Worker processes of `demo` and `up`. Each writes its own log. One that ends by itself is an
 * error for who waits for its work (`ended`), or is started again (`onEnd`), later each time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const CONTIMG = fileURLToPath(new URL("../contimg.ts", import.meta.url));

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 30_000;
/** One that lived this long did its work: what ended it is another matter than the last time. */
const SOUND_MS = 60_000;

export interface WorkerProcessOptions {
  readonly dataRoot: string;
  readonly queue: string;
  readonly workerCount: number;
  /** Of one stage. */
  readonly threadCount: number;
  /** Told of a worker that ended by itself; it is started again. Absent: `ended` rejects. */
  readonly onWorkerEnd?: (line: string) => void;
}

export class WorkerProcesses {
  readonly #options: WorkerProcessOptions;
  readonly #databaseUrl: string;
  readonly #running = new Map<number, ChildProcess>();
  readonly #stopping = new AbortController();
  readonly #courses: readonly Promise<void>[];
  /** Rejects when a worker ends by itself and is not started again. */
  readonly ended: Promise<never>;

  constructor(options: WorkerProcessOptions, databaseUrl: string) {
    this.#options = options;
    this.#databaseUrl = databaseUrl;
    const numbers = Array.from({ length: options.workerCount }, (_, index) => index + 1);
    this.#courses = numbers.map((number) => this.#keep(number));
    this.ended = Promise.all(this.#courses).then(() => new Promise<never>(() => undefined));
    // Who does not wait for it, as `up`, is told by `onWorkerEnd`.
    this.ended.catch(() => undefined);
  }

  /** Running stages are given back to the queue. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const worker of this.#running.values()) worker.kill("SIGTERM");
    await Promise.allSettled(this.#courses);
  }

  async #keep(number: number): Promise<void> {
    const { signal } = this.#stopping;
    const { onWorkerEnd } = this.#options;
    let pauseMs = PAUSE_MS_MIN;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      const startMs = performance.now();
      const how = await this.#run(number);
      if (isOver()) return;
      const log = logPath(this.#options.dataRoot, number);
      const line = `worker ${number} ended with ${how}; its log is ${log}`;
      if (!onWorkerEnd) throw new Error(line);
      if (performance.now() - startMs > SOUND_MS) pauseMs = PAUSE_MS_MIN;
      onWorkerEnd(`${line}; it is started again in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(PAUSE_MS_MAX, 2 * pauseMs);
    }
  }

  async #run(number: number): Promise<string> {
    const worker = startWorkerProcess(number, this.#databaseUrl, this.#options);
    this.#running.set(number, worker);
    try {
      const [code, killer] = (await once(worker, "exit")) as [number | null, string | null];
      return killer === null ? `exit code ${code ?? "none"}` : `signal ${killer}`;
    } finally {
      this.#running.delete(number);
    }
  }
}

function startWorkerProcess(
  number: number,
  databaseUrl: string,
  options: WorkerProcessOptions,
): ChildProcess {
  const log = createWriteStream(logPath(options.dataRoot, number), { flags: "a" });
  const worker = spawn(
    process.execPath,
    [
      CONTIMG,
      "worker",
      ...["--data-root", options.dataRoot, "--queue", options.queue],
      ...["--concurrency", "1", "--threads", String(options.threadCount), "--verbose"],
      // The first signal ends it: a second one could arrive as one with the first.
      ...["--grace-seconds", "0"],
    ],
    {
      // The address holds the database's password: arguments can be read by everybody, this cannot.
      env: { ...process.env, ABSURD_DATABASE_URL: databaseUrl },
      stdio: ["ignore", "ignore", "pipe"],
      // Ctrl-C goes to the terminal's whole group; we stop the workers ourselves, in order.
      detached: true,
    },
  );
  worker.stderr.pipe(log);
  return worker;
}

function logPath(dataRoot: string, number: number): string {
  return join(dataRoot, "logs", `worker-${number}.log`);
}
