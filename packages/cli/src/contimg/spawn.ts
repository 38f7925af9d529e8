/** `contimg spawn CHAIN GROUP`: gives a group's stages to the queue. */
import { AbsurdClient } from "@contimg/absurd";
import {
  CHAINS,
  type Experience,
  isChainName,
  readExperience,
  spawnChain,
  STAGES,
  stageTasks,
} from "@contimg/pipeline";
import { Command } from "commander";
import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { parsePriority } from "../number-argument.ts";
import { print } from "../output.ts";
import { paramsByStageSchema } from "../params-by-stage.ts";
import { formatTable } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withJson,
  withPool,
  withQueue,
} from "./options.ts";

interface SpawnFlags extends CommonFlags {
  readonly params?: string;
  readonly afterSolve?: string;
  readonly revision?: string;
  readonly priority?: number;
}

const CHAIN_LINES = Object.entries(CHAINS)
  .map(([name, stages]) => `  ${name.padEnd(18)} ${stages.join(" → ")}`)
  .join("\n");

const HELP = `
Chains:
${CHAIN_LINES}

Examples:
  contimg spawn calibrator 2026-01-25T22:00:00
  contimg spawn target 2026-01-25T22:31:00 --after-solve 0197...-...
  contimg spawn target 2026-01-25T22:31:00 --params '{"imaging":{"robustness":0.5}}'

A second spawn of a group gives the tasks of the first; --revision runs it again.`;

export function spawnCommand(): Command {
  const command = new Command("spawn")
    .description("give the stages of one group to the queue")
    .argument("<chain>", Object.keys(CHAINS).join(", "))
    .argument("<group>", "group id, such as 2026-01-25T22:26:05")
    .option("--params <json>", "further params by stage: JSON, @file or -")
    .option("--after-solve <task id>", "apply only when this calibration-solve task is done")
    .option("--revision <word>", "run again what ran under another word or none")
    .option("--priority <number>", "higher first", parsePriority);
  for (const add of [withQueue, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(spawn);
}

async function spawn(chain: string, groupId: string, flags: SpawnFlags): Promise<void> {
  if (!isChainName(chain)) {
    throw new UsageError(`no chain "${chain}"; there are ${Object.keys(CHAINS).join(", ")}`);
  }
  const config = requireDatabase(flags);
  const params =
    flags.params === undefined
      ? {}
      : paramsByStageSchema.parse(await readJsonArgument(flags.params));
  const spawned = await withPool(config.databaseUrl, async (pool) => {
    const tasks = stageTasks(STAGES, { ...config, pool });
    const client = new AbsurdClient(pool, { tasks });
    const experience = new Map<string, Experience>();
    for (const stage of CHAINS[chain]) experience.set(stage, await readExperience(pool, stage));
    try {
      return await spawnChain(client, chain, groupId, {
        params,
        experience,
        queue: config.queue,
        ...(flags.afterSolve === undefined ? {} : { solveTaskId: flags.afterSolve }),
        ...(flags.revision === undefined ? {} : { revision: flags.revision }),
        ...(flags.priority === undefined ? {} : { priority: flags.priority }),
      });
    } finally {
      await client.close();
    }
  });
  const rows = spawned.tasks.map((task) => ({
    stage: task.stage,
    task_id: task.taskId,
    created: task.created,
  }));
  print(flags.json ?? false, { workflow_id: spawned.workflowId, tasks: rows }, () =>
    formatTable(
      ["STAGE", "TASK", ""],
      rows.map((row) => [row.stage, row.task_id, row.created ? "" : "was there"]),
    ),
  );
}
