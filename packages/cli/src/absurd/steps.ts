/** `absurd steps`, `absurd emit`: what tasks keep and wait for. */
import type { AbsurdClient, EventView, Json, StepView } from "@contimg/absurd";
import type { Command } from "commander";

import { readJsonArgument } from "../json-argument.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";
import { formatTime } from "./task-text.ts";

const VALUE_COLUMNS = 60;

export function stepsCommand(): Command {
  return absurdCommand("steps", "show what the steps of a task gave, in the order of writing")
    .argument("<task id>", "a UUID, as printed by spawn and tasks")
    .addHelpText(
      "after",
      "\nSteps named $sleep, $event:… and $tasks are the engine's own.\n" +
        "\nExamples:\n  absurd steps 019a...\n  absurd steps 019a... --json",
    )
    .action((taskId: string, flags: AbsurdFlags) => {
      const ask = async (client: AbsurdClient) => {
        await client.show(taskId);
        return client.steps.list(taskId);
      };
      return printList(flags, "steps", ask, formatSteps);
    });
}

function formatSteps(steps: readonly StepView[]): string {
  return formatTable(
    ["STEP", "ATTEMPT", "AT", "VALUE"],
    steps.map(({ step, attempt, at, value }) => [
      step,
      attempt,
      formatTime(at),
      cut(value === null ? "" : JSON.stringify(value)),
    ]),
  );
}

function cut(text: string): string {
  return text.length > VALUE_COLUMNS ? `${text.slice(0, VALUE_COLUMNS - 1)}…` : text;
}

interface EmitFlags extends ReasonFlags {
  readonly payload?: string;
  readonly keepSeconds?: number;
}

export function emitCommand(): Command {
  return actCommand("emit", "emit an event: tasks that wait for it go on")
    .argument("<name>", "the event's name, 1 to 1000 bytes; only its first emit counts")
    .option("--payload <json>", "JSON, @file, or - for standard input")
    .option("--keep-seconds <seconds>", "how long it is remembered; default 30 days", keepSeconds)
    .addHelpText(
      "after",
      "\nExamples:\n  absurd emit dish-7-repaired\n" +
        '  absurd emit calibration-ready --payload \'{"table":"2026-03-01"}\'',
    )
    .action(emit);
}

const keepSeconds = numberIn(1, 1e9);

async function emit(name: string, flags: EmitFlags): Promise<void> {
  // What was read as JSON is JSON.
  const payload =
    flags.payload === undefined ? undefined : ((await readJsonArgument(flags.payload)) as Json);
  const options = flags.keepSeconds === undefined ? {} : { keepSeconds: flags.keepSeconds };
  const deed = { action: "emitEvent", target: name, detail: { payload, ...options } } as const;
  const { first, event } = await act(flags, deed, async (client) => ({
    first: await client.events.emit(name, payload, options),
    event: (await client.events.get(name))!,
  }));
  print(flags.json ?? false, { first, event }, () => emitText(first, event));
}

function emitText(first: boolean, event: EventView): string {
  if (first) return `emitted ${event.name}`;
  return `${event.name} happened already at ${formatTime(event.emittedAt)}; the first emit counts`;
}
