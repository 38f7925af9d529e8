/** `contimg redo`: makes again what a bad table, a group or a stage left in doubt. */
import { AbsurdClient } from "@contimg/absurd";
import {
  previewRedo,
  REDO_PRIORITY,
  type Redone,
  type RedoPlan,
  spawnRedo,
  STAGES,
  stageTasks,
} from "@contimg/pipeline";
import { Command } from "commander";

import { parsePriority } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatBytes, formatTable } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
  withQueue,
} from "./options.ts";

interface RedoFlags extends CommonFlags {
  readonly used?: string;
  readonly group?: string;
  readonly from?: string;
  readonly missing?: true;
  readonly priority?: number;
  readonly dryRun?: boolean;
}

const HELP = `
Several selections together narrow it. What is still valid is not made again: with --used, the
conversions stay. New products supersede the old ones; the same redo twice spawns its tasks once.
A bad table must be retired or replaced first, or it would be chosen again.

Examples:
  contimg redo --used caltables/2026-01-25/2026-01-25T22:00:00.bcal --dry-run
  contimg redo --group 2026-01-25T22:26:05 --from imaging
  contimg redo --from photometry
  contimg redo --missing --dry-run`;

export function redoCommand(): Command {
  const command = new Command("redo")
    .description("make again what is in doubt, below live data")
    .option("--used <path>", "all that this calibration table, or other input, went into")
    .option("--group <group id>", "only of this group")
    .option("--from <stage>", "only of this stage and those after it")
    .option("--missing", "only what an audit marked as missing, and what was made from it")
    .option(
      "--priority <number>",
      `of the tasks; live data have 0 (${REDO_PRIORITY})`,
      parsePriority,
    )
    .option("--dry-run", "say what would run, spawn nothing");
  for (const add of [withQueue, withDataRoot, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(redo);
}

async function redo(flags: RedoFlags): Promise<void> {
  const config = requireDatabase(flags);
  const options = {
    dataRoot: config.dataRoot,
    queue: config.queue,
    ...(flags.used === undefined ? {} : { used: flags.used }),
    ...(flags.group === undefined ? {} : { groupId: flags.group }),
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.missing === undefined ? {} : { missing: flags.missing }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
  };
  const { plan, redone } = await withPool(config.databaseUrl, async (pool) => {
    const planned = await previewRedo(pool, options);
    if (flags.dryRun) return { plan: planned, redone: undefined };
    const client = new AbsurdClient(pool, { tasks: stageTasks(STAGES, { ...config, pool }) });
    try {
      return { plan: planned, redone: await spawnRedo(client, pool, planned, options) };
    } finally {
      await client.close();
    }
  });
  print(flags.json ?? false, toJson(plan, redone), () => describe(plan, redone));
}

function toJson(plan: RedoPlan, redone: Redone | undefined): object {
  return {
    dry_run: redone === undefined,
    workflow_id: redone?.workflowId ?? null,
    group_count: plan.groups.length,
    task_count: plan.tasks.length,
    affected_count: plan.affected.length,
    groups: plan.groups.map(({ groupId, stages, kept, revision }) => ({
      group_id: groupId,
      stages,
      kept,
      revision,
    })),
    tasks: plan.tasks.map(({ groupId, stage, after }, index) => ({
      group_id: groupId,
      stage,
      after,
      task_id: redone?.tasks[index]?.taskId ?? null,
      created: redone?.tasks[index]?.created ?? null,
    })),
  };
}

function describe(plan: RedoPlan, redone: Redone | undefined): string {
  const table = formatTable(
    ["GROUP", "RUNS AGAIN", "STAYS"],
    plan.groups.map((group) => [
      group.groupId,
      group.stages.join(", "),
      group.kept.length === 0 ? "-" : group.kept.join(", "),
    ]),
  );
  const bytes = plan.affected.reduce((sum, product) => sum + product.sizeBytes, 0);
  const counts =
    `${plan.groups.length} tiles, ${plan.tasks.length} tasks, ` +
    `${plan.affected.length} products (${formatBytes(bytes)}) superseded`;
  if (!redone) return `${table}\n${counts}: nothing was spawned`;
  const created = redone.tasks.filter((task) => task.created).length;
  return `${table}\n${counts}\n${created} tasks spawned in workflow ${redone.workflowId}`;
}
