/** A soak's results, as one JSON object and as text for people. Pure. */
import { formatDuration, formatTable } from "../../terminal.ts";
import { summaryLines } from "../demo/figures.ts";
import type { Disturbed } from "./disturber.ts";
import type { StageTime, TruthSummary } from "./evidence.ts";
import { DATA_FAULTS, DISTURBANCES } from "./night.ts";
import type { Timing } from "./punctuality.ts";
import type { TileOutcome, Verdict } from "./verdict.ts";

export interface SoakReport extends Verdict {
  readonly size: string;
  readonly seed: number;
  readonly outcomes: readonly TileOutcome[];
  readonly disturbed: readonly Disturbed[];
  readonly truth: TruthSummary;
  readonly timing: Timing;
  readonly stages: readonly StageTime[];
}

export function reportAsJson(report: SoakReport): object {
  const { lost, duplicates, auditFindings, problems, size, seed, timing, stages, truth } = report;
  return {
    ...{ lost, duplicates, auditFindings, problems, size, seed, timing, stages, truth },
    tiles: report.outcomes.map(({ tile, ...end }) => ({
      ...{ index: tile.index, groupId: tile.groupId, fault: tile.fault, expected: tile.expected },
      ...{ fate: end.fate, why: end.why, revision: end.revision },
      ...{ latencySeconds: end.latencySeconds, failures: end.failures },
    })),
    disturbances: report.disturbed.map(({ disturbance, ...rest }) => ({
      ...{ kind: disturbance.kind, stage: disturbance.stage, fromTile: disturbance.fromTile },
      ...rest,
    })),
  };
}

export function formatSoak(report: SoakReport): string {
  return [
    tileTable(report.outcomes),
    disturbanceTable(report.disturbed),
    stageTable(report.stages),
    timingLines(report),
    truthLines(report.truth),
    verdictLines(report),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function tileTable(outcomes: readonly TileOutcome[]): string {
  return formatTable(
    ["TILE", "GROUP", "END", "SECONDS", "DATA", "WHY"],
    outcomes.map(({ tile, fate, latencySeconds, why }) => [
      tile.index,
      tile.groupId,
      fate === tile.expected ? fate : `${fate.toUpperCase()} (expected ${tile.expected})`,
      latencySeconds?.toFixed(0) ?? "–",
      tile.fault === null ? "" : DATA_FAULTS[tile.fault],
      why ?? "",
    ]),
  );
}

function disturbanceTable(disturbed: readonly Disturbed[]): string {
  if (disturbed.length === 0) return "";
  return formatTable(
    ["DISTURBANCE", "AT", "TILE", "WHAT HAPPENED"],
    disturbed.map(({ disturbance, groupId, state, detail }) => [
      DISTURBANCES[disturbance.kind],
      disturbance.stage ?? "ingest",
      groupId ?? "–",
      state === "done" ? detail : `${state}: ${detail}`,
    ]),
  );
}

function stageTable(stages: readonly StageTime[]): string {
  return formatTable(
    ["STAGE", "RUNS", "MEDIAN s", "P95 s", "MAX s", "PEAK MiB"],
    stages.map((each) => [
      each.stage,
      each.runs,
      each.medianSeconds.toFixed(1),
      each.p95Seconds.toFixed(1),
      each.maxSeconds.toFixed(1),
      each.peakMib.toFixed(0),
    ]),
  );
}

function timingLines({ timing }: SoakReport): string {
  const { median, p95, max } = timing.latencySeconds;
  const latency = [median, p95, max].map((seconds) => `${seconds.toFixed(0)} s`).join(", ");
  return [
    `the night took ${formatDuration(timing.seconds)}, real-time factor ` +
      (timing.realTimeFactor?.toFixed(1) ?? "–"),
    `at most ${timing.tilesBehindMax} tiles behind`,
    `last file to last product: ${latency} (median, 95 %, longest)`,
    `memory of ingest, workers and stages together: at most ${timing.peakMib.toFixed(0)} MiB`,
  ].join("\n");
}

function truthLines(truth: TruthSummary): string {
  return [...summaryLines(truth), `compared: ${truth.tileCount} tiles`].join("\n");
}

function verdictLines({ lost, duplicates, auditFindings, problems }: SoakReport): string {
  const counts = `lost ${lost}, made twice ${duplicates}, audit findings ${auditFindings}`;
  return problems.length === 0
    ? `${counts}: as it should be`
    : [counts, ...problems.map((problem) => `PROBLEM ${problem}`)].join("\n");
}
