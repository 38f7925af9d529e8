/** What a stage measured, as its gate wants it. */
import type { QualityVerdict } from "../stage.ts";

/**
 * The metrics that are numbers, with no verdict: that is the gate's. What is no number is left out,
 * and the gate says that it was not measured.
 */
export function measured(
  metrics: Readonly<Record<string, number | null | undefined>>,
): QualityVerdict {
  const numbers = Object.entries(metrics).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && Number.isFinite(entry[1]),
  );
  return { grade: "good", findings: [], metrics: Object.fromEntries(numbers) };
}
