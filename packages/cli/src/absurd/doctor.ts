/** `absurd doctor`: the check before a night. Each failure comes with what to do. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import {
  AbsurdClient,
  hearsNotifications,
  pendingMigrations,
  readHorizonHolders,
  readReadyKinds,
  readServer,
  SpoolFolder,
} from "@contimg/absurd";
import type { Command } from "commander";
import type pg from "pg";

import { toFailure } from "../failure.ts";
import { print } from "../output.ts";
import {
  type Check,
  checkDeadLetters,
  checkDisk,
  checkHorizon,
  checkKinds,
  checkListen,
  checkNode,
  checkQueues,
  checkSchema,
  checkServer,
  checkSpool,
  checkWorkers,
  type Folder,
} from "./doctor-checks.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withPool } from "./settings.ts";

interface DoctorFlags extends AbsurdFlags {
  readonly folder?: readonly string[];
}

/** A transaction of this age is no longer one of ours, which are short. */
const HORIZON_SECONDS = 60;

const HELP = `
Exit code 1 when a check fails; warnings alone leave it 0.

Examples:
  absurd doctor
  absurd doctor --folder /data/contimg --json`;

export function doctorCommand(): Command {
  return absurdCommand("doctor", "check database, workers, clocks and disks, and say what to do")
    .option("--spool-folder <path>", "a spool to look into [ABSURD_SPOOL_FOLDER]")
    .option("--folder <path...>", "folders that need free space, such as that of the data")
    .addHelpText("after", HELP)
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const checks = [checkNode(process.versions.node)];
  checks.push(...(await databaseChecks(flags)), ...(await folderChecks(flags)));
  const failed = checks.filter((each) => each.verdict === "fail").length;
  print(flags.json ?? false, { ok: failed === 0, checks }, () =>
    [...checks.map(checkText), summary(checks)].join("\n"),
  );
  if (failed > 0) process.exitCode = 1;
}

function checkText({ name, verdict, message, remedy }: Check): string {
  const line = `${verdict.padEnd(4)}  ${name.padEnd(18)}  ${message}`;
  return remedy === "" ? line : `${line}\n${" ".repeat(26)}→ ${remedy}`;
}

function summary(checks: readonly Check[]): string {
  const count = (verdict: Check["verdict"]): number =>
    checks.filter((each) => each.verdict === verdict).length;
  return `\n${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} failed`;
}

async function databaseChecks(flags: DoctorFlags): Promise<Check[]> {
  const { databaseUrl, listenUrl } = readSettings(flags);
  return withPool(flags, async (pool) => {
    const server = await tried("database", () => readServer(pool));
    if (!server.value) return [{ ...server.fault, remedy: AWAY_REMEDY }];
    const checks: Check[] = [
      { name: "database", verdict: "ok", message: "it answers", remedy: "" },
      ...checkServer(server.value),
    ];
    const pending = await tried("schema", () => pendingMigrations(pool));
    checks.push(pending.value ? checkSchema(pending.value) : pending.fault);
    const holders = await tried("old transactions", () =>
      readHorizonHolders(pool, HORIZON_SECONDS),
    );
    checks.push(holders.value ? checkHorizon(holders.value) : holders.fault);
    const heard = await tried("listen", () => hearsNotifications(pool, listenUrl ?? databaseUrl));
    checks.push(
      heard.value === undefined ? heard.fault : checkListen(heard.value, listenUrl === undefined),
    );
    // Without a schema there is nothing to ask of its tables.
    if (pending.value?.length === 0) checks.push(...(await taskChecks(pool)));
    return checks;
  });
}

const AWAY_REMEDY =
  "see that the server runs and that ABSURD_DATABASE_URL names host, port, database and role";

/** A check that could not be made is one that failed. */
async function tried<Value>(
  name: string,
  read: () => Promise<Value>,
): Promise<{ value: Value; fault?: never } | { value?: never; fault: Check }> {
  try {
    return { value: await read() };
  } catch (error) {
    const { message } = toFailure(error);
    return { fault: { name, verdict: "fail", message, remedy: "mend what the message says" } };
  }
}

async function taskChecks(pool: pg.Pool): Promise<Check[]> {
  const client = new AbsurdClient(pool);
  const [workers, ready, queues, groups] = await Promise.all([
    client.workers.list(),
    readReadyKinds(pool),
    client.queues.list(),
    client.deadLetters.groups(),
  ]);
  const open = groups.filter((each) => each.state === "open");
  return [
    checkWorkers(workers),
    checkKinds(ready, workers),
    ...checkQueues(queues, new Date()),
    checkDeadLetters(open.reduce((sum, each) => sum + each.count, 0)),
  ];
}

async function folderChecks(flags: DoctorFlags): Promise<Check[]> {
  const { spoolFolder } = readSettings(flags);
  const checks: Check[] = [];
  if (spoolFolder !== undefined) {
    const path = resolve(spoolFolder);
    const segments = await tried("spool", () => new SpoolFolder(path).list());
    const states = segments.value?.map((each) => each.state);
    checks.push(states ? checkSpool(path, states) : segments.fault!);
  }
  for (const path of [...(flags.folder ?? []), ...(spoolFolder ? [spoolFolder] : [])]) {
    const space = await tried("disk", () => readSpace(resolve(path)));
    checks.push(space.value ? checkDisk(space.value) : space.fault);
  }
  return checks;
}

/** Of a folder that is not made yet: of the one that it will be in. */
async function readSpace(path: string): Promise<Folder> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing || dirname(path) === path) throw error;
    return { ...(await readSpace(dirname(path))), path };
  }
}
