/** The demo's results: as one JSON object, and as tables for people. Pure. */
import { formatTable } from "../../terminal.ts";
import type { ComparedSource, Summary } from "./compare.ts";
import { summaryLines } from "./figures.ts";

/** 24 integrations of 12.884902 s. */
const TILE_SECONDS = 309.24;
const SOURCES_SHOWN = 16;

export interface StageReport {
  /** Wall time of the stage's process. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMib: number;
  readonly realTimeFactor: number;
}

export interface TileReport {
  readonly label: string;
  readonly groupId: string;
  /** From the claim of its first task to the end of its last, waiting included. */
  readonly seconds: number;
  readonly realTimeFactor: number;
  readonly stages: Readonly<Record<string, StageReport>>;
  /** Absolute paths of images and previews. */
  readonly products: readonly string[];
}

export interface DemoReport {
  readonly size: string;
  readonly seed: number;
  readonly dataRoot: string;
  readonly tiles: readonly TileReport[];
  readonly sources: readonly ComparedSource[];
  readonly summary: Summary;
}

export function realTimeFactor(seconds: number): number {
  return TILE_SECONDS / seconds;
}

export function formatReport(report: DemoReport): string {
  return [
    ...report.tiles
      .filter(({ label }) => label !== "calibrator")
      .map((t) => sourceTable(t, report)),
    timeTable(report.tiles),
    summaryLines(report.summary).join("\n"),
    productLines(report.tiles),
  ].join("\n\n");
}

function sourceTable(tile: TileReport, report: DemoReport): string {
  const sources = report.sources.filter(({ groupId }) => groupId === tile.groupId);
  const rows = sources
    .slice(0, SOURCES_SHOWN)
    .map((source) => [
      source.name,
      (1000 * source.injectedJy).toFixed(1),
      `${(1000 * source.measuredJy).toFixed(1)} ± ${(1000 * source.measuredErrorJy).toFixed(1)}`,
      source.fluxRatio.toFixed(3),
      source.offsetArcsec?.toFixed(2) ?? "–",
      source.snr.toFixed(0),
      source.found ? "found" : "MISSED",
    ]);
  const rest = sources.length - rows.length;
  return [
    `${tile.label}, ${tile.groupId}: ${sources.length} sources above 8 σ`,
    formatTable(
      ["SOURCE", "INJECTED mJy", "MEASURED mJy", "RATIO", "OFFSET ″", "SNR", "BLIND"],
      rows,
    ),
    ...(rest > 0 ? [`and ${rest} fainter ones`] : []),
  ].join("\n");
}

function timeTable(tiles: readonly TileReport[]): string {
  const rows = tiles.flatMap((tile) => [
    ...Object.entries(tile.stages).map(([stage, { seconds, realTimeFactor: factor, ...use }]) => [
      tile.label,
      stage,
      seconds.toFixed(1),
      factor.toFixed(1),
      use.peakRssMib.toFixed(0),
    ]),
    [tile.label, "end to end", tile.seconds.toFixed(1), tile.realTimeFactor.toFixed(1), ""],
  ]);
  return formatTable(["TILE", "STAGE", "SECONDS", "REAL-TIME FACTOR", "PEAK MiB"], rows);
}

function productLines(tiles: readonly TileReport[]): string {
  return tiles.flatMap((tile) => tile.products).join("\n");
}
