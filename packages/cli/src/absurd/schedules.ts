/** `absurd schedules …`: what is to be spawned when. */
import {
  FIRE_AT,
  OVERLAPS,
  type Overlap,
  type ScheduleOptions,
  type ScheduleSpec,
} from "@contimg/absurd";
import { Command, Option } from "commander";

import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { numberIn, parsePriority, wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatFires, formatInstants, formatSchedule, formatSchedules } from "./schedules-text.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withClient } from "./settings.ts";
import { parseTime } from "./time-argument.ts";
import { readParams } from "./workflow-file.ts";

interface CreateFlags extends ReasonFlags {
  readonly task?: string;
  readonly template?: string;
  readonly templateVersion?: number;
  readonly params: string;
  readonly cron?: string;
  readonly zone: string;
  readonly every?: number;
  readonly anchor?: Date;
  readonly priority?: number;
  readonly tag?: string[];
  readonly correlation?: string;
  readonly overlap: Overlap;
  readonly catchUp: "all" | "last";
  readonly catchUpWindow: number;
  readonly jitter: number;
  readonly from?: Date;
  readonly until?: Date;
  readonly remaining?: number;
  readonly paused?: boolean;
  readonly note?: string;
  readonly replace?: boolean;
}

const TASK_FLAGS = ["queue", "priority", "timeout", "maxRetries", "correlation"] as const;

const CREATE_EXAMPLES = `
In a gap of the zone's clock an instant moves to the first one after it; in a fold the first counts.
A top-level value of the params that is ${JSON.stringify(FIRE_AT)} becomes the instant.

Examples:
  absurd schedules create nightly --task housekeeping --cron '0 9 * * *' --zone America/Los_Angeles
  absurd schedules create watch --task probe --every 30 --params '{"at":{"$fireAt":true}}'
  absurd schedules create survey --template night --cron '0 3 * * *' --params @survey.json`;

export function schedulesCommand(): Command {
  const command = new Command("schedules").description(
    "spawn tasks and workflows by cron or interval",
  );
  command.addCommand(listCommand(), { isDefault: true });
  const children = [createCommand(), showCommand(), nextCommand()];
  children.push(pauseCommand(), resumeCommand(), triggerCommand(), backfillCommand());
  children.push(deleteCommand());
  for (const child of children) command.addCommand(child);
  return command;
}

function overlapOption(fallback?: Overlap): Option {
  const text = "when an earlier firing's task has not ended";
  return new Option("--overlap <policy>", text).choices(OVERLAPS).default(fallback);
}

function createCommand(): Command {
  return actCommand("create", "make a schedule")
    .argument("<name>")
    .option("--task <name>", "a registered task name")
    .option("--template <name>", "instead of --task: spawn a workflow of this template")
    .option(
      "--template-version <number>",
      "default: the newest at each firing",
      wholeNumberIn(1, 1_000_000),
    )
    .option("--params <json>", "JSON, @file, or - for standard input", "{}")
    .option("--cron <expression>", "five fields, or six with seconds first")
    .option("--zone <time zone>", "IANA name, of --cron", "UTC")
    .option("--every <seconds>", "instead of --cron", numberIn(0.001, 1e9))
    .option("--anchor <time>", "an instant of --every (default: 1970-01-01T00:00:00Z)", parseTime)
    .option("--queue <name>", "default: the task's own [ABSURD_QUEUE_NAME]")
    .option("--priority <number>", "higher first; default 0", parsePriority)
    .option("--timeout <seconds>", "of one attempt [ABSURD_TASK_TIMEOUT]")
    .option("--max-retries <count>", "attempts after the first [ABSURD_MAX_RETRIES]")
    .option("--tag <tag...>", "tags")
    .option("--correlation <id>", "correlation id (default: NAME@INSTANT)")
    .addOption(overlapOption("skip"))
    .addOption(
      new Option("--catch-up <which>", "of the instants that nobody fired in time")
        .choices(["all", "last"])
        .default("all"),
    )
    .option("--catch-up-window <seconds>", "older ones are missed", numberIn(10, 1e9), 3600)
    .option("--jitter <seconds>", "start each task later by up to so much", numberIn(0, 1e9), 0)
    .option("--from <time>", "no instant before", parseTime)
    .option("--until <time>", "no instant after", parseTime)
    .option("--remaining <count>", "firings until it is over", wholeNumberIn(1, 2_147_483_647))
    .option("--paused", "do not fire until it is resumed")
    .option("--note <text>", "shown by list and show")
    .option("--replace", "change the schedule of this name")
    .addHelpText("after", CREATE_EXAMPLES)
    .action(create);
}

async function create(name: string, flags: CreateFlags): Promise<void> {
  const options = await readOptions(name, flags);
  const how = { replace: flags.replace ?? false };
  const deed = { action: "createSchedule", target: name, detail: { ...options, ...how } } as const;
  const schedule = await act(flags, deed, (client) => client.schedules.create(options, how));
  print(flags.json ?? false, schedule, () => formatSchedule(schedule, []));
}

async function readOptions(name: string, flags: CreateFlags): Promise<ScheduleOptions> {
  return {
    name,
    spec: readSpec(flags),
    spawn: await readSpawn(flags),
    overlap: flags.overlap,
    catchUp: flags.catchUp,
    catchUpSeconds: flags.catchUpWindow,
    jitterSeconds: flags.jitter,
    paused: flags.paused ?? false,
    ...(flags.from === undefined ? {} : { startsAt: flags.from }),
    ...(flags.until === undefined ? {} : { endsAt: flags.until }),
    ...(flags.remaining === undefined ? {} : { remaining: flags.remaining }),
    ...(flags.note === undefined ? {} : { note: flags.note }),
  };
}

async function readSpawn(flags: CreateFlags): Promise<ScheduleOptions["spawn"]> {
  const { task, template, templateVersion: version, tag: tags } = flags;
  if ((task === undefined) === (template === undefined)) {
    throw new UsageError("give either --task or --template");
  }
  if (template !== undefined) {
    const stray = TASK_FLAGS.find((name) => flags[name] !== undefined);
    if (stray !== undefined) {
      const flag = stray.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new UsageError(`--${flag} goes with --task; nodes of a template have their own`);
    }
    return { template, version, params: await readParams(flags.params), tags };
  }
  const { queue, timeoutSeconds, maxRetries } = readSettings(flags);
  return {
    task: task!,
    params: await readJsonArgument(flags.params),
    ...(queue === undefined ? {} : { queue }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(maxRetries === undefined ? {} : { maxRetries }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(tags === undefined ? {} : { tags }),
    ...(flags.correlation === undefined ? {} : { correlationId: flags.correlation }),
  };
}

function readSpec(flags: CreateFlags): ScheduleSpec {
  if ((flags.cron === undefined) === (flags.every === undefined)) {
    throw new UsageError("give either --cron or --every");
  }
  if (flags.cron !== undefined) return { cron: flags.cron, timeZone: flags.zone };
  return { everySeconds: flags.every!, anchor: flags.anchor };
}

function listCommand(): Command {
  return absurdCommand("list", "list schedules by name").action((flags: AbsurdFlags) =>
    printList(flags, "schedules", (client) => client.schedules.list(), formatSchedules),
  );
}

function showCommand(): Command {
  return absurdCommand("show", "show a schedule and what became of its last instants")
    .argument("<name>")
    .option("--limit <count>", "instants", wholeNumberIn(1, 10_000), 20)
    .action(async (name: string, flags: AbsurdFlags & { limit: number }) => {
      const [schedule, fires] = await withClient(flags, ({ schedules }) =>
        Promise.all([schedules.show(name), schedules.fires(name, flags.limit)]),
      );
      print(flags.json ?? false, { ...schedule, fires }, () => formatSchedule(schedule, fires));
    });
}

function nextCommand(): Command {
  return absurdCommand("next", "print the next instants of a schedule")
    .argument("<name>")
    .option("--count <count>", "instants", wholeNumberIn(1, 10_000), 10)
    .action(async (name: string, flags: AbsurdFlags & { count: number }) => {
      const [schedule, next] = await withClient(flags, ({ schedules }) =>
        Promise.all([schedules.show(name), schedules.preview(name, flags.count)]),
      );
      print(flags.json ?? false, { next }, () => formatInstants(next, schedule.spec));
    });
}

function pauseCommand(): Command {
  return actCommand("pause", "stop a schedule from firing")
    .argument("<name>")
    .option("--note <text>", "why")
    .action(async (name: string, flags: ReasonFlags & { note?: string }) => {
      const detail = { paused: true, note: flags.note };
      const deed = { action: "updateSchedule", target: name, detail } as const;
      await act(flags, deed, (client) => client.schedules.pause(name, flags.note));
      print(flags.json ?? false, { paused: name }, () => `paused ${name}`);
    });
}

function resumeCommand(): Command {
  return actCommand("resume", "let a schedule fire again, from now on")
    .argument("<name>")
    .option("--note <text>", "why")
    .action(async (name: string, flags: ReasonFlags & { note?: string }) => {
      const detail = { paused: false, note: flags.note };
      const deed = { action: "updateSchedule", target: name, detail } as const;
      await act(flags, deed, (client) => client.schedules.resume(name, flags.note));
      print(flags.json ?? false, { resumed: name }, () => `resumed ${name}`);
    });
}

function triggerCommand(): Command {
  return actCommand("trigger", "fire a schedule now, also when it is paused")
    .argument("<name>")
    .addOption(overlapOption())
    .action(async (name: string, flags: ReasonFlags & { overlap?: Overlap }) => {
      const { overlap } = flags;
      const deed = { action: "triggerSchedule", target: name, detail: { overlap } } as const;
      const fire = await act(flags, deed, (client) => client.schedules.trigger(name, overlap));
      print(flags.json ?? false, fire, () => formatFires([fire]));
    });
}

interface BackfillFlags extends ReasonFlags {
  readonly from: Date;
  readonly until: Date;
  readonly overlap: Overlap;
  readonly dryRun?: boolean;
}

function backfillCommand(): Command {
  return actCommand("backfill", "fire the past instants of a range that have no task yet")
    .argument("<name>")
    .requiredOption("--from <time>", "first instant", parseTime)
    .requiredOption("--until <time>", "last instant", parseTime)
    .addOption(overlapOption("bufferAll"))
    .option("--dry-run", "say which instants, and fire none")
    .addHelpText("after", BACKFILL_EXAMPLES)
    .action(backfill);
}

const BACKFILL_EXAMPLES = `
Examples:
  absurd schedules backfill nightly --from 2026-03-01 --until 2026-03-07 --dry-run
  absurd schedules backfill nightly --from 2026-03-01 --until 2026-03-07`;

async function backfill(name: string, flags: BackfillFlags): Promise<void> {
  const range = { from: flags.from, to: flags.until };
  if (flags.dryRun) {
    const [schedule, instants] = await withClient(flags, ({ schedules }) =>
      Promise.all([schedules.show(name), schedules.planBackfill(name, range)]),
    );
    print(flags.json ?? false, { dryRun: true, instants }, () =>
      [formatInstants(instants, schedule.spec), `${instants.length} would be fired`].join("\n"),
    );
    return;
  }
  const { overlap } = flags;
  const deed = { action: "backfillSchedule", target: name, detail: { ...range, overlap } } as const;
  const fires = await act(flags, deed, ({ schedules }) => schedules.backfill(name, range, overlap));
  print(flags.json ?? false, { fires }, () => formatFires(fires));
}

function deleteCommand(): Command {
  return actCommand("delete", "remove a schedule; its tasks stay")
    .argument("<name>")
    .action(async (name: string, flags: ReasonFlags) => {
      const deed = { action: "deleteSchedule", target: name } as const;
      await act(flags, deed, (client) => client.schedules.delete(name));
      print(flags.json ?? false, { deleted: name }, () => `deleted ${name}`);
    });
}
