/**
 * Waits and runs of tasks as Prometheus histograms, counted from when the server began.
 *
 * They come from the engine's hourly roll-ups. Hours that are long over are added up and not read
 * again, so that a scrape costs the same after a year.
 */
import { type HourHistograms, upperBoundSeconds } from "@contimg/absurd";

export interface HistogramLine {
  readonly queue: string;
  readonly taskName: string;
  readonly wait: Summed;
  readonly run: Summed;
}

export interface Summed {
  seconds: number;
  readonly buckets: number[];
}

const HOUR_MS = 3_600_000;
/** After so many hours nothing is added to an hour any more. */
const OPEN_HOURS = 3;
/** Every eighth bucket, a factor of four: 1 ms to 3 days. */
const SHOWN_BUCKETS = Array.from({ length: 15 }, (_, index) => index * 8);

export class HistogramSums {
  readonly #read: (from: Date) => Promise<readonly HourHistograms[]>;
  readonly #closed = new Map<string, HistogramLine>();
  /** The first hour that is read again. */
  #from: Date;

  constructor(read: (from: Date) => Promise<readonly HourHistograms[]>, from: Date) {
    this.#read = read;
    this.#from = hourOf(from);
  }

  async sums(now: Date): Promise<HistogramLine[]> {
    const rows = await this.#read(this.#from);
    const openFrom = hourOf(new Date(now.getTime() - OPEN_HOURS * HOUR_MS));
    for (const row of rows) if (row.hour < openFrom) addTo(this.#closed, row);
    if (openFrom > this.#from) this.#from = openFrom;
    const all = new Map([...this.#closed].map(([key, line]) => [key, structuredClone(line)]));
    for (const row of rows) if (row.hour >= openFrom) addTo(all, row);
    return [...all.values()];
  }
}

function hourOf(time: Date): Date {
  return new Date(Math.floor(time.getTime() / HOUR_MS) * HOUR_MS);
}

function addTo(lines: Map<string, HistogramLine>, row: HourHistograms): void {
  const { queue, taskName } = row;
  const key = JSON.stringify([queue, taskName]);
  const empty = (): Summed => ({ seconds: 0, buckets: row.wait.buckets.map(() => 0) });
  const line = lines.get(key) ?? { queue, taskName, wait: empty(), run: empty() };
  lines.set(key, line);
  for (const measure of ["wait", "run"] as const) {
    line[measure].seconds += row[measure].seconds;
    row[measure].buckets.forEach((count, index) => {
      line[measure].buckets[index] = (line[measure].buckets[index] ?? 0) + count;
    });
  }
}

/** Prometheus text of one measure. */
export function histogramText(
  name: string,
  help: string,
  lines: readonly HistogramLine[],
  measure: "wait" | "run",
): string {
  const text = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const line of lines) {
    const labels = `queue="${escaped(line.queue)}",task_name="${escaped(line.taskName)}"`;
    const { buckets, seconds } = line[measure];
    const total = sumOf(buckets);
    for (const index of SHOWN_BUCKETS) {
      const bound = upperBoundSeconds(index);
      text.push(`${name}_bucket{${labels},le="${bound}"} ${sumOf(buckets.slice(0, index + 1))}`);
    }
    text.push(`${name}_bucket{${labels},le="+Inf"} ${total}`);
    text.push(`${name}_sum{${labels}} ${seconds}`, `${name}_count{${labels}} ${total}`);
  }
  return `${text.join("\n")}\n`;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function escaped(label: string): string {
  return label.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
}
