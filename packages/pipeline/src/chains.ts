/**
 * The named workflows: which tasks a group goes through, each after the one before.
 *
 * Spawning a chain twice gives the same tasks: the idempotency key of a task is its group, and two
 * chains that share a stage of a group share the task. A new revision runs everything again.
 */
import { randomUUID } from "node:crypto";

import type { AbsurdClient, Dependency, SpawnRequest } from "@contimg/absurd";
import type pg from "pg";

import { PipelineError } from "./errors.ts";
import { type Experience, resourcesOf, ROOM_RETRIES } from "./keeping/needs.ts";
import { isGroupId } from "./products/paths.ts";
import type { Json } from "./stage.ts";

/** Stage names in order. The names of the chains are the telescope's own. */
export const CHAINS = {
  "standard-pipeline": [
    "convert-uvh5-to-ms",
    "calibration-solve",
    "calibration-apply",
    "imaging",
    "validation",
    "photometry",
  ],
  calibrator: ["convert-uvh5-to-ms", "calibration-solve"],
  target: ["convert-uvh5-to-ms", "calibration-apply", "imaging", "validation", "photometry"],
  /** Frames of single integrations, beside the tile's own image. */
  snapshots: ["convert-uvh5-to-ms", "calibration-apply", "snapshots"],
  "quick-imaging": ["convert-uvh5-to-ms", "calibration-apply", "imaging"],
  recalibrate: ["calibration-apply", "imaging", "validation", "photometry"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ChainName = keyof typeof CHAINS;

/** Params that make a chain what it is; those given to spawnChain win. */
const CHAIN_PARAMS: Readonly<Partial<Record<ChainName, ChainOptions["params"]>>> = {
  calibrator: { "convert-uvh5-to-ms": { role: "calibrators" } },
};

/** A smallint in the database. */
const PRIORITY_MAX = 32_767;

export interface ChainOptions {
  /** Further params by stage name; group_id is set for each. */
  readonly params?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** The calibrator tile's solve task: applying waits for it. */
  readonly solveTaskId?: string;
  /** Shared by chains that belong together. Default: one of its own. */
  readonly workflowId?: string;
  /** Of the first stage; each later one has one more. Chains of different urgency are 10 apart. */
  readonly priority?: number;
  readonly queue?: string;
  /** Any word; a word not used before runs the group's stages again. */
  readonly revision?: string;
  /** Time of one attempt of one stage. */
  readonly timeoutSeconds?: number;
  /** What past runs of the stages took, by stage; see readExperience. */
  readonly experience?: ReadonlyMap<string, Experience>;
  /** The caller's open transaction. */
  readonly on?: pg.ClientBase;
}

export interface SpawnedChain {
  readonly workflowId: string;
  readonly tasks: readonly { stage: string; taskId: string; created: boolean }[];
}

export function isChainName(name: string): name is ChainName {
  return Object.hasOwn(CHAINS, name);
}

/** @throws {PipelineError} InvalidParams when the group id is no time; what spawnMany throws */
export async function spawnChain(
  client: AbsurdClient,
  chain: ChainName,
  groupId: string,
  options: ChainOptions = {},
): Promise<SpawnedChain> {
  if (!isGroupId(groupId)) {
    const wanted = "expected a time such as 2026-01-25T22:26:05";
    throw new PipelineError("InvalidParams", `group_id is "${groupId}", ${wanted}`, { groupId });
  }
  const workflowId = options.workflowId ?? randomUUID();
  const stages: readonly string[] = CHAINS[chain];
  const requests = stages.map((_stage, index) =>
    chainRequest(stages, index, groupId, {
      ...options,
      workflowId,
      params: mergeParams(CHAIN_PARAMS[chain], options.params),
    }),
  );
  const spawned = await client.spawnMany(requests, { on: options.on });
  return {
    workflowId,
    tasks: spawned.map(({ taskId, created }, index) => ({
      stage: stages[index]!,
      taskId,
      created,
    })),
  };
}

type ParamsByStage = NonNullable<ChainOptions["params"]>;

function mergeParams(own: ParamsByStage = {}, given: ParamsByStage = {}): ParamsByStage {
  const stages = [...new Set([...Object.keys(own), ...Object.keys(given)])];
  return Object.fromEntries(stages.map((stage) => [stage, { ...own[stage], ...given[stage] }]));
}

function chainRequest(
  stages: readonly string[],
  index: number,
  groupId: string,
  options: ChainOptions & { readonly workflowId: string },
): SpawnRequest {
  const stage = stages[index]!;
  const { revision, solveTaskId } = options;
  const before: Dependency[] = edgesOf(stages, index);
  const isCalibrator = stages.includes("calibration-solve");
  const appliesOthers = stage === "calibration-apply" && !isCalibrator;
  const role = stage === "convert-uvh5-to-ms" && isCalibrator ? { role: "calibrators" } : {};
  if (appliesOthers && solveTaskId !== undefined) before.push(solveTaskId);
  const params = { group_id: groupId, ...role, ...options.params?.[stage] };
  return {
    task: stage,
    params,
    resources: resourcesOf(stage, params, options.experience?.get(stage)),
    retry: ROOM_RETRIES,
    idempotencyKey: [groupId, stage, ...(revision === undefined ? [] : [revision])].join("/"),
    correlationId: groupId,
    workflowId: options.workflowId,
    dependsOn: before,
    // What is begun is finished first: a tile is of use only when its last stage is over.
    priority: Math.min((options.priority ?? 0) + index, PRIORITY_MAX),
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds }),
  };
}

/**
 * What a stage waits for: the one before it. A calibrator tile whose own solve fails is imaged all
 * the same, with what the registry has: a bad calibrator costs its solution, not the tile.
 */
function edgesOf(stages: readonly string[], index: number): Dependency[] {
  if (index === 0) return [];
  if (stages[index - 1] !== "calibration-solve") return [index - 1];
  return [index - 2, { on: index - 1, when: "always" }];
}
