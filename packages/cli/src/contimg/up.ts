/** `contimg up`: database, workers, API and dashboard together, until it is told to stop. */
import { join } from "node:path";

import { Command } from "commander";

import { type ServeFlags, withServeOptions } from "../absurd/serve-settings.ts";
import { startApi, untilStopped } from "../absurd/start-server.ts";
import { readConfig } from "../config.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { FAILURE_HELP } from "./failure-help.ts";
import { type CommonFlags, withDatabase, withDataRoot, withQueue, withThreads } from "./options.ts";
import { startServices } from "./services.ts";

interface UpFlags extends CommonFlags, ServeFlags {
  readonly workers: number;
}

const HELP = `
A database that is given is used as it is; else a PostgreSQL is started below the data root, on the
loopback address. The logs of PostgreSQL and the workers are below the data root. A worker or a
PostgreSQL of ours that ends by itself is started again, and standard error says so.

Examples:
  contimg up
  contimg up --data-root /data/contimg --workers 2 --port 8000

The first SIGTERM or Ctrl-C stops all of it, in order; running stages are given back to the queue.`;

export function upCommand(): Command {
  const command = new Command("up")
    .description("start database, workers, API and dashboard together")
    .option("--workers <count>", "worker processes", wholeNumberIn(1, 64), 1);
  for (const add of [withDataRoot, withThreads, withQueue, withDatabase, withServeOptions]) {
    add(command);
  }
  return command.addHelpText("after", HELP).action(up);
}

async function up(flags: UpFlags): Promise<void> {
  const config = readConfig(flags, process.env);
  const stopped = untilStopped();
  const say = (line: string): void => {
    process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  };
  const services = await startServices(
    {
      dataRoot: config.dataRoot,
      queue: config.queue,
      workerCount: flags.workers,
      threadCount: config.threadCount,
      onWorkerEnd: say,
      onDatabaseEnd: say,
    },
    config.databaseUrl,
  );
  try {
    const { server, lines } = await startApi(services.databaseUrl, flags, true, FAILURE_HELP);
    const logs = `logs      ${join(config.dataRoot, "logs")}`;
    process.stdout.write(`${[...lines, logs, "Ctrl-C stops all of it"].join("\n")}\n`);
    try {
      await stopped;
    } finally {
      await server.close();
    }
  } finally {
    await services.stop();
  }
}
