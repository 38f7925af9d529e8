/** What `demo` and `up` start and stop: an embedded PostgreSQL and worker processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { startEmbeddedPostgres } from "@contimg/absurd";
import { migrateAll } from "@contimg/pipeline";
import pg from "pg";

const CONTIMG = fileURLToPath(new URL("../contimg.ts", import.meta.url));

export interface Services {
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  /** Rejects when a worker ends by itself: who waits for their work would wait for ever. */
  readonly workerEnded: Promise<never>;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly dataRoot: string;
  readonly queue: string;
  readonly workerCount: number;
  /** Of one stage. */
  readonly threadCount: number;
}

/** A database of the user's own (`databaseUrl`) is used as it is; else one is started. */
export async function startServices(
  options: ServiceOptions,
  databaseUrl: string | undefined,
): Promise<Services> {
  const { dataRoot } = options;
  await mkdir(join(dataRoot, "logs"), { recursive: true });
  const server = databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ dataFolder: join(dataRoot, "postgres") });
  const url = databaseUrl ?? server!.url;
  const pool = new pg.Pool({ connectionString: url, application_name: "contimg", max: 4 });
  // A connection that breaks while idle is replaced; one that is needed reports its own error.
  pool.on("error", () => undefined);
  const workers: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(workers.map(stopWorker));
    await pool.end();
    await server?.stop();
  };
  try {
    await migrateAll(pool);
    for (let index = 1; index <= options.workerCount; index++) {
      workers.push(startWorkerProcess(index, url, options));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { databaseUrl: url, pool, workerEnded: firstEnd(workers, dataRoot), stop };
}

function startWorkerProcess(
  index: number,
  databaseUrl: string,
  options: ServiceOptions,
): ChildProcess {
  const log = createWriteStream(join(options.dataRoot, "logs", `worker-${index}.log`), {
    flags: "a",
  });
  const worker = spawn(
    process.execPath,
    [
      CONTIMG,
      "worker",
      ...["--data-root", options.dataRoot, "--queue", options.queue],
      ...["--concurrency", "1", "--threads", String(options.threadCount), "--verbose"],
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

async function firstEnd(workers: readonly ChildProcess[], dataRoot: string): Promise<never> {
  const { code, index } = await Promise.race(
    workers.map(async (worker, index) => {
      const [code] = (await once(worker, "exit")) as [number | null];
      return { code, index };
    }),
  );
  const log = join(dataRoot, "logs", `worker-${index + 1}.log`);
  throw new Error(`worker ${index + 1} ended with exit code ${code ?? "none"}; its log is ${log}`);
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, "exit");
  // Twice: the first asks running stages to finish, the second stops them.
  worker.kill("SIGTERM");
  worker.kill("SIGTERM");
  await ended;
}
