/** `absurd spawn`: putting a task into the queue. */
import type { SpawnOptions } from "@contimg/absurd";
import type { Command } from "commander";

import { readJsonArgument } from "../json-argument.ts";
import { numberIn, parsePriority } from "../number-argument.ts";
import { print } from "../output.ts";
import { type DemandFlags, demandOf, withDemandFlags } from "./demand-flags.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { readSettings } from "./settings.ts";
import { type RareSpawnFlags, addRareSpawnFlags, readRareSpawnFlags } from "./spawn-flags.ts";

interface SpawnFlags extends ReasonFlags, RareSpawnFlags, DemandFlags {
  readonly params?: string;
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
  absurd spawn reduce --dedupe-seconds 3600 --deadline 2026-03-01T18:00:00Z
  absurd spawn imaging --lock ms/17 --lock caltable/3:shared --concurrency-key disk=2
  absurd spawn imaging --resource cpu=4 --label site=ovro --rate api=10/60
  generate | absurd spawn reduce --params - --depends-on 019a...-...`;

export function spawnCommand(): Command {
  const command = withDemandFlags(actCommand("spawn", "put a task into the queue"))
    .argument("<name>", "a registered task name")
    .option("--params <json>", "JSON, @file, or - for standard input; default {}")
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
    .option("--fairness-key <key>", "tasks of different keys take turns");
  return addRareSpawnFlags(command).addHelpText("after", SPAWN_EXAMPLES).action(spawn);
}

async function spawn(name: string, flags: SpawnFlags): Promise<void> {
  const settings = readSettings(flags);
  const params = flags.params === undefined ? undefined : await readJsonArgument(flags.params);
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
    ...(await readRareSpawnFlags(flags)),
    ...demandOf(flags),
  };
  const target = ({ taskId }: { readonly taskId: string }) => taskId;
  const detail = { task_name: name, params, ...options };
  const deed = { action: "spawnTask", target, detail } as const;
  const spawned = await act(flags, deed, (client) => client.spawn(name, params, options));
  print(flags.json ?? false, spawned, () => spawned.taskId);
}
