/**
 * Ingest as the engine's own task: `ingest-scan` looks at the incoming folder once. A schedule
 * makes it a service that runs wherever a worker does.
 */
import {
  AbsurdClient,
  type AnyTask,
  defineTask,
  type Json,
  type ScheduleOptions,
} from "@contimg/absurd";
import type pg from "pg";
import { z } from "zod";

import { CHAINS, type ChainName } from "../chains.ts";
import { incomingFolder } from "../products/paths.ts";
import { pathParam } from "../stage-params.ts";
import { type ChainOf, chainOfName } from "./chain-of.ts";
import { Ingester, type LookReport } from "./ingester.ts";
import { ingestPolicySchema } from "./policy.ts";

export const INGEST_TASK = "ingest-scan";

/** Ahead of stages: a scan takes a second, and the next tile waits for it. */
const PRIORITY = 1_000;

export const ingestScanSchema = z.strictObject({
  /** Absolute; default: `incoming/` below the data root. */
  folder: pathParam.optional(),
  /** Of every group; default: see byCalibrators. */
  chain: z.enum(Object.keys(CHAINS) as [ChainName, ...ChainName[]]).optional(),
  policy: ingestPolicySchema.prefault({}),
});

export interface IngestTaskOptions {
  readonly pool: pg.Pool;
  readonly dataRoot: string;
  readonly queue: string;
  /** What a scan can spawn. */
  readonly tasks: readonly AnyTask[];
  /** Default: as the params say. */
  readonly chainOf?: ChainOf;
}

export function ingestScanTask(options: IngestTaskOptions): AnyTask {
  const { pool, dataRoot, queue, tasks } = options;
  return defineTask({
    name: INGEST_TASK,
    params: ingestScanSchema,
    queue,
    maxRetries: 0,
    handler: async ({ folder = incomingFolder(dataRoot), chain, policy }, context) => {
      const client = new AbsurdClient(pool, { tasks });
      try {
        const ingester = new Ingester({
          ...{ pool, client, queue, dataRoot, folder, policy, log: context.log },
          chainOf: options.chainOf ?? chainOfName(chain),
        });
        return reportAsJson(await ingester.look());
      } finally {
        await client.close();
      }
    },
  });
}

/** For client.schedules.create: a scan each so many seconds, never two at once. */
export function ingestSchedule(
  queue: string,
  everySeconds: number,
  params: z.input<typeof ingestScanSchema>,
): ScheduleOptions {
  return {
    name: INGEST_TASK,
    spec: { everySeconds },
    spawn: { task: INGEST_TASK, params, queue, priority: PRIORITY, maxRetries: 0 },
    overlap: "skip",
    catchUp: "last",
  };
}

/** A look as programs see it. */
export function reportAsJson(report: LookReport): { [key: string]: Json } {
  return {
    seen: report.seenCount,
    gone: report.goneCount,
    taken: report.takenCount,
    pending: report.pendingCount,
    quarantined: report.quarantined.map(({ path, reason }) => ({ path, reason })),
    spawned: report.spawned.map((run) => ({
      group_id: run.groupId,
      revision: run.revision,
      chain: run.chain,
      workflow_id: run.workflowId,
      missing_subbands: [...run.missing],
      reason: run.reason,
    })),
    refused: report.refused.map(({ groupId, reason }) => ({ group_id: groupId, reason })),
    paused: report.paused,
  };
}
