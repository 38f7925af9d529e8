/** `absurd explain`, `absurd move`: why a task waits, and putting it elsewhere. */
import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { parsePriority } from "../number-argument.ts";
import { print } from "../output.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";

export function explainCommand(): Command {
  return absurdCommand("explain", "say why a task is not running")
    .argument("<task id>", "a UUID, as printed by spawn and tasks")
    .addHelpText("after", "\nExample:\n  absurd explain 019a...-...")
    .action(async (taskId: string, flags: AbsurdFlags) => {
      const reasons = await withClient(flags, (client) => client.explain(taskId));
      print(flags.json ?? false, { taskId, reasons }, () =>
        reasons.map((each) => each.message).join("\n"),
      );
    });
}

interface MoveFlags extends ReasonFlags {
  readonly priority?: number;
}

export function moveCommand(): Command {
  return actCommand("move", "give a task that does not run another priority or queue")
    .argument("<task id>", "a UUID, as printed by spawn and tasks")
    .option("--priority <number>", "higher first", parsePriority)
    .option("--queue <name>", "the other queue")
    .addHelpText(
      "after",
      "\nIt keeps its age: it ranks as if it had been spawned there.\n" +
        "\nExamples:\n  absurd move 019a...-... --priority 10" +
        "\n  absurd move 019a...-... --queue night --priority 0",
    )
    .action(async (taskId: string, flags: MoveFlags) => {
      const { priority, queue } = flags;
      if (priority === undefined && queue === undefined) {
        throw new UsageError("nothing to change: give --priority, --queue or both");
      }
      const detail = { priority, queue };
      const deed = { action: "moveTask", target: taskId, detail } as const;
      await act(flags, deed, (client) => client.queues.move(taskId, detail));
      print(flags.json ?? false, { taskId, priority, queue }, () => `moved ${taskId}`);
    });
}
