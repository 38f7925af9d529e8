/** `absurd workers list|drain|resume|stop`: who works, and asking workers to pause or to end. */
import type { AbsurdClient, WorkerView } from "@contimg/absurd";
import { Command } from "commander";

import { parseGraceSeconds, wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatDuration, formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";

const parseWorkerId = wholeNumberIn(1, 2_147_483_647);

export function workersCommand(): Command {
  return new Command("workers")
    .description("look at workers; ask them to drain or to stop")
    .addCommand(listWorkers(), { isDefault: true })
    .addCommand(
      request("drain", "let a worker end what it runs and claim nothing more", (client, id) =>
        client.workers.drain(id),
      ),
    )
    .addCommand(request("resume", "take a drain back", (client, id) => client.workers.resume(id)))
    .addCommand(stopWorker());
}

function listWorkers(): Command {
  return absurdCommand("list", "list registered workers and what they run")
    .addHelpText("after", "\nExample:\n  absurd workers list")
    .action((flags: AbsurdFlags) =>
      printList(flags, "workers", (client) => client.workers.list(), formatWorkers),
    );
}

function formatWorkers(workers: readonly WorkerView[]): string {
  const table = formatTable(
    ["ID", "NAME", "HOST", "PID", "VERSION", "QUEUES", "RUNS", "BEAT s", "STATE"],
    workers.map((each) => [
      each.workerId,
      each.name,
      each.host ?? "",
      each.pid ?? "",
      each.version ?? "",
      each.queues.join(","),
      `${each.tasks.length}/${each.concurrency}`,
      each.beatAgeSeconds.toFixed(1),
      stateOf(each),
    ]),
  );
  const tasks = workers.flatMap((each) =>
    each.tasks.map(
      (task) =>
        `${each.workerId}  ${task.taskId}  ${task.taskName}, attempt ${task.attempt}, ` +
        `for ${formatDuration(secondsSince(task.claimedAt))}`,
    ),
  );
  return [table, ...tasks].join("\n");
}

/** Of the database's clock by that of this machine: minutes matter here, not seconds. */
function secondsSince(time: Date): number {
  return Math.max(0, (Date.now() - time.getTime()) / 1000);
}

function stateOf(worker: WorkerView): string {
  if (worker.beatAgeSeconds > worker.leaseSeconds) return "silent";
  return worker.asked === null ? "works" : `asked to ${worker.asked}`;
}

function request(
  name: "drain" | "resume",
  description: string,
  ask: (client: AbsurdClient, workerId: number) => Promise<void>,
): Command {
  return actCommand(name, description)
    .argument("<worker id>", "the number that workers list prints", parseWorkerId)
    .addHelpText("after", `\nExample:\n  absurd workers ${name} 17 --reason "new memory"`)
    .action(async (workerId: number, flags: ReasonFlags) => {
      const deed = { action: `${name}Worker`, target: String(workerId) } as const;
      await act(flags, deed, (client) => ask(client, workerId));
      print(flags.json ?? false, { workerId, asked: name }, () => `asked ${workerId} to ${name}`);
    });
}

function stopWorker(): Command {
  return actCommand("stop", "let a worker end, as on SIGTERM")
    .argument("<worker id>", "the number that workers list prints", parseWorkerId)
    .option("--grace-seconds <seconds>", "how long tasks may go on", parseGraceSeconds, 30)
    .addHelpText("after", "\nExample:\n  absurd workers stop 17 --grace-seconds 60")
    .action(async (workerId: number, flags: ReasonFlags & { readonly graceSeconds: number }) => {
      const { graceSeconds } = flags;
      const target = String(workerId);
      const deed = { action: "stopWorker", target, detail: { graceSeconds } } as const;
      await act(flags, deed, (client) => client.workers.stop(workerId, { graceSeconds }));
      print(flags.json ?? false, { workerId, asked: "stop", graceSeconds }, () => {
        return `asked ${workerId} to stop`;
      });
    });
}
