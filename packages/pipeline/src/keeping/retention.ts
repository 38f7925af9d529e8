/**
 * How long products are kept, and which may go now. Pure.
 *
 * A product may go when its time is over, nothing of its group is at work, and nothing that stays
 * was made from it. The one exception is what the policy releases by name: its file goes although
 * products made from it stay. Its row stays, and with it their lineage; a redo makes it again from
 * what it was made of.
 */
import { z } from "zod";

import type { ProductKind } from "../stage.ts";
import { PRODUCT_KINDS } from "../stage-messages.ts";

const daysSchema = z.number().positive().max(36_500).nullable();

/** Null keeps for ever. */
const DEFAULT_DAYS: Readonly<Record<ProductKind, number | null>> = {
  "measurement-set": 30,
  "calibrated-measurement-set": 30,
  "residual-image": 30,
  psf: 30,
  "channel-image": 30,
  snapshot: 30,
  image: 180,
  "corrected-image": 180,
  "primary-beam": 180,
  preview: 180,
  validation: 180,
  photometry: 180,
  "snapshot-report": 180,
  "flag-statistics": 180,
  "flag-plot": 180,
  // 8 MB each, and without them nothing can be made again as it was.
  "calibration-table": null,
  "delay-table": null,
  "gain-table": null,
  "self-calibration-table": null,
};

export const retentionSchema = z.strictObject({
  /** Days since registration by kind; a kind that is not named keeps its default. */
  products: z.partialRecord(z.enum(PRODUCT_KINDS), daysSchema).default({}),
  /** Measurement Sets of calibrators; the kinds above are of science tiles. */
  calibrator_days: daysSchema.default(90),
  /** Measurement Sets below `failed/`. */
  failed_days: daysSchema.default(7),
  /** Kinds whose files may go although products that stay were made from them. */
  release: z.array(z.enum(["measurement-set", "calibrated-measurement-set"])).default([]),
  /** What lies in `scratch/` and `tmp/` unchanged. */
  scratch_hours: z.number().positive().default(24),
  quarantine_days: daysSchema.default(30),
  /** Raw files of converted groups; null never touches them. */
  raw_days: daysSchema.default(null),
});

export type RetentionPolicy = z.infer<typeof retentionSchema>;

export interface KeptProduct {
  readonly productId: string;
  readonly kind: ProductKind;
  readonly groupId: string;
  readonly finalPath: string;
  readonly sizeBytes: number;
  readonly registeredAt: Date;
  readonly isCurrent: boolean;
  readonly isPublished: boolean;
}

export interface KeptEdge {
  readonly productId: string;
  readonly inputProductId: string;
}

export interface RetentionChoice {
  readonly remove: readonly KeptProduct[];
  /** Their time is over, but something stands in the way. */
  readonly spared: readonly { readonly product: KeptProduct; readonly reason: string }[];
}

const DAY_MS = 86_400_000;

export function daysOf(
  policy: RetentionPolicy,
  kind: ProductKind,
  finalPath: string,
): number | null {
  if (finalPath.startsWith("ms/failed/")) return policy.failed_days;
  if (finalPath.startsWith("ms/calibrators/")) return policy.calibrator_days;
  const own = policy.products[kind];
  return own === undefined ? DEFAULT_DAYS[kind] : own;
}

export function chooseRemovals(
  products: readonly KeptProduct[],
  edges: readonly KeptEdge[],
  policy: RetentionPolicy,
  { now, busyGroups }: { readonly now: Date; readonly busyGroups: ReadonlySet<string> },
): RetentionChoice {
  const current = products.filter((product) => product.isCurrent);
  const isOver = (product: KeptProduct): boolean => {
    const days = daysOf(policy, product.kind, product.finalPath);
    return days !== null && now.getTime() - product.registeredAt.getTime() > days * DAY_MS;
  };
  const reasonToStay = (product: KeptProduct): string | undefined => {
    if (!product.isPublished) return "its file is not in place yet";
    if (busyGroups.has(product.groupId)) return "a task of its group has not ended";
    const mayBeChosen = product.kind === "calibration-table" && busyGroups.size > 0;
    return mayBeChosen ? "a task that has not ended may apply it" : undefined;
  };
  const stays = current.filter((product) => !isOver(product) || reasonToStay(product));
  const atWork = stays.filter((product) => busyGroups.has(product.groupId));
  const neededAtWork = ancestors(atWork, edges);
  const needed = ancestors(stays, edges);
  const released = new Set<string>(policy.release);
  const remove: KeptProduct[] = [];
  const spared: { product: KeptProduct; reason: string }[] = [];
  for (const product of current.filter(isOver)) {
    const { productId } = product;
    const mayLose = released.has(product.kind) && !neededAtWork.has(productId);
    const reason =
      reasonToStay(product) ??
      (needed.has(productId) && !mayLose ? "a product that stays was made from it" : undefined);
    if (reason === undefined) remove.push(product);
    else spared.push({ product, reason });
  }
  return { remove, spared };
}

/** All that the products were made from, at any distance; not themselves. */
export function ancestors(
  products: readonly KeptProduct[],
  edges: readonly KeptEdge[],
): Set<string> {
  const inputs = new Map<string, string[]>();
  for (const { productId, inputProductId } of edges) {
    const known = inputs.get(productId);
    if (known) known.push(inputProductId);
    else inputs.set(productId, [inputProductId]);
  }
  const reached = new Set<string>();
  const open = products.map(({ productId }) => productId);
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const input of inputs.get(at) ?? []) {
      if (reached.has(input)) continue;
      reached.add(input);
      open.push(input);
    }
  }
  return reached;
}
