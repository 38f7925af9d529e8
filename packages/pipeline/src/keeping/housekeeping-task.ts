/** Housekeeping as a task of the engine, and the schedule that spawns it. */
import { type AbsurdClient, defineTask, type TaskDefinition } from "@contimg/absurd";
import type pg from "pg";
import { z } from "zod";

import { housekeep, type HousekeepingReport } from "./housekeeping.ts";
import { retentionSchema } from "./retention.ts";

export const HOUSEKEEPING = "housekeeping";

const paramsSchema = z.strictObject({
  dry_run: z.boolean().default(false),
  retention: retentionSchema.prefault({}),
});

export type HousekeepingParams = z.input<typeof paramsSchema>;

export interface HousekeepingTaskOptions {
  readonly pool: pg.Pool;
  readonly dataRoot: string;
  readonly queue?: string;
}

/** Removing twice at once would be safe, but two reports of the same bytes would not be true. */
export function housekeepingTask(
  options: HousekeepingTaskOptions,
): TaskDefinition<unknown, object> {
  const { pool, dataRoot, queue } = options;
  return defineTask<unknown, object>({
    name: HOUSEKEEPING,
    params: paramsSchema,
    ...(queue === undefined ? {} : { queue }),
    locks: [{ name: `housekeeping ${dataRoot}` }],
    handler: async (params) => {
      const { dry_run: dryRun, retention: policy } = paramsSchema.parse(params);
      return summaryOf(await housekeep(pool, dataRoot, { policy, dryRun }));
    },
  });
}

/** Fires each so many hours; a firing while one still works is skipped. */
export async function scheduleHousekeeping(
  client: AbsurdClient,
  everyHours: number,
  params: HousekeepingParams,
): Promise<Date | null> {
  const schedule = await client.schedules.create(
    {
      name: HOUSEKEEPING,
      spec: { everySeconds: everyHours * 3600 },
      spawn: { task: HOUSEKEEPING, params, priority: -10 },
      overlap: "skip",
      catchUp: "last",
    },
    { replace: true },
  );
  return schedule.nextAt;
}

/** Paths go to the report of the command; a task's result stays small. */
function summaryOf(report: HousekeepingReport): object {
  return {
    dry_run: report.dryRun,
    removed_count: report.removed.length,
    moved_count: report.moved.length,
    spared_count: report.spared.length,
    bytes: report.bytes,
    files: report.files,
    folders: report.folders,
  };
}
