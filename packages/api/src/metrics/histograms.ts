/** Waits and runs of all tasks that ever ended, as Prometheus histograms. Pure. */
import type { SecondsHistogram, Totals } from "@contimg/absurd";

/** Every second limit, a factor of four: 1 ms to 3 days. Fewer numbers a scrape, and enough. */
const LIMIT_STEP = 2;
const LIMITS_SHOWN = 15;

export type HistogramLine = Pick<Totals, "queue" | "taskName" | "wait" | "run">;

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
    const { count, sum } = line[measure];
    for (const { upTo, count: below } of shown(line[measure])) {
      text.push(`${name}_bucket{${labels},le="${upTo}"} ${below}`);
    }
    text.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
    text.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
  }
  return `${text.join("\n")}\n`;
}

function shown({ buckets }: SecondsHistogram): SecondsHistogram["buckets"] {
  return buckets.filter((_, index) => index % LIMIT_STEP === 0).slice(0, LIMITS_SHOWN);
}

function escaped(label: string): string {
  return label.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
}
