/** Steps of the metrics' history as lines of charts. Pure. */
import type { metricsStep } from "@contimg/contract";
import type { z } from "zod";

import type { Series } from "../../components/TimeSeries.tsx";

type Step = z.output<typeof metricsStep>;

export interface OverviewCharts {
  readonly times: readonly number[];
  readonly ends: readonly Series[];
  readonly spans: readonly Series[];
}

/** An hour of five minutes: what a chart has at least. */
const STEPS_MIN = 12;

/** From a little before the first end on: a young system's hour is not a point at a day's edge. */
export function stepsFromFirstEnd(steps: readonly Step[]): readonly Step[] {
  const first = steps.findIndex((step) => step.completed + step.failed + step.cancelled > 0);
  const from = first < 0 ? steps.length - STEPS_MIN : Math.min(first - 1, steps.length - STEPS_MIN);
  return steps.slice(Math.max(0, from));
}

export function chartsOf(all: readonly Step[]): OverviewCharts {
  const steps = stepsFromFirstEnd(all);
  const line = (label: string, token: string, value: (step: Step) => number | null): Series => ({
    label,
    token,
    values: steps.map(value),
  });
  return {
    times: steps.map((step) => Date.parse(step.since) / 1000),
    ends: [
      line("Completed", "--completed", (step) => step.completed),
      { ...line("Failed", "--failed", (step) => step.failed), dash: [6, 3] },
    ],
    spans: [
      line("Wait", "--retrying", (step) => step.wait_time_sec?.p95 ?? null),
      { ...line("Run", "--claimed", (step) => step.execution_time_sec?.p95 ?? null), dash: [6, 3] },
    ],
  };
}
