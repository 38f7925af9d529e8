/** `absurd queues list|pause|resume|drain|configure|use-version`. */
import type { AbsurdClient, QueueSettings, QueueView } from "@contimg/absurd";
import { drainsInSeconds } from "@contimg/api";
import { Command, InvalidArgumentError, Option } from "commander";

import { UsageError } from "../failure.ts";
import { numberIn, wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatDuration, formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";
import { formatTime } from "./task-text.ts";

// Not null: commander takes that for an option without value.
const NONE = "none";

interface ConfigureFlags extends ReasonFlags {
  readonly pendingMax?: number | typeof NONE;
  readonly runningMax?: number | typeof NONE;
  readonly weight?: number | typeof NONE;
  readonly mode?: "strict" | "aging";
  readonly agingSeconds?: number;
}

const CONFIGURE_HELP = `
What is not given stays as it is; "none" takes a limit or a weight away.

Examples:
  absurd queues configure imaging --running-max 4
  absurd queues configure mail --pending-max 10000 --weight 3
  absurd queues configure default --mode aging --aging-seconds 600
  absurd queues configure imaging --running-max none`;

export function queuesCommand(): Command {
  return new Command("queues")
    .description("look at queues; pause, drain, limit and weigh them")
    .addCommand(listQueues(), { isDefault: true })
    .addCommand(verb("pause", "claim nothing of it any more; what runs goes on", "paused"))
    .addCommand(verb("resume", "end a pause or a drain", "resumed"))
    .addCommand(verb("drain", "refuse new tasks, do those that are there", "draining"))
    .addCommand(configureQueue())
    .addCommand(useVersion());
}

function listQueues(): Command {
  return absurdCommand("list", "list queues with their settings and what they hold")
    .addHelpText("after", "\nExample:\n  absurd queues list --json")
    .action((flags: AbsurdFlags) => printList(flags, "queues", readQueues, formatQueues));
}

interface PacedQueue extends QueueView {
  /** Ends a second over the last minutes. */
  readonly throughputPerSecond: number;
  /** Until nothing is ready; null: at this pace never. */
  readonly drainsInSeconds: number | null;
}

async function readQueues(client: AbsurdClient): Promise<PacedQueue[]> {
  const [queues, paces] = await Promise.all([client.queues.list(), client.queues.pace()]);
  return queues.map((queue) => {
    const pace = paces.find((each) => each.queue === queue.name);
    return {
      ...queue,
      throughputPerSecond: pace?.endsPerSecond ?? 0,
      drainsInSeconds: drainsInSeconds(queue.ready, pace),
    };
  });
}

function formatQueues(queues: readonly PacedQueue[]): string {
  return formatTable(
    [
      ...["QUEUE", "STATE", "READY", "DEFERRED", "WAITING", "RUNNING", "OLDEST"],
      ...["ENDS/min", "DRAINS IN", "WEIGHT", "PRIORITIES"],
    ],
    queues.map((each) => [
      each.name,
      [each.paused ? "paused" : "", each.draining ? "draining" : ""].filter(Boolean).join(", ") ||
        "open",
      ofMax(each.ready, each.pendingMax),
      each.deferred,
      each.waiting,
      ofMax(each.running, each.runningMax),
      formatTime(each.oldestAt),
      (each.throughputPerSecond * 60).toFixed(1),
      drainText(each),
      each.weight ?? "",
      each.priorityMode === "aging" ? `aging, ${each.agingSeconds} s a step` : "strict",
    ]),
  );
}

function drainText({ ready, drainsInSeconds: seconds }: PacedQueue): string {
  if (ready === 0) return "";
  return seconds === null ? "not at this pace" : formatDuration(seconds);
}

function ofMax(count: number, max: number | null): string {
  return max === null ? String(count) : `${count} of ${max}`;
}

function verb(name: "pause" | "resume" | "drain", description: string, done: string): Command {
  return actCommand(name, description)
    .argument("<queue>")
    .addHelpText("after", `\nExample:\n  absurd queues ${name} imaging --reason "the disk is full"`)
    .action(async (queue: string, flags: ReasonFlags) => {
      const deed = { action: `${name}Queue`, target: queue } as const;
      await act(flags, deed, (client) => client.queues[name](queue));
      print(flags.json ?? false, { queue, [done]: true }, () => `${queue} ${done}`);
    });
}

function configureQueue(): Command {
  return actCommand("configure", "set limits, weight and priorities of a queue")
    .argument("<queue>")
    .option("--pending-max <count>", "ready tasks; a spawn beyond is refused", countOrNone)
    .option("--running-max <count>", "tasks at once over all workers", countOrNone)
    .option("--weight <number>", "share of workers that serve several queues", weightOrNone)
    .addOption(new Option("--mode <mode>", "of priorities").choices(["strict", "aging"]))
    .option("--aging-seconds <seconds>", "of one priority step", numberIn(0.001, 1e9))
    .addHelpText("after", CONFIGURE_HELP)
    .action(async (queue: string, flags: ConfigureFlags) => {
      const { mode, agingSeconds } = flags;
      const settings: QueueSettings = {
        pendingMax: orNull(flags.pendingMax),
        runningMax: orNull(flags.runningMax),
        weight: orNull(flags.weight),
        priorityMode: mode,
        agingSeconds,
      };
      if (Object.values(settings).every((value) => value === undefined)) {
        throw new UsageError("nothing to set; see: absurd queues configure --help");
      }
      const deed = { action: "configureQueue", target: queue, detail: settings } as const;
      await act(flags, deed, (client) => client.queues.configure(queue, settings));
      print(flags.json ?? false, { queue, settings }, () => `${queue} configured`);
    });
}

function useVersion(): Command {
  return actCommand("use-version", "make a registered version the one that spawns take")
    .argument("<name>", "a task name")
    .argument("<version>")
    .addHelpText(
      "after",
      "\nExample, the way back after a deploy:\n  absurd queues use-version imaging 41",
    )
    .action(async (name: string, version: string, flags: ReasonFlags) => {
      const deed = { action: "useVersion", target: name, detail: { version } } as const;
      await act(flags, deed, (client) => client.queues.useVersion(name, version));
      print(flags.json ?? false, { name, version }, () => `new tasks are ${name}@${version}`);
    });
}

const parseCount = wholeNumberIn(1, 2_147_483_647);
const parseWeight = wholeNumberIn(1, 1000);

function countOrNone(text: string): number | typeof NONE {
  return text === NONE ? NONE : orNone(() => parseCount(text));
}

function weightOrNone(text: string): number | typeof NONE {
  return text === NONE ? NONE : orNone(() => parseWeight(text));
}

function orNull(value: number | typeof NONE | undefined): number | null | undefined {
  return value === NONE ? null : value;
}

function orNone(parse: () => number): number {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`${error.message.replace(/\.$/, "")}, or none.`);
  }
}
