/** What its gate says of what a stage measured, by the telescope's own limits. */
import { judge } from "../quality/gate.ts";
import { THRESHOLDS } from "../quality/thresholds.ts";
import type { AnyStage, QualityVerdict } from "../stage.ts";

/** "pass", or the verdict with its findings: what a failing test should print. */
export function gateWord({ name }: AnyStage, { metrics }: QualityVerdict): string {
  const { verdict, findings } = judge(name, metrics, THRESHOLDS);
  return [verdict, ...findings.map(({ text }) => text)].join("; ");
}
