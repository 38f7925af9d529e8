/** `contimg explain IMAGE`: which calibrations a product has, why, and what it was made from. */
import {
  type Explanation,
  explainProduct,
  type RecordedDecision,
  recordText,
  roundText,
} from "@contimg/pipeline";
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
  contimg explain 2026-01-25T22:31:00
  contimg explain images/2026-01-25/2026-01-25T22:31:00.img-image-pb.fits
  contimg explain 2026-01-25T22:31:00 --json`;

export function explainCommand(): Command {
  const command = new Command("explain")
    .description("which calibration a product has and why, what was refused, where it came from")
    .argument("<image>", "path of a product, or a group id");
  for (const add of [withDataRoot, withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(explain);
}

async function explain(named: string, flags: CommonFlags): Promise<void> {
  const { databaseUrl, dataRoot } = requireDatabase(flags);
  const found = await withPool(databaseUrl, (pool) => explainProduct(pool, dataRoot, named));
  print(flags.json ?? false, toJson(found), () => describe(found));
}

function toJson(found: Explanation): object {
  const { product } = found;
  return {
    group_id: found.groupId,
    product: product && {
      product_id: product.productId,
      path: product.path,
      kind: product.kind,
      is_current: product.isCurrent,
    },
    decision: found.decision,
    waiting: found.waiting,
    earlier_decision_count: found.earlierDecisionCount,
    self_calibration: found.selfCalibration,
    stages: found.stages,
    made_again: found.madeAgain,
    lineage: found.lineage,
  };
}

function describe(found: Explanation): string {
  const { product, decision, waiting } = found;
  const lines: string[] = [];
  if (product) {
    const current = product.isCurrent ? "" : ", superseded";
    lines.push(`${product.path} (${product.kind}${current}), group ${found.groupId}`);
    if (decision) lines.push("", ...describeDecision(decision));
    else lines.push("", "its calibration was not recorded");
  } else {
    lines.push(`group ${found.groupId} has no calibrated product`);
  }
  if (waiting) lines.push("", ...describeDecision(waiting));
  const { selfCalibration } = found;
  if (selfCalibration) {
    lines.push("", recordText(selfCalibration));
    lines.push(...selfCalibration.rounds.map((round) => `  ${roundText(round)}`));
  }
  lines.push(...section("findings", findingsOf(found)));
  lines.push(
    ...section(
      "made again",
      found.madeAgain.map(
        ({ revision, reason, spawned_at }) =>
          `${spawned_at.toISOString()} as ${revision}: ${reason}`,
      ),
    ),
  );
  lines.push(
    ...section(
      "made from",
      found.lineage
        .filter(({ depth }) => depth > 0)
        .map(({ depth, path, kind }) => `${"  ".repeat(depth - 1)}${path} (${kind ?? "file"})`),
    ),
  );
  return lines.join("\n");
}

function describeDecision(decision: RecordedDecision): string[] {
  const { kind, reason, tables, refused, warnings } = decision;
  const head = kind === "hold" ? "waits" : `calibration ${kind}`;
  return [
    `${head}: ${reason}`,
    `  decided ${decision.decided_at.toISOString()}` +
      (decision.task_id === null ? " by hand" : ` by task ${decision.task_id}`),
    ...tables.map(
      ({ table_path, calibrator, offset_hours, weight }) =>
        `  ${weight.toFixed(2)} × ${table_path}` +
        (calibrator === null ? "" : ` of ${calibrator}`) +
        (offset_hours === null ? "" : `, ${hoursFromTile(offset_hours)}`),
    ),
    ...(decision.staleness === null ? [] : [`  ${decision.staleness}`]),
    ...section("warnings", warnings),
    ...section(
      "refused",
      refused.map(({ refusal, reason: why }) => `${refusal}: ${why}`),
    ),
  ];
}

function hoursFromTile(offsetHours: number): string {
  return `${Math.abs(offsetHours).toFixed(1)} h ${offsetHours < 0 ? "before" : "after"} the tile`;
}

function findingsOf({ stages }: Explanation): string[] {
  return stages.flatMap(({ task_name, grade, findings }) =>
    findings.map((finding) => `${task_name}, ${grade}: ${finding}`),
  );
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}
