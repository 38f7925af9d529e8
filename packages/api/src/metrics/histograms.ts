/** Waits and runs of tasks as Prometheus histograms, from the engine's totals, which only grow. */
import type { SecondsHistogram, Totals } from "@contimg/absurd";

/** Every second limit, a factor of four: 1 ms to 3 days. */
const SHOWN_LIMITS = Array.from({ length: 15 }, (_, index) => index * 2);

/** Prometheus text of one measure. */
export function histogramText(
  name: string,
  help: string,
  totals: readonly Totals[],
  measure: "wait" | "run",
): string {
  const text = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const line of totals) {
    const labels = `queue="${escaped(line.queue)}",task_name="${escaped(line.taskName)}"`;
    const { buckets, count, sum }: SecondsHistogram = line[measure];
    for (const index of SHOWN_LIMITS) {
      const limit = buckets[index]!;
      text.push(`${name}_bucket{${labels},le="${limit.upTo}"} ${limit.count}`);
    }
    text.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
    text.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
  }
  return `${text.join("\n")}\n`;
}

function escaped(label: string): string {
  return label.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
}
