/** `absurd templates`: versioned workflows with typed parameters. */
import {
  type TemplateDiff,
  type TemplatePlan,
  type TemplateView,
  diffTemplates,
} from "@contimg/absurd";
import { Command } from "commander";

import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { formatTime } from "./task-text.ts";
import { readParams, readTemplate } from "./workflow-file.ts";

const parseVersion = wholeNumberIn(1, 1_000_000);

const DEFINE_HELP = `
The file: {"name": "...", "params": [{"name": "count", "type": "integer", "default": 3}],
"tasks": {...}}, tasks as for: absurd workflows spawn. {"$param": "count"} stands for the value.
Types: string, number, integer, boolean, array, object, any.

Example:
  absurd templates define @night.json`;

export function templatesCommand(): Command {
  return new Command("templates")
    .description("versioned workflows with typed parameters: define, list, show, spawn, diff")
    .addCommand(defineCommand())
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(showCommand())
    .addCommand(spawnCommand())
    .addCommand(diffCommand());
}

function defineCommand(): Command {
  return actCommand("define", "store a template; a new version only when it differs")
    .argument("<template>", "JSON, @file, or - for standard input")
    .addHelpText("after", DEFINE_HELP)
    .action(async (argument: string, flags: ReasonFlags) => {
      const definition = await readTemplate(argument);
      const { name: target, ...detail } = definition;
      const deed = { action: "createTemplate", target, detail } as const;
      const stored = await act(flags, deed, (client) =>
        client.workflows.defineTemplate(definition),
      );
      print(flags.json ?? false, { name: definition.name, ...stored }, () =>
        stored.created
          ? `${definition.name} v${stored.version}`
          : `${definition.name} v${stored.version} is the same already`,
      );
    });
}

function listCommand(): Command {
  return absurdCommand("list", "list templates, each in its newest version")
    .addHelpText("after", "\nExample:\n  absurd templates list --json")
    .action((flags: AbsurdFlags) =>
      printList(flags, "templates", (client) => client.workflows.listTemplates(), formatTemplates),
    );
}

function formatTemplates(templates: readonly TemplateView[]): string {
  return formatTable(
    ["TEMPLATE", "VERSION", "NODES", "PARAMS", "CREATED"],
    templates.map((each) => [
      each.name,
      each.version,
      each.nodes.length,
      formatParams(each.params),
      formatTime(each.createdAt),
    ]),
  );
}

function showCommand(): Command {
  return absurdCommand("show", "show a template")
    .argument("<name>")
    .option("--version <number>", "default: the newest", parseVersion)
    .addHelpText("after", "\nExample:\n  absurd templates show night --version 2")
    .action(async (name: string, flags: AbsurdFlags & { version?: number }) => {
      const shown = await withClient(flags, (client) =>
        client.workflows.showTemplate(name, flags.version),
      );
      print(flags.json ?? false, shown, () =>
        [
          `${shown.name} v${shown.version}, ${formatTime(shown.createdAt)}`,
          `params: ${formatParams(shown.params) || "none"}`,
          ...formatNodes(shown.nodes),
        ].join("\n"),
      );
    });
}

interface SpawnFlags extends ReasonFlags {
  readonly params: string;
  readonly version?: number;
  readonly key?: string;
  readonly dryRun?: boolean;
}

function spawnCommand(): Command {
  return actCommand("spawn", "spawn a workflow from a template")
    .argument("<name>")
    .option("--params <json>", "JSON, @file, or - for standard input", "{}")
    .option("--version <number>", "default: the newest", parseVersion)
    .option("--key <text>", "idempotency key: a known one gives the older workflow")
    .option("--dry-run", "print the graph that would be spawned, and spawn nothing")
    .addHelpText(
      "after",
      `\nExample:\n  absurd templates spawn night --params '{"count":4}' --dry-run`,
    )
    .action(spawn);
}

async function spawn(name: string, flags: SpawnFlags): Promise<void> {
  const params = await readParams(flags.params);
  if (flags.dryRun === true) {
    const plan = await withClient(flags, (client) =>
      client.workflows.planTemplate(name, params, flags.version),
    );
    print(flags.json ?? false, plan, () => formatPlan(name, plan));
    return;
  }
  const options = { version: flags.version, idempotencyKey: flags.key };
  const deed = { action: "runTemplate", target: name, detail: { params, ...options } } as const;
  const spawned = await act(flags, deed, (client) =>
    client.workflows.spawnTemplate(name, params, options),
  );
  print(flags.json ?? false, spawned, () => spawned.workflowId);
}

function diffCommand(): Command {
  return absurdCommand("diff", "say what differs between two versions")
    .argument("<name>")
    .argument("<from>", "a version", parseVersion)
    .argument("[to]", "a version; default: the newest", parseVersion)
    .addHelpText("after", "\nExample:\n  absurd templates diff night 1 2")
    .action(async (name: string, from: number, to: number | undefined, flags: AbsurdFlags) => {
      const diff = await withClient(flags, async ({ workflows }) =>
        diffTemplates(
          await workflows.showTemplate(name, from),
          await workflows.showTemplate(name, to),
        ),
      );
      print(flags.json ?? false, diff, () => formatDiff(diff));
    });
}

function formatParams(params: TemplateView["params"]): string {
  return params.map((each) => `${each.name}: ${each.type}`).join(", ");
}

function formatPlan(name: string, plan: TemplatePlan): string {
  const head = `${name} v${plan.version} with ${JSON.stringify(plan.params)}`;
  return [head, ...formatNodes(plan.nodes)].join("\n");
}

function formatNodes(nodes: TemplateView["nodes"]): string[] {
  const width = Math.max(0, ...nodes.map((each) => each.node.length));
  return nodes.map((node) => {
    const fan =
      node["for_each"] === undefined ? "" : `  for each ${JSON.stringify(node["for_each"])}`;
    const edges = JSON.stringify(node["depends_on"] ?? []);
    const after = edges === "[]" ? "" : `  <- ${edges}`;
    const params = JSON.stringify(node["params"] ?? {});
    return `  ${node.node.padEnd(width)}  ${JSON.stringify(node["task_name"])} ${params}${after}${fan}`;
  });
}

function formatDiff(diff: TemplateDiff): string {
  const lines = [
    ...(diff.params ? ["~ params"] : []),
    ...diff.added.map((node) => `+ ${node}`),
    ...diff.removed.map((node) => `- ${node}`),
    ...diff.changed.map(({ node, fields }) => `~ ${node}: ${fields.join(", ")}`),
  ];
  return lines.length === 0 ? "no difference" : lines.join("\n");
}
