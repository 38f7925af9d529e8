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

export function chartsOf(steps: readonly Step[]): OverviewCharts {
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
