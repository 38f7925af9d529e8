/** `contimg lineage PRODUCT`: what it was made from, and what was made of it. */
import { type LineageNode, readLineage } from "@contimg/pipeline";
import { Command } from "commander";

import { print } from "../output.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
} from "./options.ts";

const HELP = `
Examples:
  contimg lineage images/2026-01-25/2026-01-25T22:26:05.img-image.fits
  contimg lineage caltables/2026-01-25/2026-01-25T22:00:00.bcal --json
  contimg lineage J0834+5534@2026-01-25T22:26:05     a point of a light curve`;

export function lineageCommand(): Command {
  const command = new Command("lineage")
    .description("what a product was made from, and what was made of it")
    .argument("<product>", "product id, path, or SOURCE@GROUP for a point of a light curve");
  for (const add of [withDataRoot, withDatabase, withJson]) add(command);
  return command
    .addHelpText("after", HELP)
    .action(async (named: string, flags: CommonFlags): Promise<void> => {
      const { databaseUrl, dataRoot } = requireDatabase(flags);
      const { up, down } = await withPool(databaseUrl, (pool) =>
        readLineage(pool, dataRoot, named),
      );
      print(flags.json ?? false, { up: toJson(up), down: toJson(down) }, () =>
        [
          describe(up),
          "made from",
          ...branches(up.children, ""),
          "went into",
          ...branches(down.children, ""),
        ].join("\n"),
      );
    });
}

function toJson(node: LineageNode): object {
  return {
    type: node.type,
    path: node.path,
    product_id: node.productId,
    kind: node.kind,
    group_id: node.groupId,
    task_name: node.taskName,
    task_id: node.taskId,
    state: node.state,
    software: node.software,
    count: node.count,
    is_repeated: node.isRepeated,
    children: node.children.map(toJson),
  };
}

function branches(nodes: readonly LineageNode[], indent: string): string[] {
  if (nodes.length === 0 && indent === "") return ["  nothing"];
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const head = `${indent}${isLast ? "└─" : "├─"} ${describe(node)}`;
    return [head, ...branches(node.children, `${indent}${isLast ? "   " : "│  "}`)];
  });
}

function describe(node: LineageNode): string {
  if (node.type === "measurements") return `${node.count ?? 0} ${node.path}`;
  if (node.type === "raw-file") return node.path;
  const state = node.state === "current" ? "" : `, ${node.state}`;
  const again = node.isRepeated ? " (see above)" : "";
  return `${node.path} (${node.kind ?? ""} by ${node.taskName ?? ""}${state})${again}`;
}
