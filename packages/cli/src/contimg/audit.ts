/** `contimg audit`: proves that registry and disk are equal, and repairs what is safe to repair. */
import {
  audit,
  type AuditReport,
  type AuditFinding,
  repair,
  type Repaired,
} from "@contimg/pipeline";
import { Command } from "commander";

import { NotInOrder } from "../failure.ts";
import { print } from "../output.ts";
import { formatBytes } from "../terminal.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
} from "./options.ts";

interface AuditFlags extends CommonFlags {
  readonly deep?: boolean;
  readonly repair?: boolean;
}

const HELP = `
Remedies:
  reconcile      finish the move, or remove the folder of an attempt that is over
  quarantine     move the file below .quarantine/ of its top folder
  mark-missing   the product is not current any more; contimg redo --missing makes it again
  link           give the lineage the product that had the path
  retire         the calibration is not chosen any more
  person         nothing is done: judge it

Examples:
  contimg audit
  contimg audit --deep --json
  contimg audit --repair

Ends with exit code 1 when something was found, also when it was repaired. Safe beside workers.`;

export function auditCommand(): Command {
  const command = new Command("audit")
    .description("prove that registry and disk are equal")
    .option("--deep", "read every byte and compare checksums, too")
    .option("--repair", "do the remedies that are safe; nothing is deleted that a row names");
  for (const add of [withDataRoot, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(run);
}

async function run(flags: AuditFlags): Promise<void> {
  const { databaseUrl, dataRoot } = requireDatabase(flags);
  const { report, repaired } = await withPool(databaseUrl, async (pool) => {
    const found = await audit(pool, dataRoot, { deep: flags.deep ?? false });
    const done = flags.repair ? await repair(pool, dataRoot, found.findings) : [];
    return { report: found, repaired: done };
  });
  print(flags.json ?? false, toJson(report, repaired), () => describe(report, repaired));
  const count = report.findings.length;
  if (count === 0) return;
  const open = flags.repair ? repaired.filter((each) => each.done === undefined).length : count;
  const hint = flags.repair ? `${open} are left for a person` : "contimg audit --repair mends it";
  throw new NotInOrder(`the audit found ${count} difference${count === 1 ? "" : "s"}: ${hint}`);
}

function toJson(report: AuditReport, repaired: readonly Repaired[]): object {
  const done = new Map(repaired.map((each) => [each.finding, each.done ?? null]));
  return {
    product_count: report.productCount,
    bytes: report.bytes,
    unchecked_count: report.uncheckedCount,
    findings: report.findings.map((each) => ({
      kind: each.kind,
      path: each.path,
      product_id: each.productId,
      detail: each.detail,
      remedy: each.remedy,
      repaired: done.get(each) ?? null,
    })),
  };
}

function describe(report: AuditReport, repaired: readonly Repaired[]): string {
  const done = new Map(repaired.map((each) => [each.finding, each.done]));
  const line = (each: AuditFinding): string =>
    `${each.kind}: ${each.detail} [${done.get(each) ?? each.remedy}]`;
  const unchecked =
    report.uncheckedCount === 0 ? "" : `; ${report.uncheckedCount} have no checksum to compare`;
  const summary =
    `${report.productCount} products, ${formatBytes(report.bytes)}: ` +
    `${report.findings.length} differences${unchecked}`;
  return [...report.findings.map(line), summary].join("\n");
}
