/** `contimg worker`: takes stages from the queue until it is told to stop. */
import { startStageWorker } from "@contimg/pipeline";
import { Command } from "commander";

import { lineLogger } from "../line-logger.ts";
import { numberIn, parseGraceSeconds, parseLeaseSeconds } from "../number-argument.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withQueue,
  withThreads,
} from "./options.ts";

interface WorkerFlags extends CommonFlags {
  readonly leaseSeconds?: number;
  readonly graceSeconds: number;
  readonly memory?: number;
  readonly verbose?: boolean;
}

const EXAMPLES = `
Examples:
  contimg worker
  contimg worker --concurrency 2 --threads 4 --data-root /stage/dsa110-contimg

The first SIGTERM or Ctrl-C lets running stages finish within the grace, then gives them back to
the queue; the second stops them at once. Logs go to standard error, with --json as JSON lines.`;

export function workerCommand(): Command {
  const command = new Command("worker")
    .description("run stages from the queue until stopped")
    .option("--concurrency <count>", "stages at once [ABSURD_WORKER_CONCURRENCY]")
    .option(
      "--lease-seconds <seconds>",
      "what a crash costs before others take over (30)",
      parseLeaseSeconds,
    )
    .option(
      "--grace-seconds <seconds>",
      "how long running stages may go on after SIGTERM",
      parseGraceSeconds,
      600,
    )
    .option(
      "--memory <GiB>",
      "memory that its stages may use (default: the machine's)",
      numberIn(0.5, 65_536),
    )
    .option("--verbose", "log what the stages and their tools print, too");
  for (const add of [withQueue, withDataRoot, withThreads, withDatabase, withJson]) add(command);
  return command.addHelpText("after", EXAMPLES).action(runWorker);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  const config = requireDatabase(flags);
  const log = lineLogger(flags.json ?? false, flags.verbose ?? false);
  const worker = await startStageWorker({
    connectionString: config.databaseUrl,
    dataRoot: config.dataRoot,
    stages: config.stages,
    queue: config.queue,
    concurrency: config.concurrency,
    threadCount: config.threadCount,
    thresholds: config.thresholds,
    ...(flags.memory === undefined ? {} : { memoryBytes: flags.memory * 2 ** 30 }),
    log,
    onReconciled: (report) => {
      log.info(report, `data root ${config.dataRoot} is in order`);
    },
    ...(flags.leaseSeconds === undefined ? {} : { leaseSeconds: flags.leaseSeconds }),
  });
  for (const { stage, site } of config.stages) {
    if (site) log.info({ stage: stage.name, site }, "runs as this site has it");
  }
  log.info({ worker: worker.name, queue: config.queue }, "ready");
  let signalCount = 0;
  const stop = () => {
    signalCount += 1;
    const graceSeconds = signalCount === 1 ? flags.graceSeconds : 0;
    log.info({ worker: worker.name, graceSeconds }, "stopping");
    // Its end, good or bad, is that of worker.finished below.
    worker.stop({ graceSeconds }).catch(() => undefined);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  await worker.finished;
}
