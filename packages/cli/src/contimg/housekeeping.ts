/** `contimg housekeeping`: removes what is over, puts files where they belong. */
import { AbsurdClient } from "@contimg/absurd";
import {
  housekeep,
  type HousekeepingReport,
  housekeepingTask,
  retentionSchema,
  scheduleHousekeeping,
} from "@contimg/pipeline";
import { Command } from "commander";

import { readJsonArgument } from "../json-argument.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatBytes } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
  withQueue,
} from "./options.ts";

interface HousekeepingFlags extends CommonFlags {
  readonly dryRun?: boolean;
  readonly retention?: string;
  readonly everyHours?: number;
}

const HELP = `
Retention, a JSON object; each member is optional, null keeps for ever:
  {"products": {"measurement-set": 30, "image": 180},   days by kind
   "calibrator_days": 90, "failed_days": 7,             Measurement Sets by their folder
   "release": ["measurement-set"],                      may go although images of it stay
   "scratch_hours": 24, "quarantine_days": 30,
   "raw_days": null}                                    raw files of converted groups

Nothing goes of which something that stays was made (but what "release" names), nothing of a group
with a task that has not ended, and no raw file unless raw_days says so.

Examples:
  contimg housekeeping --dry-run
  contimg housekeeping --retention @/etc/contimg/retention.json
  contimg housekeeping --every-hours 6 --retention @/etc/contimg/retention.json`;

export function housekeepingCommand(): Command {
  const command = new Command("housekeeping")
    .description("remove what is over, finish what crashes left, put files where they belong")
    .option("--dry-run", "say what would be done")
    .option("--retention <json>", "how long what is kept: JSON, @file or -")
    .option(
      "--every-hours <hours>",
      "as a schedule of the queue instead of now",
      numberIn(1, 8760),
    );
  for (const add of [withQueue, withDataRoot, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(run);
}

async function run(flags: HousekeepingFlags): Promise<void> {
  const config = requireDatabase(flags);
  const given = flags.retention === undefined ? {} : await readJsonArgument(flags.retention);
  const policy = retentionSchema.parse(given);
  const { everyHours, dryRun = false, json = false } = flags;
  if (everyHours !== undefined) {
    const next = await withPool(config.databaseUrl, async (pool) => {
      const { dataRoot, queue } = config;
      const client = new AbsurdClient(pool, {
        tasks: [housekeepingTask({ pool, dataRoot, queue })],
      });
      try {
        return await scheduleHousekeeping(client, everyHours, {
          dry_run: dryRun,
          retention: policy,
        });
      } finally {
        await client.close();
      }
    });
    const at = next?.toISOString() ?? null;
    print(json, { schedule: "housekeeping", next_at: at }, () => `next housekeeping: ${at ?? "-"}`);
    return;
  }
  const report = await withPool(config.databaseUrl, (pool) =>
    housekeep(pool, config.dataRoot, { policy, dryRun }),
  );
  print(json, toJson(report), () => describe(report));
}

function toJson(report: HousekeepingReport): object {
  return {
    dry_run: report.dryRun,
    bytes: report.bytes,
    files: report.files,
    folders: report.folders,
    removed: report.removed,
    moved: report.moved.map(({ productId, from, to }) => ({ product_id: productId, from, to })),
    spared: report.spared,
  };
}

function describe(report: HousekeepingReport): string {
  const [removes, moves] = report.dryRun ? ["would remove", "would move"] : ["removed", "moved"];
  const lines = [
    ...report.removed.map((e) => `${removes} ${e.what} ${e.path} (${formatBytes(e.bytes)})`),
    ...report.moved.map(({ from, to }) => `${moves} ${from} to ${to}`),
    ...report.spared.map(({ path, reason }) => `kept ${path}: ${reason}`),
  ];
  const sum = `${report.files} files in ${report.folders} folders, ${formatBytes(report.bytes)}`;
  return [...lines, `${removes} ${sum}`].join("\n");
}
