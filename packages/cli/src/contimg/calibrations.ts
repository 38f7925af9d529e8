/** `contimg calibrations`: what is registered, who waits, and what a person decides about it. */
import { userInfo } from "node:os";

import { AbsurdClient } from "@contimg/absurd";
import {
  affectedTiles,
  type AffectedTile,
  assignCalibration,
  isGroupId,
  listCalibrations,
  type ListedCalibration,
  listHolds,
  retireCalibration,
  supersede,
  SUPERSEDE_BUDGET,
  type SupersedeBudget,
  wakeHeld,
} from "@contimg/pipeline";
import { Command, Option } from "commander";
import type pg from "pg";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
  withQueue,
} from "./options.ts";

const HELP = `
Examples:
  contimg calibrations list --status active
  contimg calibrations retire 0197f3 --reason "antenna 7 was moved"
  contimg calibrations holds
  contimg calibrations assign 2026-01-25T22:31:00 0197f3 --reason "the only clean transit"
  contimg calibrations supersede --dry-run

Workers do what supersede does by themselves, after every solve and every five minutes.`;

export function calibrationsCommand(): Command {
  const command = new Command("calibrations")
    .description("registered calibrations, tiles that wait for one, tiles to make again")
    .addHelpText("after", HELP);
  const list = new Command("list")
    .description("registered calibrations, the latest solve first")
    .addOption(new Option("--status <status>").choices(["active", "retired", "failed"]))
    .option("--limit <count>", "at most so many", wholeNumberIn(1, 1_000_000))
    .action(runList);
  const retire = signed(new Command("retire"))
    .description("take a calibration and its set out of use; tiles made with it are made again")
    .argument("<calibration>", "its id, the beginning of it, or its table's path")
    .action(runRetire);
  const holds = new Command("holds").description("tiles that wait").action(runHolds);
  const assign = signed(new Command("assign"))
    .description("choose the calibration of one tile, whatever its age; without one: no longer")
    .argument("<group>", "such as 2026-01-25T22:31:00")
    .argument("[calibration]", "its id, the beginning of it, or its table's path")
    .action(runAssign);
  const again = new Command("supersede")
    .description("make tiles again that a calibration found later serves better")
    .option("--dry-run", "only show which")
    .option(
      "--tiles <count>",
      `at most so many in 24 h (default: ${SUPERSEDE_BUDGET.tilesMax})`,
      wholeNumberIn(0, 100_000),
    )
    .option(
      "--max-age-days <days>",
      `leave older tiles as they are (default: ${SUPERSEDE_BUDGET.ageDaysMax})`,
      wholeNumberIn(1, 10_000),
    )
    .action(runSupersede);
  for (const each of [list, retire, holds, assign, withQueue(again)]) {
    for (const add of [withDataRoot, withDatabase, withJson]) add(each);
    command.addCommand(each);
  }
  return command;
}

interface SignedFlags extends CommonFlags {
  readonly reason: string;
  readonly by?: string;
}

function signed(command: Command): Command {
  return command
    .requiredOption("--reason <text>", "why; it is shown with every decision that it touches")
    .option("--by <name>", "who decides (default: your login)");
}

function signature({ reason, by = userInfo().username }: SignedFlags) {
  if (reason.trim() === "") throw new UsageError("--reason is empty, expected why");
  return { reason, by };
}

interface ListFlags extends CommonFlags {
  readonly status?: ListedCalibration["status"];
  readonly limit?: number;
}

async function runList(flags: ListFlags): Promise<void> {
  const rows = await onPool(flags, (pool) => listCalibrations(pool, flags));
  print(flags.json ?? false, { calibrations: rows }, () => {
    if (rows.length === 0) return "no calibrations";
    return formatTable(
      ["ID", "SOLVE", "CALIBRATOR", "RANK", "STATUS", "GRADE", "TILES", "TABLE", "WHY"],
      rows.map((row) => [
        row.calibration_id.slice(0, 8),
        row.group_id,
        row.calibrator,
        row.calibrator_rank,
        row.status,
        row.grade ?? "-",
        row.use_count,
        row.table_path,
        row.status_reason ?? "",
      ]),
    );
  });
}

async function runRetire(named: string, flags: SignedFlags): Promise<void> {
  const ended = await onPool(flags, (pool) => retireCalibration(pool, named, signature(flags)));
  print(flags.json ?? false, { retired: ended }, () =>
    [
      ...ended.map(({ table_path }) => `retired ${table_path}`),
      "workers make its tiles again: contimg calibrations supersede --dry-run shows which",
    ].join("\n"),
  );
}

async function runHolds(flags: CommonFlags): Promise<void> {
  const holds = await onPool(flags, listHolds);
  const rows = holds.map((hold) => ({
    group_id: hold.groupId,
    task_id: hold.taskId,
    since: hold.since.toISOString(),
    looked_count: hold.lookedCount,
    reason: hold.reason,
  }));
  print(flags.json ?? false, { holds: rows }, () =>
    rows.length === 0
      ? "no tile waits for a calibration"
      : formatTable(
          ["GROUP", "SINCE", "LOOKED", "WHY"],
          rows.map((row) => [row.group_id, row.since, row.looked_count, row.reason]),
        ),
  );
}

async function runAssign(
  groupId: string,
  named: string | undefined,
  flags: SignedFlags,
): Promise<void> {
  const { dataRoot } = requireDatabase(flags);
  if (!isGroupId(groupId)) {
    throw new UsageError(`group is "${groupId}", expected a time such as 2026-01-25T22:26:05`);
  }
  const done = await onPool(flags, async (pool) => {
    const row = await assignCalibration(pool, groupId, named, signature(flags));
    const client = new AbsurdClient(pool);
    try {
      return { table_path: row?.table_path ?? null, woken: await wakeHeld(client, pool, dataRoot) };
    } finally {
      await client.close();
    }
  });
  const result = { group_id: groupId, ...done };
  print(flags.json ?? false, result, () => {
    const what =
      done.table_path === null
        ? `${groupId} has no assigned calibration any more`
        : `${groupId} gets ${done.table_path}`;
    return done.woken.includes(groupId) ? `${what}; its task goes on` : what;
  });
}

interface SupersedeFlags extends CommonFlags {
  readonly dryRun?: boolean;
  readonly tiles?: number;
  readonly maxAgeDays?: number;
}

async function runSupersede(flags: SupersedeFlags): Promise<void> {
  const { dataRoot, queue } = requireDatabase(flags);
  const budget: SupersedeBudget = {
    ...SUPERSEDE_BUDGET,
    ...(flags.tiles === undefined ? {} : { tilesMax: flags.tiles }),
    ...(flags.maxAgeDays === undefined ? {} : { ageDaysMax: flags.maxAgeDays }),
  };
  const tiles = await onPool(flags, async (pool): Promise<TileToMake[]> => {
    if (flags.dryRun) return affectedTiles(pool, { dataRoot, budget });
    const client = new AbsurdClient(pool);
    try {
      return [...(await supersede(client, pool, { dataRoot, budget, queue })).affected];
    } finally {
      await client.close();
    }
  });
  const rows = tiles.map(toRow);
  print(flags.json ?? false, { dry_run: flags.dryRun ?? false, tiles: rows }, () =>
    rows.length === 0
      ? "no tile would be better"
      : formatTable(
          ["GROUP", "WAS", "WOULD BE", "SPAWNED", "WHY"],
          rows.map((row) => [
            row.group_id,
            row.was,
            row.would_be,
            row.workflow_id ?? "-",
            row.reason,
          ]),
        ),
  );
}

type TileToMake = AffectedTile & { readonly workflowId?: string | null };

function toRow(tile: TileToMake) {
  return {
    group_id: tile.groupId,
    was: tile.then.kind,
    would_be: tile.now.kind,
    gain_hours: tile.improvement.gainHours,
    reason: tile.improvement.reason,
    revision: tile.revision,
    workflow_id: tile.workflowId ?? null,
  };
}

function onPool<Result>(
  flags: CommonFlags,
  work: (pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  return withPool(requireDatabase(flags).databaseUrl, work);
}
