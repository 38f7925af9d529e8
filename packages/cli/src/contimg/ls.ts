/** `contimg ls products`: what there is. */
import { join } from "node:path";

import { listProducts, type ProductRow } from "@contimg/pipeline";
import { Command } from "commander";

import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatBytes, formatTable } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
} from "./options.ts";

interface ListFlags extends CommonFlags {
  readonly kind?: string;
  readonly group?: string;
  readonly limit?: number;
}

const EXAMPLES = `
Examples:
  contimg ls products
  contimg ls products --kind image --json
  contimg ls products --group 2026-01-25T22:26:05`;

export function lsCommand(): Command {
  const products = new Command("products")
    .description("current products, newest group first")
    .option("--kind <kind>", "such as image or calibration-table")
    .option("--group <group id>", "such as 2026-01-25T22:26:05")
    .option("--limit <count>", "at most so many", wholeNumberIn(1, 1_000_000));
  for (const add of [withDataRoot, withDatabase, withJson]) add(products);
  products.addHelpText("after", EXAMPLES).action(list);
  return new Command("ls").description("list what there is").addCommand(products);
}

async function list(flags: ListFlags): Promise<void> {
  const { databaseUrl, dataRoot } = requireDatabase(flags);
  const filter = {
    kind: flags.kind,
    groupId: flags.group,
    limit: flags.limit,
  };
  const products = await withPool(databaseUrl, (pool) => listProducts(pool, filter));
  const rows = products.map((product) => toJsonRow(product, dataRoot));
  print(flags.json ?? false, { products: rows }, () => describe(products));
}

function toJsonRow(product: ProductRow, dataRoot: string): object {
  return {
    product_id: product.productId,
    kind: product.kind,
    group_id: product.groupId,
    path: join(dataRoot, product.finalPath),
    size_bytes: product.sizeBytes,
    task_name: product.taskName,
    task_id: product.taskId,
    grade: product.grade,
    metadata: product.metadata,
    registered_at: product.registeredAt.toISOString(),
    published_at: product.publishedAt?.toISOString() ?? null,
  };
}

function describe(products: readonly ProductRow[]): string {
  if (products.length === 0) return "no products";
  return formatTable(
    ["GROUP", "KIND", "GRADE", "SIZE", "PATH"],
    products.map((product) => [
      product.groupId,
      product.kind,
      product.grade ?? "-",
      formatBytes(product.sizeBytes),
      product.finalPath,
    ]),
  );
}
