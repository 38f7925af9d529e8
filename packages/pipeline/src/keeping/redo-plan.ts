/**
 * What has to be made again when a table, a group or a stage is in doubt, and what stays. Pure.
 *
 * Affected are the products in doubt and all that was made from them. Of each group the stages of
 * its affected products run again, in the order of the chain; the others keep their products, as
 * long as those are still there.
 */
import { createHash } from "node:crypto";

import { CHAINS } from "../chains.ts";

export interface PlannedProduct {
  readonly productId: string;
  readonly finalPath: string;
  readonly kind: string;
  readonly groupId: string;
  readonly stage: string;
  readonly sizeBytes: number;
  /** Current products have files; the others only tell who made what. */
  readonly isCurrent: boolean;
  /** Its file was lost, and nothing took its place. */
  readonly isMissing: boolean;
}

export interface PlannedEdge {
  readonly productId: string;
  readonly inputPath: string;
  readonly inputProductId: string | null;
}

export interface RedoSelection {
  /** Path of a calibration table or any other input: all that used it. */
  readonly used?: string;
  readonly groupId?: string;
  /** Only products whose file was lost. */
  readonly missing?: boolean;
  /** Only products of this stage and of those after it are in doubt. */
  readonly from?: string;
}

export interface PlannedTask {
  readonly groupId: string;
  readonly stage: string;
  /** Indexes into the plan's tasks. */
  readonly after: readonly number[];
}

export interface RedoPlan {
  readonly tasks: readonly PlannedTask[];
  readonly groups: readonly {
    readonly groupId: string;
    readonly stages: readonly string[];
    /** Stages whose products stay as they are. */
    readonly kept: readonly string[];
    /** The same products in doubt give the same word, so a second call spawns nothing anew. */
    readonly revision: string;
  }[];
  /** Groups with a calibration table or a Measurement Set among the calibrators. */
  readonly calibrators: ReadonlySet<string>;
  /** Current products that will be superseded. */
  readonly affected: readonly PlannedProduct[];
}

const [CONVERT, ...AFTER] = CHAINS["standard-pipeline"];
const ORDER: readonly string[] = [CONVERT, "flag-thorough", ...AFTER, "snapshots"];

/** What a stage reads of its own group, and who makes it. */
const MAKER: Readonly<Record<string, { readonly kind: string; readonly stage: string }>> = {
  "flag-thorough": { kind: "measurement-set", stage: CONVERT },
  "calibration-solve": { kind: "measurement-set", stage: CONVERT },
  "calibration-apply": { kind: "measurement-set", stage: CONVERT },
  imaging: { kind: "calibrated-measurement-set", stage: "calibration-apply" },
  snapshots: { kind: "calibrated-measurement-set", stage: "calibration-apply" },
  validation: { kind: "image", stage: "imaging" },
  photometry: { kind: "corrected-image", stage: "imaging" },
};

export function stageOrder(stage: string): number {
  const index = ORDER.indexOf(stage);
  return index === -1 ? ORDER.length : index;
}

export function planRedo(
  products: readonly PlannedProduct[],
  edges: readonly PlannedEdge[],
  selection: RedoSelection,
): RedoPlan {
  const byId = new Map(products.map((product) => [product.productId, product]));
  const affected = downstream(inDoubt(products, edges, selection), edges)
    .map((productId) => byId.get(productId))
    .filter((product) => product !== undefined)
    .filter((product) => product.isCurrent || product.isMissing);
  const groupIds = [...new Set(affected.map(({ groupId }) => groupId))].sort();
  const tasks: PlannedTask[] = [];
  const indexOf = (groupId: string, stage: string): number =>
    tasks.findIndex((task) => task.groupId === groupId && task.stage === stage);
  const groups = groupIds.map((groupId) => {
    const own = products.filter((product) => product.groupId === groupId && product.isCurrent);
    const hit = affected.filter((product) => product.groupId === groupId);
    const stages = withMakers(new Set(hit.map(({ stage }) => stage)), own);
    const kept = unique(own.map(({ stage }) => stage)).filter((stage) => !stages.includes(stage));
    return { groupId, stages, kept, revision: revisionOf(hit, selection) };
  });
  // All solves first: an apply of any group may have to wait for one.
  for (const early of [true, false]) {
    for (const { groupId, stages } of groups) {
      for (const stage of stages) {
        if (stageOrder(stage) <= stageOrder("calibration-solve") !== early) continue;
        const before = stages[stages.indexOf(stage) - 1];
        const after = before === undefined ? [] : [indexOf(groupId, before)];
        if (stage === "calibration-apply") {
          after.push(
            ...tablesUsed(groupId, affected, edges, byId)
              .map((table) => indexOf(table.groupId, "calibration-solve"))
              .filter((index) => index !== -1 && !after.includes(index)),
          );
        }
        tasks.push({ groupId, stage, after });
      }
    }
  }
  const calibrators = new Set(
    products
      .filter((p) => p.kind === "calibration-table" || p.finalPath.startsWith("ms/calibrators/"))
      .map(({ groupId }) => groupId),
  );
  return { tasks, groups, calibrators, affected: affected.filter((each) => each.isCurrent) };
}

function inDoubt(
  products: readonly PlannedProduct[],
  edges: readonly PlannedEdge[],
  { used, groupId, from, missing = false }: RedoSelection,
): string[] {
  const users = used === undefined ? undefined : usersOf(used, products, edges);
  return products
    .filter((product) => (product.isCurrent && !missing) || product.isMissing)
    .filter((product) => users === undefined || users.has(product.productId))
    .filter((product) => groupId === undefined || product.groupId === groupId)
    .filter((product) => from === undefined || stageOrder(product.stage) >= stageOrder(from))
    .map((product) => product.productId);
}

/** All products that any version of the path went into, directly or through others. */
function usersOf(
  path: string,
  products: readonly PlannedProduct[],
  edges: readonly PlannedEdge[],
): Set<string> {
  const versions = new Set(
    products.filter((product) => product.finalPath === path).map((product) => product.productId),
  );
  const direct = edges
    .filter((e) => e.inputPath === path || (e.inputProductId && versions.has(e.inputProductId)))
    .map((edge) => edge.productId);
  return new Set(downstream(direct, edges));
}

/** The products and all that was made from them. */
export function downstream(productIds: readonly string[], edges: readonly PlannedEdge[]): string[] {
  const madeFrom = new Map<string, string[]>();
  for (const { productId, inputProductId } of edges) {
    if (inputProductId === null) continue;
    const made = madeFrom.get(inputProductId) ?? [];
    madeFrom.set(inputProductId, [...made, productId]);
  }
  const reached = new Set(productIds);
  for (const productId of reached) {
    for (const made of madeFrom.get(productId) ?? []) reached.add(made);
  }
  return [...reached];
}

/** In order, with the stages before them whose products are not there any more. */
function withMakers(stages: ReadonlySet<string>, own: readonly PlannedProduct[]): string[] {
  const all = new Set(stages);
  for (const stage of all) {
    const maker = MAKER[stage];
    if (maker && !own.some((product) => product.kind === maker.kind)) all.add(maker.stage);
  }
  return [...all].sort((one, other) => stageOrder(one) - stageOrder(other));
}

function tablesUsed(
  groupId: string,
  affected: readonly PlannedProduct[],
  edges: readonly PlannedEdge[],
  byId: ReadonlyMap<string, PlannedProduct>,
): PlannedProduct[] {
  const ids = new Set(affected.filter((p) => p.groupId === groupId).map((p) => p.productId));
  return edges
    .filter((edge) => ids.has(edge.productId) && edge.inputProductId !== null)
    .map((edge) => byId.get(edge.inputProductId!))
    .filter((product) => product?.kind === "calibration-table")
    .filter((product) => product !== undefined);
}

function revisionOf(products: readonly PlannedProduct[], selection: RedoSelection): string {
  const ids = products.map(({ productId }) => productId).sort();
  const text = JSON.stringify([ids, selection.from ?? null]);
  return `redo-${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)].sort((one, other) => stageOrder(one) - stageOrder(other));
}
