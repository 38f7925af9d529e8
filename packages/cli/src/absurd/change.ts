/** `absurd spawn`, `absurd retry`, `absurd cancel`: changing what will run. */
import type { SpawnOptions } from "@contimg/absurd";
import type { Command } from "commander";

import { readJsonArgument } from "../json-argument.ts";
import { numberIn, parsePriority } from "../number-argument.ts";
import { print } from "../output.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withClient } from "./settings.ts";

interface SpawnFlags extends AbsurdFlags {
  readonly params: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly key?: string;
  readonly correlation?: string;
  readonly tag?: string[];
  readonly dependsOn?: string[];
  readonly taskVersion?: string;
  readonly fairnessKey?: string;
}

const SPAWN_EXAMPLES = `
Examples:
  absurd spawn send-mail --params '{"to":"op@site"}'
  absurd spawn imaging --params @imaging.json --priority 5 --key tile-17
  generate | absurd spawn reduce --params - --depends-on 019a...-...`;

export function spawnCommand(): Command {
  return absurdCommand("spawn", "put a task into the queue")
    .argument("<name>", "a registered task name")
    .option("--params <json>", "JSON, @file, or - for standard input", "{}")
    .option("--queue <name>", "default: the task's own [ABSURD_QUEUE_NAME]")
    .option("--priority <number>", "higher first; default 0", parsePriority)
    .option("--delay <seconds>", "not before this long from now", numberIn(0, 1e9))
    .option("--timeout <seconds>", "of one attempt [ABSURD_TASK_TIMEOUT]")
    .option("--max-retries <count>", "attempts after the first [ABSURD_MAX_RETRIES]")
    .option("--key <text>", "idempotency key: a known one gives the older task")
    .option("--correlation <id>", "correlation id")
    .option("--tag <tag...>", "tags")
    .option("--depends-on <task id...>", "tasks that must complete first")
    .option("--task-version <version>", "default: the current version of the name")
    .option("--fairness-key <key>", "tasks of different keys take turns")
    .addHelpText("after", SPAWN_EXAMPLES)
    .action(spawn);
}

async function spawn(name: string, flags: SpawnFlags): Promise<void> {
  const settings = readSettings(flags);
  const params = await readJsonArgument(flags.params);
  const options: SpawnOptions = {
    ...(settings.queue === undefined ? {} : { queue: settings.queue }),
    ...(settings.timeoutSeconds === undefined ? {} : { timeoutSeconds: settings.timeoutSeconds }),
    ...(settings.maxRetries === undefined ? {} : { maxRetries: settings.maxRetries }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(flags.delay === undefined ? {} : { delaySeconds: flags.delay }),
    ...(flags.key === undefined ? {} : { idempotencyKey: flags.key }),
    ...(flags.correlation === undefined ? {} : { correlationId: flags.correlation }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.taskVersion === undefined ? {} : { version: flags.taskVersion }),
    ...(flags.fairnessKey === undefined ? {} : { fairnessKey: flags.fairnessKey }),
    ...(flags.dependsOn === undefined ? {} : { dependsOn: flags.dependsOn }),
  };
  const spawned = await withClient(flags, (client) => client.spawn(name, params, options));
  print(flags.json ?? false, spawned, () => spawned.taskId);
}

export function retryCommand(): Command {
  return absurdCommand("retry", "give failed or cancelled tasks a new start, with all attempts")
    .argument("<task id...>")
    .addHelpText(
      "after",
      "\nTasks that were cancelled because one of these failed start anew, too.",
    )
    .action(async (taskIds: string[], flags: AbsurdFlags) => {
      await withClient(flags, async (client) => {
        for (const taskId of taskIds) await client.retry(taskId);
      });
      print(flags.json ?? false, { retried: taskIds }, () => `retried ${taskIds.join(", ")}`);
    });
}

export function cancelCommand(): Command {
  return absurdCommand("cancel", "cancel tasks; those that run are told to stop")
    .argument("<task id...>")
    .option("--reason <text>", "what the task's error will say", "cancelled by request")
    .action(async (taskIds: string[], flags: AbsurdFlags & { reason: string }) => {
      const tasks = await withClient(flags, async (client) => {
        const results: { taskId: string; cancelled: boolean }[] = [];
        for (const taskId of taskIds) {
          results.push({ taskId, cancelled: await client.cancel(taskId, flags.reason) });
        }
        return results;
      });
      print(flags.json ?? false, { tasks }, () =>
        tasks
          .map((each) => `${each.taskId} ${each.cancelled ? "cancelled" : "had ended already"}`)
          .join("\n"),
      );
    });
}
