/**
 * The demo's picture of a run: tiles down, stages across. Pure: a state in, lines out.
 */

export type CellStatus =
  "pending" | "claimed" | "retrying" | "completed" | "failed" | "cancelled" | "absent";

export interface Cell {
  readonly stage: string;
  readonly status: CellStatus;
  /** 0…1, of the attempt that runs. */
  readonly fraction: number;
  readonly note: string;
  /** Of a completed task. */
  readonly seconds: number | null;
}

export interface TileRow {
  readonly label: string;
  readonly groupId: string;
  readonly cells: readonly Cell[];
}

const SHORT_NAME: Readonly<Record<string, string>> = {
  "convert-uvh5-to-ms": "convert",
  "calibration-solve": "solve",
  "calibration-apply": "apply",
};

/** Share of a tile's time, from a full-size tile on two cores; only the estimate uses it. */
const WEIGHT: Readonly<Record<string, number>> = {
  "convert-uvh5-to-ms": 6,
  "calibration-solve": 10,
  "calibration-apply": 8,
  imaging: 80,
  validation: 6,
  photometry: 3,
};

const CELL_WIDTH = 11;
const BAR_WIDTH = 30;

/** Lines for a terminal: a header, a line a tile, what runs now, one bar with an estimate. */
export function renderGrid(tiles: readonly TileRow[], elapsedSeconds: number): string[] {
  const stages = [...new Set(tiles.flatMap((tile) => tile.cells.map((cell) => cell.stage)))];
  const labelWidth = Math.max(...tiles.map((tile) => tile.label.length)) + 2;
  const header = stages.map((stage) => shortName(stage).padEnd(CELL_WIDTH)).join("");
  const rows = tiles.map((tile) => tile.label.padEnd(labelWidth) + renderCells(tile, stages));
  const running = tiles.flatMap((tile) =>
    tile.cells
      .filter((cell) => cell.status === "claimed" && cell.note !== "")
      .map((cell) => `  ${tile.label}, ${shortName(cell.stage)}: ${cell.note}`),
  );
  return [
    " ".repeat(labelWidth) + header,
    ...rows,
    ...running,
    overallBar(overallFraction(tiles), elapsedSeconds),
  ];
}

/** One line for each cell that moved on: what a log wants instead of a redrawn picture. */
export function describeChanges(before: readonly TileRow[], after: readonly TileRow[]): string[] {
  return after.flatMap((tile, tileIndex) =>
    tile.cells.flatMap((cell, cellIndex) => {
      const old = before[tileIndex]?.cells[cellIndex]?.status ?? "pending";
      if (old === cell.status || cell.status === "absent" || cell.status === "pending") return [];
      const took = cell.seconds === null ? "" : ` in ${cell.seconds.toFixed(1)} s`;
      const what = cell.status === "claimed" ? "started" : cell.status;
      const why = cell.status === "failed" || cell.status === "retrying" ? `: ${cell.note}` : "";
      return [`${tile.label}: ${cell.stage} ${what}${took}${why}`];
    }),
  );
}

/** 0…1, weighted by what each stage costs. */
export function overallFraction(tiles: readonly TileRow[]): number {
  let done = 0;
  let total = 0;
  for (const cell of tiles.flatMap((tile) => tile.cells)) {
    const weight = cell.status === "absent" ? 0 : (WEIGHT[cell.stage] ?? 1);
    total += weight;
    if (cell.status === "completed") done += weight;
    else if (cell.status === "claimed") done += weight * cell.fraction;
  }
  return total === 0 ? 0 : done / total;
}

function renderCells(tile: TileRow, stages: readonly string[]): string {
  return stages
    .map((stage) => {
      const cell = tile.cells.find((candidate) => candidate.stage === stage);
      return (cell ? renderCell(cell) : "").padEnd(CELL_WIDTH);
    })
    .join("");
}

function renderCell(cell: Cell): string {
  switch (cell.status) {
    case "completed":
      return `✔ ${(cell.seconds ?? 0).toFixed(1)} s`;
    case "claimed":
      return `▶ ${Math.floor(100 * cell.fraction)} %`;
    case "pending":
      return "·";
    case "retrying":
      return "↻ again";
    case "failed":
      return "✘ failed";
    case "cancelled":
      return "✘ cancel";
    case "absent":
      return "";
  }
}

function overallBar(fraction: number, elapsedSeconds: number): string {
  const filled = Math.round(BAR_WIDTH * fraction);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const percent = `${Math.floor(100 * fraction)} %`.padStart(5);
  // Below a few percent the rate is start-up cost, not progress.
  const left =
    fraction > 0.03 && fraction < 1
      ? `, about ${Math.ceil((elapsedSeconds * (1 - fraction)) / fraction)} s left`
      : "";
  return `${bar} ${percent}  ${Math.round(elapsedSeconds)} s${left}`;
}

function shortName(stage: string): string {
  return SHORT_NAME[stage] ?? stage;
}
