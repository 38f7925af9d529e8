/** What a soak has to show, held against what happened. Pure. */
import { isPipelineErrorTag } from "@contimg/pipeline";

import { figureText, truthFigures } from "../demo/figures.ts";
import type { Disturbed } from "./disturber.ts";
import type { TruthSummary } from "./evidence.ts";
import type { NightTile } from "./night.ts";
import type { TileEnd } from "./night-state.ts";

export interface TileOutcome extends TileEnd {
  readonly tile: NightTile;
  /** Of the last run that ingest spawned; null without one. */
  readonly revision: number | null;
  /** From its last file to its end; null for a tile that waited or has none. */
  readonly latencySeconds: number | null;
}

export interface Evidence {
  readonly outcomes: readonly TileOutcome[];
  /** Files that arrived and that ingest does not know. */
  readonly lostFiles: readonly string[];
  /** Sentences about what was made twice. */
  readonly duplicates: readonly string[];
  readonly auditFindings: readonly string[];
  readonly disturbed: readonly Disturbed[];
  readonly truth: TruthSummary;
  /** With settings of imaging that were given, nothing is known of what must be found. */
  readonly hasOwnImaging: boolean;
  /** Attempts of the tasks that disturbances hit, by task. */
  readonly attempts: ReadonlyMap<string, number>;
}

export interface Verdict {
  readonly lost: number;
  readonly duplicates: number;
  readonly auditFindings: number;
  /** Sentences; none when the night is as it should be. */
  readonly problems: readonly string[];
}

/** The disturbances after which a task must have begun again. */
const INTERRUPTING = new Set(["kill-worker", "stop-worker", "kill-stage"]);

export function judgeNight(evidence: Evidence): Verdict {
  const { outcomes, lostFiles, duplicates, auditFindings } = evidence;
  const open = outcomes.filter(({ fate }) => fate === "open");
  const problems = [
    ...open.map(({ tile, why }) => `tile ${tile.groupId} is lost: ${why ?? "no reason"}`),
    ...lostFiles.map((path) => `file ${path} is lost: ingest does not know it`),
    ...duplicates,
    ...auditFindings.map((finding) => `audit: ${finding}`),
    ...outcomes.flatMap(tileProblems),
    ...evidence.disturbed.flatMap((each) => disturbanceProblems(each, evidence.attempts)),
    ...truthProblems(evidence),
  ];
  return {
    lost: open.length + lostFiles.length,
    duplicates: duplicates.length,
    auditFindings: auditFindings.length,
    problems,
  };
}

function tileProblems({ tile, fate, why, failures, revision }: TileOutcome): string[] {
  const wanted = tile.expected;
  const cause = tile.fault === null ? "nothing was wrong with it" : `fault ${tile.fault}`;
  const isRerunDue = tile.fault === "late-subbands" || tile.fault === "truncated-subband";
  return [
    ...(fate !== wanted && fate !== "open"
      ? [`tile ${tile.groupId} is ${fate} (${why ?? "no reason"}), expected ${wanted}: ${cause}`]
      : []),
    ...(fate !== "imaged" && (why ?? "") === "" ? [`tile ${tile.groupId} has no reason`] : []),
    ...(isRerunDue && revision === 0
      ? [`tile ${tile.groupId} was not run again with its late files`]
      : []),
    ...failures
      .filter(({ tag }) => !isPipelineErrorTag(tag))
      .map(
        ({ stage, tag, message }) =>
          `tile ${tile.groupId}, ${stage}: ${tag} is no error of ours: ${message}`,
      ),
  ];
}

function disturbanceProblems(
  { disturbance, state, detail, taskId }: Disturbed,
  attempts: ReadonlyMap<string, number>,
): string[] {
  const { kind, stage } = disturbance;
  if (state === "waiting") return [`${kind} (${stage ?? "ingest"}) did not happen: ${detail}`];
  if (state === "skipped" || taskId === null || !INTERRUPTING.has(kind)) return [];
  if ((attempts.get(taskId) ?? 0) >= 2) return [];
  return [`${kind} interrupted nothing: task ${taskId} of ${stage ?? "no stage"} began once`];
}

function truthProblems({ truth, hasOwnImaging }: Evidence): string[] {
  if (truth.tileCount === 0) return ["no tile was imaged, so nothing was compared with the truth"];
  return truthFigures(truth, truth.tileCount)
    .filter(({ isMet }) => !isMet)
    .filter(({ isOfDetection }) => !(isOfDetection && hasOwnImaging))
    .map(figureText);
}
