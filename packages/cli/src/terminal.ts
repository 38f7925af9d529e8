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
 * widest texts are cut, but the first column, which names the row, and numbers stay whole.
 * @param columns of the terminal; Infinity: nothing is cut
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  columns: number = process.stdout.isTTY ? process.stdout.columns : Infinity,
): string {
  const cells = [header, ...rows].map((row) => row.map(String));
  const isNumeric = header.map((_name, column) =>
    cells.slice(1).every((row) => NUMBER_TEXT.test(row[column] ?? "")),
  );
  const natural = header.map((_name, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const widths = fitWidths(natural, isNumeric, columns);
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumeric[column]
            ? cell.padStart(widths[column]!)
            : cutText(cell, widths[column]!).padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Takes from the widest text until the row fits, or nothing is left to take. */
function fitWidths(
  natural: readonly number[],
  isNumeric: readonly boolean[],
  columns: number,
): readonly number[] {
  const widths = [...natural];
  const room = columns - 2 * (widths.length - 1);
  while (widths.reduce((sum, width) => sum + width, 0) > room) {
    let widest = -1;
    for (let column = 1; column < widths.length; column++) {
      if (isNumeric[column] || widths[column]! <= CELL_COLUMNS_MIN) continue;
      if (widest < 0 || widths[column]! > widths[widest]!) widest = column;
    }
    if (widest < 0) break;
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
