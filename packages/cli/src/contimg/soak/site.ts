/** What a soak runs: an embedded PostgreSQL, ingest, workers; real processes that can be hurt. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@contimg/absurd";
import { listDescendants, residentMib } from "@contimg/absurd/process-tree";
import { migrateAll } from "@contimg/pipeline";
import type pg from "pg";

import { openPool } from "../../pool.ts";
import { Service } from "./service.ts";

const CONTIMG = fileURLToPath(new URL("../../contimg.ts", import.meta.url));
const QUEUE = "soak";
export const LEASE_SECONDS = 5;
const OUTPUT_BYTES_MAX = 1e8;

/** Minutes of a real night are seconds here. */
const INGEST_POLICY = {
  settle_seconds: 0.5,
  quarantine_seconds: 2,
  wait_seconds: 4,
  give_up_seconds: 20,
};

export interface SiteOptions {
  /** Holds all of it: data root, database, logs. */
  readonly folder: string;
  readonly workerCount: number;
  /** Of one stage. */
  readonly threadCount: number;
  /** By stage, of every group. */
  readonly params: object;
}

export class Site {
  readonly dataRoot: string;
  readonly ingest: Service;
  readonly workers: readonly Service[];
  readonly pool: pg.Pool;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  #server: EmbeddedPostgres;

  static async start(options: SiteOptions): Promise<Site> {
    for (const part of ["data-root", "logs"]) {
      mkdirSync(join(options.folder, part), { recursive: true });
    }
    const server = await startServer(options.folder);
    const site = new Site(options, server);
    await migrateAll(site.pool);
    for (const service of [site.ingest, ...site.workers]) service.start();
    return site;
  }

  private constructor(options: SiteOptions, server: EmbeddedPostgres) {
    const { folder } = options;
    this.#folder = folder;
    this.#server = server;
    this.dataRoot = join(folder, "data-root");
    // The server is killed on purpose; the next query connects anew.
    this.pool = openPool({ databaseUrl: server.url, applicationName: "soak", max: 4 });
    this.#env = {
      ...process.env,
      ABSURD_DATABASE_URL: server.url,
      ABSURD_QUEUE_NAME: QUEUE,
      CONTIMG_DATA_ROOT: this.dataRoot,
      CONTIMG_THREADS: String(options.threadCount),
    };
    this.ingest = this.#service("ingest", [
      ...["ingest", "--json", "--poll", "2", "--policy", JSON.stringify(INGEST_POLICY)],
      ...["--params", JSON.stringify(options.params)],
    ]);
    this.workers = Array.from({ length: options.workerCount }, (_, index) =>
      this.#service(`worker-${index + 1}`, [
        ...["worker", "--json", "--lease-seconds", String(LEASE_SECONDS)],
      ]),
    );
  }

  #service(name: string, argv: readonly string[]): Service {
    const logPath = join(this.#folder, "logs", `${name}.log`);
    return new Service({ name, argv, env: this.#env, logPath });
  }

  /** As a power failure would, then again with what is on its disk. */
  async killDatabase(): Promise<void> {
    await this.#server.kill();
    this.#server = await startServer(this.#folder);
  }

  workerNamed(name: string): Service | undefined {
    return this.workers.find((worker) => worker.workerName === name);
  }

  /** Of ingest, workers and stages, shared pages counted for each: an upper bound. */
  residentMib(): number {
    const pids = [this.ingest, ...this.workers].flatMap(({ pid }) =>
      pid === undefined ? [] : pid,
    );
    return pids.reduce((sum, pid) => sum + residentMib(pid, listDescendants(pid)), 0);
  }

  /** Runs one command as an operator would, and returns what it printed, however it ended. */
  async command(argv: readonly string[]): Promise<string> {
    const options = { env: this.#env, maxBuffer: OUTPUT_BYTES_MAX };
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [CONTIMG, ...argv], options);
      return stdout;
    } catch (error) {
      if (!(error instanceof Error && "stdout" in error && error.stdout !== "")) throw error;
      return String(error.stdout);
    }
  }

  /** Ingest first, so that nothing new begins. */
  async stopServices(): Promise<void> {
    await this.ingest.stop();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  async stop(): Promise<void> {
    await this.stopServices();
    await this.pool.end();
    await this.#server.stop();
  }
}

function startServer(folder: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataFolder: join(folder, "postgres") });
}

/** A folder on a disk of its own, small enough to be filled; what is in it stays afterwards. */
export class SmallDisk {
  readonly folder: string;

  /** Undefined where this machine lets nobody mount: that is root's. */
  static mount(folder: string, sizeBytes: number): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true });
    const size = `size=${sizeBytes}`;
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", folder], { stdio: "ignore" });
      return new SmallDisk(folder);
    } catch {
      return undefined;
    }
  }

  /** What a soak left mounted that was killed. */
  static release(folder: string): void {
    try {
      execFileSync("umount", [folder], { stdio: "ignore" });
    } catch {
      // Nothing is mounted there, as it should be.
    }
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  async unmount(): Promise<void> {
    const copy = `${this.folder}.copy`;
    await cp(this.folder, copy, { recursive: true, preserveTimestamps: true });
    execFileSync("umount", [this.folder], { stdio: "ignore" });
    await rm(this.folder, { recursive: true });
    await rename(copy, this.folder);
  }
}
