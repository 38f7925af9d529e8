/** What people see: tables, and a progress bar that estimates how long it will still take. */
import type { WriteStream } from "node:tty";

const BAR_COLUMNS = 24;
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5_000;
/** Before this fraction an estimate says more about the start than about the rest. */
const ESTIMATE_FRACTION_MIN = 0.03;

/** A number, perhaps with its error; "–" where there is none. */
const NUMBER_TEXT = /^(-?\d[\d.]*( ± [\d.]+)?|–)?$/;

/** No column is cut to less. */
const CELL_COLUMNS_MIN = 8;

/**
 * Columns as wide as their widest cell, numbers to the right. On a terminal that is too narrow the
 * widest texts are cut, and then columns left out, from the last but one back. The first, which
 * names the row, and numbers stay whole.
 * @param columns of the terminal; Infinity: nothing is cut
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  columns: number = process.stdout.isTTY ? process.stdout.columns : Infinity,
): string {
  const cells = [header, ...rows].map((row) => row.map(String));
  const shapes = header.map((_name, column) => ({
    column,
    isNumeric: cells.slice(1).every((row) => NUMBER_TEXT.test(row[column] ?? "")),
    width: Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  }));
  const shown = fitShapes(shapes, columns);
  return cells
    .map((row) =>
      shown
        .map(({ column, isNumeric, width }) => {
          const cell = row[column] ?? "";
          return isNumeric ? cell.padStart(width) : cutText(cell, width).padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

interface Shape {
  readonly column: number;
  readonly isNumeric: boolean;
  readonly width: number;
}

function fitShapes(shapes: readonly Shape[], columns: number): readonly Shape[] {
  for (let left = shapes; ; left = left.toSpliced(-2, 1)) {
    const widths = fitWidths(left, columns);
    if (widths || left.length <= 2) {
      return left.map((shape, index) => ({ ...shape, width: widths?.[index] ?? shape.width }));
    }
  }
}

/** Takes from the widest text until the row fits; undefined when nothing is left to take. */
function fitWidths(shapes: readonly Shape[], columns: number): readonly number[] | undefined {
  const widths = shapes.map((shape) => shape.width);
  const room = columns - 2 * (widths.length - 1);
  while (widths.reduce((sum, width) => sum + width, 0) > room) {
    const cuttable = shapes.flatMap(({ isNumeric }, index) =>
      index > 0 && !isNumeric && widths[index]! > CELL_COLUMNS_MIN ? [index] : [],
    );
    if (cuttable.length === 0) return undefined;
    const widest = cuttable.reduce((a, b) => (widths[b]! > widths[a]! ? b : a));
    widths[widest]! -= 1;
  }
  return widths;
}

/** With … in place of what does not fit. */
export function cutText(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text;
}

/** Bytes with three figures: 2.33 GB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** step;
  return `${step === 0 ? value : value.toPrecision(3)} ${units[step]!}`;
}

/** 4 s, 1 min 20 s, 2 h 5 min. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 1) return `${whole} s`;
  if (minutes < 10) return `${minutes} min ${whole % 60} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds still to go at the pace so far; undefined while that would be a guess. */
export function estimateSeconds(fraction: number, elapsedSeconds: number): number | undefined {
  if (fraction < ESTIMATE_FRACTION_MIN || fraction > 1) return undefined;
  return (elapsedSeconds * (1 - fraction)) / fraction;
}

export interface ProgressLine {
  update(fraction: number, note: string): void;
  /** Ends the line; the next output starts on a fresh one. */
  end(): void;
}

/** A bar on a terminal; elsewhere a line when the note changes, at most every five seconds. */
export function progressLine(
  label: string,
  stream: Pick<WriteStream, "write"> & { isTTY?: boolean; columns?: number },
  nowMs: () => number = () => performance.now(),
): ProgressLine {
  const startMs = nowMs();
  let shownMs = -Infinity;
  let isOpen = false;
  return {
    update(fraction, note) {
      const now = nowMs();
      const pauseMs = stream.isTTY ? REDRAW_MS : PLAIN_LINE_MS;
      if (now - shownMs < pauseMs && fraction < 1) return;
      shownMs = now;
      const text = describeProgress(label, fraction, note, (now - startMs) / 1000);
      if (!stream.isTTY) stream.write(`${text}\n`);
      else {
        const bar = drawBar(fraction);
        stream.write(`\r\u001b[2K${bar} ${text}`.slice(0, (stream.columns ?? 80) + 4));
        isOpen = true;
      }
    },
    end() {
      if (isOpen) stream.write("\r\u001b[2K");
      isOpen = false;
    },
  };
}

function describeProgress(
  label: string,
  fraction: number,
  note: string,
  elapsedSeconds: number,
): string {
  const left = estimateSeconds(fraction, elapsedSeconds);
  const estimate = left === undefined || fraction >= 1 ? "" : `, ${formatDuration(left)} left`;
  return `${label} ${Math.floor(fraction * 100)} %${estimate}: ${note}`;
}

function drawBar(fraction: number): string {
  const filled = Math.round(Math.min(Math.max(fraction, 0), 1) * BAR_COLUMNS);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_COLUMNS - filled)}]`;
}
