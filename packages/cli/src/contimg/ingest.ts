/** `contimg ingest`: files of the telescope to groups, groups to the queue. */
import { resolve } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import {
  chainOfName,
  CHAINS,
  type ChainName,
  incomingFolder,
  Ingester,
  ingestPolicySchema,
  ingestScanTask,
  ingestSchedule,
  type LookReport,
  reportAsJson,
  STAGES,
  stageTasks,
  watchFolder,
  withParams,
} from "@contimg/pipeline";
import { Command, Option } from "commander";

import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { lineLogger } from "../line-logger.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { paramsByStageSchema } from "../params-by-stage.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
  withQueue,
} from "./options.ts";

interface IngestFlags extends CommonFlags {
  readonly watch?: string;
  readonly once?: boolean;
  readonly schedule?: number;
  readonly chain?: ChainName;
  readonly params?: string;
  readonly policy?: string;
  readonly poll: number;
}

const POLICY_LINES = Object.entries(ingestPolicySchema.parse({}))
  .map(([field, value]) => `  ${field.padEnd(18)} ${value}`)
  .join("\n");

const HELP = `
A file is taken when it is whole: it has its final name, has stayed the same for a while, HDF5 opens
it and its header makes sense. Files stay where they are. Sixteen subbands within a minute are a
group; a whole group goes to the queue at once, an incomplete one by the policy.

Policy (--policy takes JSON, @file or -), with its defaults:
${POLICY_LINES}

Examples:
  contimg ingest
  contimg ingest --watch /data/incoming --once --json
  contimg ingest --policy '{"min_subbands": 14, "wait_seconds": 120}'
  contimg ingest --params '{"imaging": {"tier": "quicklook"}}'
  contimg ingest --schedule 30      # workers look every 30 s; no process of its own

Without --once it goes on until SIGTERM or Ctrl-C; it may be killed at any time.`;

export function ingestCommand(): Command {
  const command = new Command("ingest")
    .description("group the telescope's files as they arrive and give the groups to the queue")
    .option("--watch <folder>", "where files arrive (default: incoming/ below the data root)")
    .option("--once", "do what can be done now, and end")
    .option("--schedule <seconds>", "let workers look so often, and end", numberIn(1, 86_400))
    .addOption(
      new Option(
        "--chain <name>",
        "of every group (default: standard-pipeline for calibrator tiles, target for others)",
      ).choices(Object.keys(CHAINS)),
    )
    .option("--params <json>", "further params by stage, of every group: JSON, @file or -")
    .option("--policy <json>", "when to take files, wait, run and give up")
    .option("--poll <seconds>", "looks without an event", numberIn(0.1, 3600), 10);
  for (const add of [withDataRoot, withQueue, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(ingest);
}

async function ingest(flags: IngestFlags): Promise<void> {
  if (flags.once === true && flags.schedule !== undefined) {
    throw new UsageError("give either --once or --schedule");
  }
  if (flags.params !== undefined && flags.schedule !== undefined) {
    throw new UsageError("--params is for a process of ingest, not for --schedule");
  }
  const config = requireDatabase(flags);
  const { dataRoot, queue } = config;
  const folder = flags.watch === undefined ? incomingFolder(dataRoot) : resolve(flags.watch);
  const given: unknown = flags.policy === undefined ? {} : await readJsonArgument(flags.policy);
  const policy = ingestPolicySchema.parse(given);
  const params =
    flags.params === undefined
      ? {}
      : paramsByStageSchema.parse(await readJsonArgument(flags.params));
  await withPool(config.databaseUrl, async (pool) => {
    const tasks = stageTasks(STAGES, { ...config, pool });
    const scan = ingestScanTask({ pool, dataRoot, queue, tasks });
    const client = new AbsurdClient(pool, { tasks: [...tasks, scan] });
    const log = lineLogger(flags.json ?? false, false);
    try {
      if (flags.schedule !== undefined) {
        await scheduleScans(client, { ...flags, schedule: flags.schedule }, folder, policy);
        return;
      }
      const ingester = new Ingester({
        ...{ pool, client, queue, dataRoot, folder, policy, log },
        chainOf: withParams(chainOfName(flags.chain), params),
      });
      if (flags.once === true) await lookUntilSettled(ingester, policy.settle_seconds, flags);
      else await watch(ingester, { ...flags, folder }, policy.settle_seconds);
    } finally {
      await client.close();
    }
  });
}

async function scheduleScans(
  client: AbsurdClient,
  flags: IngestFlags & { readonly schedule: number },
  folder: string,
  policy: object,
): Promise<void> {
  const queue = requireDatabase(flags).queue;
  const schedule = await client.schedules.create(
    ingestSchedule(queue, flags.schedule, {
      folder,
      policy,
      ...(flags.chain === undefined ? {} : { chain: flags.chain }),
    }),
    { replace: true },
  );
  print(flags.json ?? false, schedule, () =>
    [
      `workers of ${queue} look into ${folder} every ${flags.schedule} s`,
      `stop: absurd schedules pause ${schedule.name}`,
    ].join("\n"),
  );
}

/** Looks a second time at what was perhaps unfinished. */
async function lookUntilSettled(
  ingester: Ingester,
  settleSeconds: number,
  flags: IngestFlags,
): Promise<void> {
  const first = await ingester.look();
  if (first.pendingCount === 0) {
    printReport(first, flags);
    return;
  }
  await new Promise((done) => setTimeout(done, 1000 * settleSeconds + 10));
  printReport(merge(first, await ingester.look()), flags);
}

function merge(first: LookReport, second: LookReport): LookReport {
  return {
    seenCount: first.seenCount + second.seenCount,
    goneCount: first.goneCount + second.goneCount,
    takenCount: first.takenCount + second.takenCount,
    quarantined: [...first.quarantined, ...second.quarantined],
    spawned: [...first.spawned, ...second.spawned],
    refused: [...first.refused, ...second.refused],
    pendingCount: second.pendingCount,
    paused: second.paused,
  };
}

async function watch(
  ingester: Ingester,
  flags: IngestFlags & { readonly folder: string },
  settleSeconds: number,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  const log = lineLogger(flags.json ?? false, false);
  log.info({ folder: flags.folder }, "watching");
  await watchFolder({
    ...{ ingester, settleSeconds, log, folder: flags.folder },
    pollSeconds: flags.poll,
    signal: stop.signal,
    onLook: (report) => {
      if (isNews(report)) printReport(report, flags);
    },
  });
}

function isNews(report: LookReport): boolean {
  const { takenCount, quarantined, spawned, refused } = report;
  return takenCount + quarantined.length + spawned.length + refused.length > 0;
}

function printReport(report: LookReport, flags: IngestFlags): void {
  print(flags.json ?? false, reportAsJson(report), () => describe(report));
}

function describe(report: LookReport): string {
  const { takenCount, pendingCount, spawned, refused, quarantined, paused } = report;
  return [
    ...(paused === null ? [] : [`no files are taken: ${paused}`]),
    `${takenCount} files taken, ${pendingCount} not yet whole, ${quarantined.length} quarantined`,
    ...quarantined.map(({ reason }) => `quarantined ${reason}`),
    ...spawned.map(
      ({ groupId, chain, revision, reason }) =>
        `group ${groupId} to ${chain}${revision > 0 ? ` again (r${revision})` : ""}: ${reason}`,
    ),
    ...refused.map(({ groupId, reason }) => `group ${groupId} given up: ${reason}`),
  ].join("\n");
}
