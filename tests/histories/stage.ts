/** Where a history plays: a server of its own, a database, worker processes, a network to break. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { type EmbeddedPostgres, migrate, startEmbeddedPostgres } from "@contimg/absurd";
import { TcpProxy } from "@contimg/testkit";
import pg from "pg";

import { type HistoryEvent, readEvents } from "./record.ts";
import { SpoolDisk } from "./spool-disk.ts";

const WORKER = resolve(import.meta.dirname, "worker-process.ts");
export const LEASE_SECONDS = 1;
/** Few, so that a burst of clients can use them up. */
export const CONNECTIONS_MAX = 60;

/** Effects of tasks, and the leases as they come and go, seen by the database itself. */
const OBSERVERS = `
  create table public.history_effect (
    seq bigint generated always as identity primary key, task_id uuid not null,
    claim integer not null, what text not null, nonce text not null);
  create table public.history_lease (
    task_id bigint not null, claim_no integer not null, claimed_at timestamptz not null,
    ended_at timestamptz);
  create function public.history_note_lease() returns trigger language plpgsql as $$
  begin
    insert into public.history_lease
    select l.task_id, l.claim_no, l.claimed_at, case tg_op when 'DELETE' then clock_timestamp() end
      from seen l;
    return null;
  end $$;
  create trigger history_begun after insert on absurd.lease referencing new table as seen
    for each statement execute function public.history_note_lease();
  create trigger history_ended after delete on absurd.lease referencing old table as seen
    for each statement execute function public.history_note_lease();`;

/** The server, which outlives the histories played on it. */
export class Server {
  readonly #folder: string;
  readonly #port: number;
  #running: EmbeddedPostgres;

  private constructor(folder: string, port: number, running: EmbeddedPostgres) {
    this.#folder = folder;
    this.#port = port;
    this.#running = running;
  }

  static async start(): Promise<Server> {
    const port = await steadyPort();
    const folder = await mkdtemp(join(tmpdir(), "absurd-history-"));
    // The user postgres must get through to its data below.
    await chmod(folder, 0o755);
    return new Server(folder, port, await launch(folder, port));
  }

  get url(): string {
    return this.#running.url;
  }

  /** Dies as in a power failure and repairs itself. */
  async crash(): Promise<void> {
    await this.#running.kill();
    this.#running = await launch(this.#folder, this.#port);
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }
}

function launch(folder: string, port: number): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataFolder: join(folder, "server"),
    temporaryFolder: folder,
    port,
    // The machine stays up: what was written is there after a crash of the server alone.
    durable: false,
    settings: { max_connections: String(CONNECTIONS_MAX), shared_buffers: "64MB" },
  });
}

/** A free port that no connection of this machine gets meanwhile: the server comes back to it. */
async function steadyPort(): Promise<number> {
  while (true) {
    const port = 20_000 + Math.floor(10_000 * Math.random());
    const probe = createServer();
    try {
      probe.listen(port, "127.0.0.1");
      await once(probe, "listening");
      return port;
    } catch {
      // Somebody has it: try the next.
    } finally {
      probe.close();
    }
  }
}

export interface Worker {
  readonly process: ChildProcess;
  readonly stderr: string[];
  /** We killed it: that it ends is no finding. */
  isVictim: boolean;
  isFrozen: boolean;
}

export class Stage {
  readonly server: Server;
  readonly name: string;
  readonly proxy: TcpProxy;
  /** Of the one who looks and breaks; never through the proxy. */
  readonly admin: pg.Pool;
  readonly folder: string;
  readonly spool: SpoolDisk;
  readonly #workers: Worker[] = [];
  #recordCount = 0;

  private constructor(server: Server, name: string, proxy: TcpProxy, spool: SpoolDisk) {
    this.server = server;
    this.name = name;
    this.proxy = proxy;
    this.spool = spool;
    this.folder = dirname(spool.folder);
    this.admin = new pg.Pool({
      connectionString: this.url,
      max: 3,
      application_name: "director",
    });
    this.admin.on("error", () => undefined);
  }

  static async set(server: Server, name: string): Promise<Stage> {
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    const folder = await mkdtemp(join(tmpdir(), "absurd-history-"));
    const spool = await SpoolDisk.make(folder);
    const stage = new Stage(server, name, await TcpProxy.start(server.url), spool);
    await migrate(stage.admin);
    await stage.admin.query(OBSERVERS);
    return stage;
  }

  get url(): string {
    const url = new URL(this.server.url);
    url.pathname = `/${this.name}`;
    return url.toString();
  }

  get proxiedUrl(): string {
    return this.proxy.url(this.url);
  }

  newRecordPath(): string {
    return join(this.folder, `${++this.#recordCount}.jsonl`);
  }

  get workers(): readonly Worker[] {
    return this.#workers;
  }

  /** Those that neither we nor anybody else ended. */
  get living(): Worker[] {
    return this.#workers.filter(isAlive);
  }

  addWorker(isProxied: boolean): void {
    const child = fork(WORKER, {
      env: {
        ...process.env,
        DATABASE_URL: isProxied ? this.proxiedUrl : this.url,
        RECORD_PATH: this.newRecordPath(),
        SPOOL_FOLDER: this.spool.folder,
        LEASE_SECONDS: String(LEASE_SECONDS),
      },
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    const worker: Worker = { process: child, stderr: [], isVictim: false, isFrozen: false };
    child.stderr!.on("data", (chunk: Buffer) => worker.stderr.push(chunk.toString()));
    this.#workers.push(worker);
  }

  /** The process of the worker that does maintenance. */
  async leaderPid(): Promise<number | undefined> {
    const { rows } = await this.admin.query<{ pid: number }>(
      "select w.pid from absurd.control c join absurd.worker w using (worker_id, epoch)",
    );
    return rows[0]?.pid;
  }

  async untilWorkersStarted(): Promise<void> {
    await Promise.all(this.living.map((worker) => once(worker.process, "message")));
  }

  /** Stops the workers as an operator would; returns what went wrong with any of them. */
  async dismiss(): Promise<string[]> {
    const living = this.living;
    await Promise.all(
      living.map(async (worker) => {
        const gone = once(worker.process, "exit");
        worker.process.kill("SIGTERM");
        await gone;
      }),
    );
    return this.#workers
      .filter((worker) => !worker.isVictim && worker.process.exitCode !== 0)
      .map((worker) => {
        const { exitCode, signalCode } = worker.process;
        return `a worker ended with ${exitCode ?? signalCode}: ${worker.stderr.join("").trim()}`;
      });
  }

  events(): HistoryEvent[] {
    return Array.from({ length: this.#recordCount }, (_, index) =>
      readEvents(join(this.folder, `${index + 1}.jsonl`)),
    ).flat();
  }

  async clear(): Promise<void> {
    await Promise.all(
      this.living.map(async (worker) => {
        const gone = once(worker.process, "exit");
        worker.isVictim = true;
        worker.process.kill("SIGKILL");
        await gone;
      }),
    );
    await this.admin.end();
    await this.proxy.close();
    const client = new pg.Client(this.server.url);
    await client.connect();
    await client.query(`drop database ${this.name} with (force)`);
    await client.end();
    this.spool.clear();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function isAlive(worker: Worker): boolean {
  return worker.process.exitCode === null && worker.process.signalCode === null;
}
