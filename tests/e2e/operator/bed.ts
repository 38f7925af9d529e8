/** A live system for an operator: workers that are processes, `absurd serve`, a folder of facts. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

import { AbsurdClient, type WorkerView } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { z } from "zod";

import { TASKS } from "./tasks.ts";

const ROOT = join(import.meta.dirname, "../../..");
const ABSURD = join(ROOT, "packages/cli/src/absurd.ts");
const TASKS_MODULE = join(import.meta.dirname, "tasks.ts");
const MINUTE_MS = 60_000;

export interface WorkerOptions {
  readonly concurrency?: number;
  readonly leaseSeconds?: number;
}

export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly attempt: number;
  readonly params: Readonly<Record<string, unknown>>;
}

export class OperatorBed {
  readonly client: AbsurdClient;
  readonly pool: pg.Pool;
  readonly #url: string;
  readonly #folder: string;
  readonly #children = new Set<ChildProcess>();

  static async start(url: string, pool: pg.Pool): Promise<OperatorBed> {
    const folder = await mkdtemp(join(tmpdir(), "operator-"));
    return new OperatorBed(url, pool, folder);
  }

  private constructor(url: string, pool: pg.Pool, folder: string) {
    this.#url = url;
    this.#folder = folder;
    this.pool = pool;
    this.client = new AbsurdClient(pool, { tasks: TASKS });
  }

  /** Makes a fact true, such as `calibration` or `go`. */
  async mend(fact: string): Promise<void> {
    await writeFile(join(this.#folder, fact), "");
  }

  /** A worker process of queue `night`, as the database knows it once it is there. */
  async worker({ concurrency = 2, leaseSeconds = 30 }: WorkerOptions = {}): Promise<{
    readonly view: WorkerView;
    readonly process: ChildProcess;
  }> {
    const args = ["--tasks", TASKS_MODULE, "--queue", "night", "--concurrency", `${concurrency}`];
    const child = this.#start(["worker", ...args, "--lease-seconds", `${leaseSeconds}`]);
    const view = await until(
      async () => (await this.client.workers.list()).find((each) => each.pid === child.pid),
      { what: "the worker is registered", deadlineMs: MINUTE_MS },
    );
    return { view, process: child };
  }

  /** `absurd serve`. @returns its address, and its process */
  async serve(port = 0): Promise<{ readonly url: string; readonly process: ChildProcess }> {
    const child = this.#start(["serve", "--port", `${port}`, "--json"]);
    assert.ok(child.stdout);
    const lines = createInterface(child.stdout);
    const ended = once(child, "exit").then(() => {
      throw new Error("absurd serve ended before it was there");
    });
    const [line] = z.tuple([z.string()]).parse(await Promise.race([once(lines, "line"), ended]));
    ended.catch(() => undefined);
    return { url: z.object({ url: z.string() }).parse(JSON.parse(line)).url, process: child };
  }

  /** Every task, as it was spawned. */
  async tasks(): Promise<readonly TaskRow[]> {
    const { rows } = await this.pool.query<TaskRow>(
      `select task_id as id, task_name as name, status, attempt, params
         from absurd.tasks order by task_number`,
    );
    return rows;
  }

  /** Waits until each of some tasks has this status. */
  async untilAll(status: string, fits: (task: TaskRow) => boolean): Promise<void> {
    await until(
      async () => {
        const tasks = (await this.tasks()).filter(fits);
        return tasks.length > 0 && tasks.every((task) => task.status === status);
      },
      { what: `the tasks are ${status}`, deadlineMs: MINUTE_MS },
    );
  }

  /** What a line of shell prints, on both of its streams, and how it ended. */
  async shell(
    line: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly output: string; readonly exitCode: number | null }> {
    const child = spawn("bash", ["-c", `${line} 2>&1`], {
      cwd: this.#folder,
      env: {
        ...process.env,
        ABSURD_DATABASE_URL: this.#url,
        PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`,
        ...environment,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const output = await text(child.stdout);
    const [exitCode] = z.tuple([z.number().nullable(), z.unknown()]).parse(await exited);
    return { output, exitCode };
  }

  /** Ends what it started, also what is stopped or does not listen. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
    await this.client.close();
    await rm(this.#folder, { recursive: true });
  }

  #start(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [ABSURD, ...args], {
      env: {
        ...process.env,
        ABSURD_DATABASE_URL: this.#url,
        OPERATOR_FOLDER: this.#folder,
      },
      stdio: ["ignore", "pipe", process.env["VERBOSE"] === undefined ? "ignore" : "inherit"],
    });
    this.#children.add(child);
    return child;
  }
}
