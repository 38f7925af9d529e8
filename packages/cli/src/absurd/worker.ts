/** `absurd worker`: runs the tasks that a module defines until it is told to stop. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { type AnyTask, fileParams, type ProcessLimits, startWorker } from "@contimg/absurd";
import type { Command } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { lineLogger } from "../line-logger.ts";
import { parseGraceSeconds, parseLeaseSeconds } from "../number-argument.ts";
import { amounts, texts } from "./demand-flags.ts";
import { executableTasks, parseExec, parseExecLimit } from "./exec.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withClient } from "./settings.ts";

interface WorkerFlags extends AbsurdFlags {
  readonly tasks?: string;
  readonly exec?: ReturnType<typeof parseExec>;
  readonly execLimit?: ProcessLimits;
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  readonly verbose?: boolean;
  readonly resource?: Readonly<Record<string, number>>;
  readonly label?: Readonly<Record<string, string>>;
}

const LAST_WORDS_MS = 1_000;

const HELP = `
The module exports task definitions, each by name or all in an array:

  import { defineTask } from "@contimg/absurd";
  import { z } from "zod";

  export const greet = defineTask({
    name: "greet",
    params: z.strictObject({ name: z.string() }),
    handler: ({ name }) => \`hello \${name}\`,
  });

An executable reads its params as JSON on standard input. On standard output it may write lines of
JSON: {"progress": 0.5, "note": ""}, {"result": ...}, {"error": {"class", "message"}}.

Examples:
  absurd worker --exec reduce=./reduce.sh --exec-limit memory=512M --exec-limit cpu=600
  absurd worker --tasks ./tasks.ts --concurrency 10
  absurd worker --tasks ./tasks.ts --queue mail --lease-seconds 10

The first SIGTERM or Ctrl-C lets running tasks finish within the grace, then gives them back; the
second gives them back at once. Logs go to standard error, with --json as JSON lines.`;

export function workerCommand(): Command {
  return absurdCommand("worker", "run tasks until stopped")
    .option("--tasks <file>", "module that exports task definitions")
    .option("--exec <name=path>", "run an executable as the task of that name; repeat", parseExec)
    .option(
      "--exec-limit <what=value>",
      "cpu (s), memory, data, file (bytes, K, M, G), open-files or processes of each; repeat",
      parseExecLimit,
    )
    .option("--spool-folder <path>", "where outcomes wait for the database [ABSURD_SPOOL_FOLDER]")
    .option("--queue <name>", "default: the queues of the tasks [ABSURD_QUEUE_NAME]")
    .option("--listen-url <url>", "direct PostgreSQL for LISTEN [ABSURD_LISTEN_URL]")
    .option("--concurrency <count>", "tasks at once [ABSURD_WORKER_CONCURRENCY]")
    .option(
      "--lease-seconds <seconds>",
      "what a crash costs before others take over",
      parseLeaseSeconds,
      30,
    )
    .option(
      "--grace-seconds <seconds>",
      "how long tasks may go on after SIGTERM",
      parseGraceSeconds,
      30,
    )
    .option("--resource <name=amount...>", "what tasks can take, such as cpu=8", amounts)
    .option("--label <name=value...>", "what tasks can require, such as site=ovro", texts)
    .option("--verbose", "log what handlers log as debug, too")
    .addHelpText("after", HELP)
    .action(runWorker);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  const settings = readSettings(flags);
  if (!settings.isEnabled) throw new UsageError("ABSURD_ENABLED is false: no worker starts");
  const log = lineLogger(flags.json ?? false, flags.verbose ?? false);
  const worker = await startWorker({
    connectionString: settings.databaseUrl,
    tasks: await allTasks(flags),
    concurrency: settings.concurrency,
    pollSeconds: settings.pollSeconds,
    leaseSeconds: flags.leaseSeconds,
    resolveParams: fileParams,
    log,
    ...(flags.resource === undefined ? {} : { capacity: flags.resource }),
    ...(flags.label === undefined ? {} : { labels: flags.label }),
    ...(settings.spoolFolder === undefined ? {} : { spoolFolder: settings.spoolFolder }),
    ...(settings.listenUrl === undefined ? {} : { listenConnectionString: settings.listenUrl }),
    ...(settings.queue === undefined ? {} : { queues: [settings.queue] }),
  });
  const { deadLetterQueue } = settings;
  if (deadLetterQueue !== undefined) {
    await withClient(flags, (client) => client.deadLetters.setQueue(deadLetterQueue));
  }
  log.info({ worker: worker.name }, "ready");
  let signalCount = 0;
  const stop = (): void => {
    signalCount += 1;
    const graceSeconds = signalCount === 1 ? flags.graceSeconds : 0;
    log.info({ worker: worker.name, graceSeconds }, "stopping");
    // Its end, good or bad, is that of worker.finished below.
    worker.stop({ graceSeconds }).catch(() => undefined);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  await worker.finished;
  // Its tasks are given back. A handler that does not listen would keep the process for ever.
  setTimeout(() => {
    log.warn({ worker: worker.name }, "a handler did not end: the process ends without it");
    process.exit();
  }, LAST_WORDS_MS).unref();
}

async function allTasks(flags: WorkerFlags): Promise<AnyTask[]> {
  const fromModule = flags.tasks === undefined ? [] : await readTasks(flags.tasks);
  const all = [...fromModule, ...executableTasks(flags.exec ?? [], flags.execLimit ?? {})];
  if (all.length > 0) return all;
  throw new UsageError("nothing to run: give --tasks or --exec; see: absurd worker --help");
}

const taskSchema = z.custom<AnyTask>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "params" in value &&
    value.params instanceof z.ZodType &&
    "handler" in value &&
    typeof value.handler === "function",
);

async function readTasks(path: string): Promise<AnyTask[]> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`cannot load tasks from ${path}: ${what}`, { cause });
  }
  const tasks = Object.values(module)
    .flat()
    .flatMap((value) => {
      const parsed = taskSchema.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
  if (tasks.length > 0) return [...new Set(tasks)];
  throw new UsageError(
    `${path} exports no task definition with a handler; see: absurd worker --help`,
  );
}
