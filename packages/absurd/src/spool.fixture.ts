/**
 * Processes for the spool's tests.
 *
 * `worker <url> <folder> <go file>`: runs the task "wait", which ends when the go file exists.
 * `write <folder> <step>`: writes one segment and is killed before that step on the file system.
 * `replay <url> <folder> <step>`: replays the folder, killed likewise, or, with step "commit",
 * after the first commit of the database.
 */
import { existsSync, writeSync } from "node:fs";

import pg from "pg";
import { z } from "zod";

import type { Db } from "./db.ts";
import { defineTask, startWorker } from "./index.ts";
import { replaySpool } from "./spool/replay.ts";
import { SpoolFolder } from "./spool/spool-folder.ts";
import { DISK, type SpoolFs } from "./spool/spool-fs.ts";

const [, , mode, ...args] = process.argv;

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Counts the steps that change something; the process does not survive the given one. */
function mortalFs(stepOfDeath: number): SpoolFs {
  let step = 0;
  const before = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
    return (...given: Args): Promise<Result> => {
      if (step++ === stepOfDeath) die();
      return work(...given);
    };
  };
  return {
    ...DISK,
    makeFolder: before((path) => DISK.makeFolder(path)),
    create: before(async (path) => {
      const file = await DISK.create(path);
      return {
        write: before((text) => file.write(text)),
        sync: before(() => file.sync()),
        close: before(() => file.close()),
      };
    }),
    rename: before((from, to) => DISK.rename(from, to)),
    syncFolder: before((path) => DISK.syncFolder(path)),
    remove: before((path) => DISK.remove(path)),
  };
}

async function write(folder: string, step: string): Promise<void> {
  const spool = new SpoolFolder(folder, mortalFs(Number(step)));
  await spool.write("spawn", ['{"one":1}', '{"two":2}']);
  say({ acknowledged: true });
}

async function replay(url: string, folder: string, step: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url });
  const db: Db = {
    async query<R extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const reply = await pool.query<R>(text, values);
      if (step === "commit" && /spawn_tasks|replay_outcome/.test(text)) die();
      return reply;
    },
  };
  const fs = step === "commit" ? DISK : mortalFs(Number(step));
  say(await replaySpool(db, new SpoolFolder(folder, fs)));
  await pool.end();
}

async function work(url: string, folder: string, goFile: string): Promise<void> {
  const wait = defineTask({
    name: "wait",
    params: z.unknown(),
    async handler(_params, context) {
      say({ started: context.taskId, attempt: context.attempt });
      while (!existsSync(goFile)) await new Promise((resolve) => setTimeout(resolve, 20));
      say({ ended: context.taskId });
      return { pid: process.pid };
    },
  });
  const log = (fields: object, message: string): void => {
    say({ message, ...fields });
  };
  const worker = await startWorker({
    connectionString: url,
    tasks: [wait],
    concurrency: 4,
    leaseSeconds: Number(process.env["LEASE_SECONDS"] ?? 30),
    pollSeconds: 0.2,
    log: { debug: log, info: log, warn: log, error: log },
    ...(folder === "" ? {} : { spoolFolder: folder }),
  });
  say({ worker: worker.id });
  process.on("SIGTERM", () => {
    worker.stop({ graceSeconds: 0 }).catch(() => undefined);
  });
  await worker.finished.catch((error: unknown) => {
    say({ failed: String(error) });
  });
}

if (mode === "write") await write(args[0]!, args[1]!);
if (mode === "replay") await replay(args[0]!, args[1]!, args[2]!);
if (mode === "worker") await work(args[0]!, args[1]!, args[2]!);
