/** `contimg quality`: what the gates said, and a person's word on what is held. */
import {
  decide,
  type Decision,
  listQuality,
  STAGES,
  type MetricInHistory,
  type StageQuality,
} from "@contimg/pipeline";
import { Command } from "commander";

import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { type CommonFlags, requireDatabase, withDatabase, withJson, withPool } from "./options.ts";

interface ListFlags extends CommonFlags {
  readonly held?: boolean;
  readonly limit: number;
}

interface DecideFlags extends CommonFlags {
  readonly stage: string;
  readonly by: string;
  readonly reason: string;
}

const EXAMPLES = `
Examples:
  contimg quality --held
  contimg quality 2026-01-25T22:26:05
  contimg quality release 2026-01-25T22:26:05 --stage imaging --by "A. Person" --reason "it is fine"
  contimg quality reject 2026-01-25T22:26:05 --stage imaging --by "A. Person" --reason "ripples"

PERCENTILE and SIGMA place a value among the last hundred of its stage.`;

export function qualityCommand(): Command {
  const command = new Command("quality")
    .description("verdicts of the quality gates, findings, and each value in its history")
    .argument("[group]", "such as 2026-01-25T22:26:05; all groups when absent")
    .option("--held", "only what waits for a person")
    .option("--limit <count>", "at most so many", wholeNumberIn(1, 100_000), 100)
    .enablePositionalOptions()
    .addCommand(decisionCommand("release", "let a held run and its chain go on"))
    .addCommand(decisionCommand("reject", "end a held run and its chain"));
  for (const add of [withDatabase, withJson]) add(command);
  return command.addHelpText("after", EXAMPLES).action(list);
}

function decisionCommand(name: "release" | "reject", description: string): Command {
  const command = new Command(name)
    .description(description)
    .argument("<group>", "such as 2026-01-25T22:26:05")
    .requiredOption("--stage <stage>", STAGES.map(({ stage }) => stage.name).join(", "))
    .requiredOption("--by <name>", "who decides; kept with the products")
    .requiredOption("--reason <text>", "why; kept with the products");
  for (const add of [withDatabase, withJson]) add(command);
  return command.action((group: string, flags: DecideFlags) =>
    decideOn(group, name === "release" ? "released" : "rejected", flags),
  );
}

async function decideOn(
  groupId: string,
  decision: Decision["decision"],
  flags: DecideFlags,
): Promise<void> {
  const { databaseUrl } = requireDatabase(flags);
  const { stage, by, reason } = flags;
  const { taskId } = await withPool(databaseUrl, (pool) =>
    decide(pool, STAGES, { groupId, stage, decision, by, reason }),
  );
  const row = { group_id: groupId, stage, decision, by, reason, task_id: taskId };
  print(flags.json ?? false, row, () => `${groupId} ${stage}: ${decision} by ${by}`);
}

async function list(group: string | undefined, flags: ListFlags): Promise<void> {
  const { databaseUrl } = requireDatabase(flags);
  const filter = { groupId: group, heldOnly: flags.held, limit: flags.limit };
  const verdicts = await withPool(databaseUrl, (pool) => listQuality(pool, filter));
  print(flags.json ?? false, { verdicts: verdicts.map(toJsonRow) }, () => {
    if (verdicts.length === 0) return flags.held ? "nothing is held" : "no verdicts";
    return group === undefined ? overview(verdicts) : detail(verdicts);
  });
}

function toJsonRow(quality: StageQuality): object {
  const { decision, recovery } = quality;
  return {
    group_id: quality.groupId,
    stage: quality.stage,
    verdict: quality.verdict,
    state: quality.state,
    findings: quality.findings,
    metrics: quality.metrics.map(({ metric, value, percentile, zScore, pastCount }) => ({
      ...{ metric, value, percentile, z_score: zScore, past_count: pastCount },
    })),
    task_id: quality.taskId,
    recorded_at: quality.recordedAt.toISOString(),
    decision: decision && { ...decision, at: decision.at.toISOString() },
    recovery: recovery && { route: recovery.route, task_id: recovery.taskId },
  };
}

function overview(verdicts: readonly StageQuality[]): string {
  return formatTable(
    ["GROUP", "STAGE", "VERDICT", "WHY"],
    verdicts.map((quality) => [
      quality.groupId,
      quality.stage,
      verdictOf(quality),
      quality.findings.map(({ text }) => text).join("; "),
    ]),
  );
}

function detail(verdicts: readonly StageQuality[]): string {
  const lines = verdicts.flatMap((quality) => [
    `${quality.stage}: ${verdictOf(quality)}`,
    ...quality.findings.map(({ verdict, text }) => `  ${verdict}: ${text}`),
    ...(quality.decision === null ? [] : [`  reason: ${quality.decision.reason}`]),
  ]);
  const metrics = verdicts.flatMap(({ stage, metrics: each }) =>
    each.map((metric) => metricRow(stage, metric)),
  );
  const table = formatTable(["STAGE", "METRIC", "VALUE", "PERCENTILE", "SIGMA", "OF"], metrics);
  return [...lines, "", table].join("\n");
}

/** held, released by A. Person on 2026-01-26, recovering by next-reference (task …). */
function verdictOf({ verdict, state, decision, recovery }: StageQuality): string {
  const who = decision && ` by ${decision.by} on ${decision.at.toISOString().slice(0, 10)}`;
  const how = recovery && ` by ${recovery.route} (task ${recovery.taskId})`;
  return `${state ?? verdict}${who ?? ""}${how ?? ""}`;
}

function metricRow(stage: string, metric: MetricInHistory): (string | number)[] {
  const { percentile, zScore, pastCount } = metric;
  return [
    stage,
    metric.metric,
    Number(metric.value.toPrecision(4)),
    percentile === null ? "–" : percentile.toFixed(0),
    zScore === null ? "–" : zScore.toFixed(1),
    pastCount,
  ];
}
