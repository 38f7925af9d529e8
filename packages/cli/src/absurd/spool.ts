/** `absurd spool`: what waits on disk for the database. */
import { resolve } from "node:path";

import {
  AbsurdClient,
  type ReplayReport,
  type Segment,
  SpoolFolder,
  TaskError,
} from "@contimg/absurd";
import { Command } from "commander";

import { UsageError } from "../failure.ts";
import { print } from "../output.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";

const EXAMPLES = `
Examples:
  absurd spool list --folder /var/lib/absurd/spool
  absurd spool replay --folder /var/lib/absurd/spool --json

Segments that are corrupt hold damaged records: the whole ones were replayed. Refused ones hold
records that the database will never take as they are. Both wait for you; nothing removes them.`;

interface SpoolFlags extends ReasonFlags {
  readonly folder?: string;
}

export function spoolCommand(): Command {
  return new Command("spool")
    .description("what waits on disk for the database: list it, replay it")
    .addCommand(
      new Command("list")
        .description("list the segments of a spool, oldest first")
        .option("--folder <path>", "the spool [ABSURD_SPOOL_FOLDER]")
        .option("--json", "print one JSON object, for programs")
        .action(listSpool),
    )
    .addCommand(
      actCommand("replay", "bring a spool's records to the database")
        .option("--folder <path>", "the spool [ABSURD_SPOOL_FOLDER]")
        .action(replaySpool),
    )
    .addHelpText("after", EXAMPLES);
}

async function listSpool(flags: SpoolFlags): Promise<void> {
  const spool = new SpoolFolder(folderOf(flags));
  const segments = await Promise.all(
    (await spool.list()).map(async (segment) => ({
      ...segment,
      recordCount: (await spool.read(segment.name))?.records.length ?? 0,
    })),
  );
  print(flags.json ?? false, { folder: spool.path, segments }, () =>
    segments.length === 0 ? "nothing waits" : segments.map(formatSegment).join("\n"),
  );
}

function formatSegment(segment: Segment & { readonly recordCount: number }): string {
  const { state, kind, recordCount, writtenAt, name } = segment;
  const count = `${recordCount} ${kind}${recordCount === 1 ? "" : "s"}`;
  return `${state.padEnd(10)} ${count.padEnd(14)} ${writtenAt.toISOString()}  ${name}`;
}

async function replaySpool(flags: SpoolFlags): Promise<void> {
  const spoolFolder = folderOf(flags);
  const deed = { action: "replaySpool", target: resolve(spoolFolder) } as const;
  const report = await act(flags, deed, async (_, pool) => {
    const client = new AbsurdClient(pool, { spoolFolder });
    try {
      return await client.replaySpool();
    } finally {
      await client.close();
    }
  });
  print(flags.json ?? false, report, () => formatReport(report));
  const { refused, corrupt } = report;
  if (refused.length + corrupt.length > 0) {
    throw new TaskError(
      "fatal",
      `${refused.length} records were refused, ${corrupt.length} segments are damaged`,
      { tag: "SpoolNotTaken", fields: { refused, corrupt } },
    );
  }
}

function formatReport(report: ReplayReport): string {
  return [
    `outcomes taken ${report.taken}, known ${report.known}`,
    `tasks spawned ${report.spawned}, known ${report.spawnedBefore}`,
    ...report.refused.map(({ kind, what, why }) => `refused ${kind} ${what}: ${why}`),
    ...report.corrupt.map(({ name, problems }) => `corrupt ${name}: ${problems.join("; ")}`),
  ].join("\n");
}

function folderOf(flags: SpoolFlags): string {
  const folder = flags.folder ?? process.env["ABSURD_SPOOL_FOLDER"];
  if (folder !== undefined && folder !== "") return folder;
  throw new UsageError("no spool: set ABSURD_SPOOL_FOLDER or give --folder");
}
