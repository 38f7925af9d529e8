/**
 * Spawns what a redo plan says, below live data. What it makes supersedes what was there; what is
 * still valid is not made again.
 */
import { randomUUID } from "node:crypto";
import { isAbsolute, join, relative } from "node:path";

import type { AbsurdClient, SpawnRequest } from "@contimg/absurd";
import type pg from "pg";

import { CHAINS } from "../chains.ts";
import { PipelineError } from "../errors.ts";
import { isGroupId } from "../products/paths.ts";
import type { Json } from "../stage.ts";
import { resourcesOf, ROOM_RETRIES } from "./needs.ts";
import {
  type PlannedEdge,
  type PlannedProduct,
  planRedo,
  type RedoPlan,
  type RedoSelection,
} from "./redo-plan.ts";

/** Live tiles have 0: a redo gets what they leave. */
export const REDO_PRIORITY = -10;

export interface RedoOptions extends RedoSelection {
  readonly dataRoot: string;
  readonly queue?: string;
  readonly priority?: number;
}

export interface RedoneTask {
  readonly groupId: string;
  readonly stage: string;
  readonly taskId: string;
  /** False when an earlier redo of the same products spawned it. */
  readonly created: boolean;
}

export interface Redone {
  readonly workflowId: string;
  readonly tasks: readonly RedoneTask[];
}

/**
 * @throws {PipelineError} InvalidParams for a selection of nothing or of an unknown stage,
 *   MissingProduct when no product is affected
 */
export async function previewRedo(pool: pg.Pool, options: RedoOptions): Promise<RedoPlan> {
  const selection = checkSelection(options);
  const { products, edges } = await readGraph(pool);
  const plan = planRedo(products, edges, selection);
  if (plan.tasks.length > 0) return plan;
  const what = Object.entries(selection).map(([name, value]) => `${name} ${value}`);
  throw new PipelineError("MissingProduct", `no product is selected by ${what.join(", ")}`, {
    ...selection,
  });
}

/** Spawns the plan in one transaction. The client must know the stages. */
export async function spawnRedo(
  client: AbsurdClient,
  pool: pg.Pool,
  plan: RedoPlan,
  options: RedoOptions,
): Promise<Redone> {
  const workflowId = randomUUID();
  const earlier = await earlierParams(pool, plan);
  const requests = plan.tasks.map(({ groupId, stage, after }): SpawnRequest => {
    const group = plan.groups.find((each) => each.groupId === groupId)!;
    const params = paramsFor(earlier.get(`${groupId}/${stage}`) ?? {}, options);
    return {
      task: stage,
      params: { ...params, group_id: groupId },
      resources: resourcesOf(stage, params),
      retry: ROOM_RETRIES,
      idempotencyKey: [groupId, stage, group.revision].join("/"),
      correlationId: groupId,
      workflowId,
      dependsOn: after,
      priority: options.priority ?? REDO_PRIORITY,
      tags: ["redo"],
      ...(options.queue === undefined ? {} : { queue: options.queue }),
    };
  });
  const spawned = await client.spawnMany(requests);
  return {
    workflowId,
    tasks: plan.tasks.map(({ groupId, stage }, index) => ({
      groupId,
      stage,
      taskId: spawned[index]!.taskId,
      created: spawned[index]!.created,
    })),
  };
}

function checkSelection(options: RedoOptions): RedoSelection {
  const { groupId, from, dataRoot } = options;
  const isAny = options.used ?? groupId ?? from ?? options.missing;
  if (isAny === undefined) {
    const message = "a redo needs a selection: used, group, from or missing";
    throw new PipelineError("InvalidParams", message);
  }
  if (groupId !== undefined && !isGroupId(groupId)) {
    const wanted = "expected a time such as 2026-01-25T22:26:05";
    throw new PipelineError("InvalidParams", `group is "${groupId}", ${wanted}`, { groupId });
  }
  if (from !== undefined && !(CHAINS["standard-pipeline"] as readonly string[]).includes(from)) {
    const known = CHAINS["standard-pipeline"].join(", ");
    const message = `no stage of a chain is named "${from}"; there are ${known}`;
    throw new PipelineError("InvalidParams", message, { from });
  }
  const used =
    options.used !== undefined && isAbsolute(options.used)
      ? relative(dataRoot, options.used)
      : options.used;
  return {
    ...(used === undefined ? {} : { used }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(from === undefined ? {} : { from }),
    ...(options.missing === undefined ? {} : { missing: options.missing }),
  };
}

async function readGraph(
  pool: pg.Pool,
): Promise<{ products: PlannedProduct[]; edges: PlannedEdge[] }> {
  const products = await pool.query<{
    product_id: string;
    final_path: string;
    kind: string;
    group_id: string;
    task_name: string;
    size_bytes: string;
    is_current: boolean;
    is_missing: boolean;
  }>(
    `select product_id, final_path, kind, group_id, task_name, size_bytes,
            superseded_at is null as is_current,
            retired_as is not distinct from 'missing'
              and not exists (select from contimg.products c
                               where c.superseded_at is null and c.group_id = p.group_id
                                 and c.kind = p.kind and c.ordinal = p.ordinal) as is_missing
       from contimg.products p order by group_id, registered_at, ordinal`,
  );
  const edges = await pool.query<{
    product_id: string;
    input_path: string;
    input_product_id: string | null;
  }>("select product_id, input_path, input_product_id from contimg.product_inputs");
  return {
    products: products.rows.map((row) => ({
      productId: row.product_id,
      finalPath: row.final_path,
      kind: row.kind,
      groupId: row.group_id,
      stage: row.task_name,
      sizeBytes: Number(row.size_bytes),
      isCurrent: row.is_current,
      isMissing: row.is_missing,
    })),
    edges: edges.rows.map((row) => ({
      productId: row.product_id,
      inputPath: row.input_path,
      inputProductId: row.input_product_id,
    })),
  };
}

/** A stage runs again as it ran: with the params of the task that last made its products. */
async function earlierParams(
  pool: pg.Pool,
  plan: RedoPlan,
): Promise<Map<string, Record<string, Json>>> {
  const { rows } = await pool.query<{
    group_id: string;
    task_name: string;
    params: Record<string, Json>;
  }>(
    `select distinct on (p.group_id, p.task_name) p.group_id, p.task_name, t.params
       from contimg.products p
       join absurd.tasks t on t.task_number = absurd.task_number(p.task_id)
      where p.group_id = any($1)
      order by p.group_id, p.task_name, p.registered_at desc`,
    [plan.groups.map(({ groupId }) => groupId)],
  );
  const found = new Map(rows.map((row) => [`${row.group_id}/${row.task_name}`, row.params]));
  for (const { groupId } of plan.groups) {
    const key = `${groupId}/convert-uvh5-to-ms`;
    if (!found.has(key) && plan.calibrators.has(groupId)) found.set(key, { role: "calibrators" });
  }
  return found;
}

/** A table that was named by hand is the one in doubt: the registry chooses again. */
function paramsFor(
  params: Record<string, Json>,
  { used, dataRoot }: RedoOptions,
): Record<string, Json> {
  const table = params["calibration_table_path"];
  if (used === undefined || table === undefined) return params;
  if (table !== used && table !== join(dataRoot, used)) return params;
  return Object.fromEntries(
    Object.entries(params).filter(([name]) => name !== "calibration_table_path"),
  );
}
