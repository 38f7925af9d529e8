/**
 * The PostgreSQL that all engines are measured on: durable, with the same settings for all, one
 * fresh database a measurement. It also says what the server spent: CPU from /proc, WAL bytes.
 */
import { readFileSync, readdirSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startEmbeddedPostgres } from "@contimg/absurd";
import pg from "pg";

const SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: "1GB",
  synchronous_commit: "on",
  max_wal_size: "8GB",
  checkpoint_timeout: "30min",
  // Counts statements in the databases that ask for it; it costs the others nothing.
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track": "none",
};

const SHOWN = [
  "server_version",
  "shared_buffers",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_compression",
  "max_wal_size",
  "checkpoint_timeout",
  "autovacuum",
];

/** /proc counts in hundredths of a second. */
const TICK_US = 10_000;
const CLONE_ATTEMPTS_MAX = 30;

export class BenchServer {
  readonly #adminUrl: string;
  readonly #admin: pg.Pool;
  readonly #pid: number | undefined;
  readonly #stop: () => Promise<void>;
  readonly #databases = new Set<string>();
  #databaseCount = 0;
  #countsStatements = false;
  #stopping: Promise<void> | undefined;

  private constructor(adminUrl: string, pid: number | undefined, stop: () => Promise<void>) {
    this.#adminUrl = adminUrl;
    this.#admin = new pg.Pool({ connectionString: adminUrl, max: 2 });
    this.#admin.on("error", () => undefined);
    this.#pid = pid;
    this.#stop = stop;
  }

  /** @param given a server to use, whose CPU then is not known; default: one of its own */
  static async start(given?: string): Promise<BenchServer> {
    if (given !== undefined) return new BenchServer(given, undefined, async () => undefined);
    const folder = await mkdtemp(join(tmpdir(), "absurd-bench-"));
    await chmod(folder, 0o755);
    const server = await startEmbeddedPostgres({
      dataFolder: folder,
      temporaryFolder: folder,
      settings: SETTINGS,
    });
    return new BenchServer(server.url, server.pid, () => server.stop());
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  async settings(): Promise<Record<string, string>> {
    const { rows } = await this.#admin.query<{ name: string; value: string }>(
      "select s as name, current_setting(s, true) as value from unnest($1::text[]) s",
      [SHOWN],
    );
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  /** A new database; with a template, a copy of that. Its name. */
  async createDatabase(template?: string): Promise<string> {
    const name = `absurd_bench_${process.pid}_${++this.#databaseCount}`;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#admin.query(
          `create database ${name} template ${template ?? "template0"}
             strategy ${template === undefined ? "wal_log" : "file_copy"}`,
        );
        this.#databases.add(name);
        return name;
      } catch (error) {
        // The template's last session, or an autovacuum, has not gone yet.
        if (attempt === CLONE_ATTEMPTS_MAX || template === undefined) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async dropDatabase(name: string): Promise<void> {
    await this.#admin.query(`drop database if exists ${name} with (force)`);
    this.#databases.delete(name);
  }

  /** From the sessions that connect next; without pg_stat_statements only commits are counted. */
  async countStatements(name: string): Promise<void> {
    const { rows } = await this.#admin.query<{ loaded: boolean }>(
      `select current_setting('shared_preload_libraries') ~ 'pg_stat_statements' as loaded`,
    );
    this.#countsStatements = rows[0]!.loaded;
    if (!this.#countsStatements) return;
    await this.#admin.query("create extension if not exists pg_stat_statements");
    await this.#admin.query(`alter database ${name} set pg_stat_statements.track = 'top'`);
  }

  /** Statements that sessions of a database sent; undefined: this server does not count them. */
  async statementCount(name: string): Promise<number | undefined> {
    if (!this.#countsStatements) return undefined;
    const { rows } = await this.#admin.query<{ calls: number }>(
      `select coalesce(sum(s.calls), 0)::double precision as calls
         from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = $1`,
      [name],
    );
    return rows[0]?.calls;
  }

  async commitCount(name: string): Promise<number> {
    const { rows } = await this.#admin.query<{ commits: number }>(
      `select xact_commit::double precision as commits
         from pg_stat_database where datname = $1`,
      [name],
    );
    return rows[0]!.commits;
  }

  urlOf(name: string): string {
    const url = new URL(this.#adminUrl);
    url.pathname = `/${name}`;
    return url.toString();
  }

  async checkpoint(): Promise<void> {
    await this.#admin.query("checkpoint");
  }

  /** All that the server ever wrote to its log. */
  async walBytes(): Promise<number> {
    const { rows } = await this.#admin.query<{ bytes: number }>(
      `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::double precision as bytes`,
    );
    return rows[0]!.bytes;
  }

  /** All CPU that the server and its processes, dead ones too, ever used. */
  cpuUs(): number | undefined {
    const server = this.#pid === undefined ? undefined : readStat(this.#pid);
    if (!server) return undefined;
    const living = readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map((entry) => readStat(Number(entry)))
      .filter((stat) => stat?.parent === this.#pid);
    const ticks = living.reduce((sum, stat) => sum + stat!.own, server.own + server.ofDeadChildren);
    return ticks * TICK_US;
  }

  /** Stops its own server, or drops its databases in the given one. Further calls wait for that. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    if (this.#pid === undefined) {
      for (const name of this.#databases) await this.dropDatabase(name);
    }
    await this.#admin.end();
    await this.#stop();
  }
}

interface Stat {
  readonly parent: number;
  readonly own: number;
  readonly ofDeadChildren: number;
}

/** Undefined when the process is gone. */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The program's name, in brackets, may hold anything. After it: state, parent, ...
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return {
    parent: fields[1]!,
    own: fields[11]! + fields[12]!,
    ofDeadChildren: fields[13]! + fields[14]!,
  };
}
