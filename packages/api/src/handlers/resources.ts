/** The handlers of every resource, made of one set of parts. */
import { BulkRunner } from "../bulk-runner.ts";
import { Counts } from "../counts.ts";
import type { FailureHints } from "../failure-hints.ts";
import type { HandlerDeps } from "../handler.ts";
import { metricsHistoryReader } from "../metrics-history.ts";
import { metricsReader } from "../metrics-summary.ts";
import { paceReader } from "../pace.ts";
import { SystemWatch } from "../system-state.ts";
import { bulkHandlers } from "./bulk.ts";
import { failureHandlers } from "./failures.ts";
import { healthHandlers } from "./health.ts";
import { limitHandlers } from "./limits.ts";
import { queueHandlers } from "./queues.ts";
import { scheduleHandlers } from "./schedules.ts";
import { taskHandlers } from "./tasks.ts";
import { templateHandlers } from "./templates.ts";
import { workerHandlers } from "./workers.ts";
import { workflowHandlers } from "./workflows.ts";

export interface ResourceDeps extends HandlerDeps {
  /** Of the program's own errors, by tag. */
  readonly hints: FailureHints;
  /** Below which address the runbooks are served, with a slash at its end. */
  readonly runbookBase: string;
  /** What works in the background ends when it aborts. */
  readonly lifetime: AbortSignal;
}

/** What is known of the system as a whole, read once for all who ask. */
export function systemParts({ client, database }: Pick<ResourceDeps, "client" | "database">) {
  const counts = new Counts(client);
  const watch = new SystemWatch({ client, counts, database });
  const readMetrics = metricsReader({ client, counts });
  return {
    counts,
    watch,
    readPaces: paceReader(client),
    readMetrics,
    readHistory: metricsHistoryReader(client),
  };
}
export type SystemParts = ReturnType<typeof systemParts>;

/** All but those of access. Begins to watch the system and to work off bulk actions. */
export function allHandlers(deps: ResourceDeps, parts: SystemParts = systemParts(deps)) {
  const { client, pool, isEnabled, lifetime, hints, runbookBase } = deps;
  const { counts, watch, readPaces, readMetrics, readHistory } = parts;
  const runner = new BulkRunner({ client, pool, lifetime });
  if (isEnabled) {
    counts.keepLooking(lifetime);
    void runner.run();
  }
  return {
    ...taskHandlers({ client }),
    ...bulkHandlers({ client, pool, runner }),
    ...queueHandlers({ client, readPaces, readHistory }),
    ...workerHandlers({ client }),
    ...scheduleHandlers({ client }),
    ...workflowHandlers({ client }),
    ...templateHandlers({ client }),
    ...failureHandlers({ client, hints, runbookBase }),
    ...limitHandlers({ client }),
    ...healthHandlers({ client, isEnabled, watch, readPaces, readMetrics }),
  };
}
