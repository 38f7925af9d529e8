/** `absurd workflows`: spawn, look at, cancel and rerun graphs of tasks. */
import type { WorkflowDetail, WorkflowSummary } from "@contimg/absurd";
import { Command } from "commander";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { formatTime } from "./task-text.ts";
import { readWorkflow } from "./workflow-file.ts";

const SPAWN_HELP = `
The file: {"name": "...", "tasks": {"<node>": {"task": "<task name>", "params": {...},
"dependsOn": [...], "forEach": {...}}}}. An element of dependsOn is a node's name, or
{"on": "<node>", "when": "success|failure|always" or {"resultMatches": "$.rms < 0.5"},
"otherwise": "cancel|skip|continue"}, or {"anyOf": [...]}.

Examples:
  absurd workflows spawn @night.json
  absurd workflows spawn '{"name":"w","tasks":{"a":{"task":"greet"},
    "b":{"task":"greet","dependsOn":["a"]}}}'
  absurd workflows spawn @night.json --key 2026-03-01`;

export function workflowsCommand(): Command {
  return new Command("workflows")
    .description("graphs of tasks: spawn, show, list, cancel, rerun")
    .addCommand(spawnCommand())
    .addCommand(showCommand())
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(cancelCommand())
    .addCommand(rerunCommand());
}

function spawnCommand(): Command {
  return actCommand("spawn", "put all tasks of a workflow into the queue, or none")
    .argument("<workflow>", "JSON, @file, or - for standard input")
    .option("--key <text>", "idempotency key: a known one gives the older workflow")
    .addHelpText("after", SPAWN_HELP)
    .action(async (argument: string, flags: ReasonFlags & { key?: string }) => {
      const given = await readWorkflow(argument);
      const spec = flags.key === undefined ? given : { ...given, idempotencyKey: flags.key };
      const target = ({ workflowId }: { readonly workflowId: string }) => workflowId;
      const deed = { action: "createWorkflow", target, detail: spec } as const;
      const spawned = await act(flags, deed, (client) => client.workflows.spawn(spec));
      print(flags.json ?? false, spawned, () => spawned.workflowId);
    });
}

function showCommand(): Command {
  return absurdCommand("show", "show a workflow: its nodes, what each waits for, how each is")
    .argument("<workflow id>")
    .addHelpText("after", "\nExample:\n  absurd workflows show 019a...-... --json")
    .action(async (id: string, flags: AbsurdFlags) => {
      const shown = await withClient(flags, (client) => client.workflows.show(id));
      print(flags.json ?? false, shown, () => formatWorkflow(shown));
    });
}

function listCommand(): Command {
  return absurdCommand("list", "list workflows, newest first")
    .option("--name <name>", "only of this name")
    .option("--before <workflow id>", "go on after this one")
    .option("--limit <count>", "workflows a page", wholeNumberIn(1, 10_000), 50)
    .addHelpText("after", "\nExample:\n  absurd workflows list --name night --limit 10")
    .action((flags: AbsurdFlags & { name?: string; before?: string; limit: number }) => {
      const page = { name: flags.name, before: flags.before, limit: flags.limit };
      return printList(
        flags,
        "workflows",
        (client) => client.workflows.list(page),
        formatWorkflows,
      );
    });
}

function cancelCommand(): Command {
  return absurdCommand("cancel", "cancel what has not ended of a workflow")
    .argument("<workflow id>")
    .option("--reason <text>", "what the tasks' errors will say", "its workflow was cancelled")
    .addHelpText("after", '\nExample:\n  absurd workflows cancel 019a...-... --reason "clouds"')
    .action(async (id: string, flags: AbsurdFlags & { reason: string }) => {
      const deed = { action: "cancelWorkflow", target: id } as const;
      const cancelled = await act(flags, deed, (client) =>
        client.workflows.cancel(id, flags.reason),
      );
      print(
        flags.json ?? false,
        { workflowId: id, cancelled },
        () => `cancelled ${cancelled} tasks`,
      );
    });
}

const RERUN_HELP = `
What completed outside of the part is kept. What was cancelled or skipped because of it starts
anew, too. Refused while a node of the part runs.

Examples:
  absurd workflows rerun 019a...-... --failed
  absurd workflows rerun 019a...-... --from calibrate
  absurd workflows rerun 019a...-... --from calibrate --only`;

function rerunCommand(): Command {
  return actCommand("rerun", "give a part of a workflow a new start")
    .argument("<workflow id>")
    .option("--failed", "all that failed or was cancelled")
    .option("--from <node...>", "these nodes and all that depends on them")
    .option("--only", "with --from: not what depends on them")
    .addHelpText("after", RERUN_HELP)
    .action(rerun);
}

async function rerun(
  id: string,
  flags: ReasonFlags & { failed?: boolean; from?: string[]; only?: boolean },
): Promise<void> {
  if ((flags.failed === true) === (flags.from !== undefined)) {
    throw new UsageError("rerun takes either --failed or --from <node...>");
  }
  const part =
    flags.from === undefined
      ? ({ failedOnly: true } as const)
      : { from: flags.from, descendants: flags.only !== true };
  const deed = { action: "rerunWorkflow", target: id, detail: part } as const;
  const nodes = await act(flags, deed, (client) => client.workflows.rerun(id, part));
  print(flags.json ?? false, { workflowId: id, nodes }, () =>
    nodes.length === 0 ? "nothing to rerun" : `start anew: ${nodes.join(", ")}`,
  );
}

function formatWorkflows(workflows: readonly WorkflowSummary[]): string {
  return formatTable(
    ["WORKFLOW", "NAME", "STATUS", "NODES", "OPEN", "FAILED", "TEMPLATE", "CREATED"],
    workflows.map((each) => [
      each.workflowId,
      each.name,
      each.status,
      each.counts.total,
      each.counts.open,
      each.counts.failed,
      each.template === null ? "" : `${each.template} v${each.version ?? ""}`,
      formatTime(each.createdAt),
    ]),
  );
}

function formatWorkflow(shown: WorkflowDetail): string {
  const { total, ...counts } = shown.counts;
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const summary = parts.map(([what, count]) => `${count} ${what}`).join(", ");
  return [
    `${shown.name} ${shown.workflowId}`,
    `${shown.status}: ${total} nodes${summary === "" ? "" : `, ${summary}`}`,
    ...formatNodes(shown.nodes),
  ].join("\n");
}

type Node = WorkflowDetail["nodes"][number];

/** One line a node, parents first, indented by the longest way from a root. */
function formatNodes(nodes: readonly Node[]): string[] {
  const depths = new Map<string, number>();
  for (const node of nodes) {
    const above = node.dependsOn.map((edge) => depths.get(edge.on) ?? -1);
    depths.set(node.node, Math.max(-1, ...above) + 1);
  }
  const labels = nodes.map((each) => "  ".repeat(depths.get(each.node) ?? 0) + each.node);
  const width = Math.max(0, ...labels.map((label) => label.length));
  return nodes.map((node, i) => {
    const status = node.isSkipped ? "skipped" : node.status;
    const edges = node.dependsOn.map(formatEdge).join(", ");
    const message = node.status === "failed" ? `  ! ${node.message ?? ""}` : "";
    const after = edges === "" ? "" : `  <- ${edges}`;
    return `${labels[i]!.padEnd(width)}  ${status.padEnd(9)}  ${node.taskName}${after}${message}`;
  });
}

function formatEdge(edge: Node["dependsOn"][number]): string {
  const parts = [
    edge.when === "success" ? "" : edge.when,
    edge.otherwise === "cancel" ? "" : `else ${edge.otherwise}`,
    edge.any_of === undefined ? "" : `any of ${edge.any_of}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? edge.on : `${edge.on} (${parts.join(", ")})`;
}
