/**
 * Proves that registry and disk are equal, or names each place where they are not.
 *
 * Safe beside running workers: a product on its way is neither here nor there for a moment, so what
 * the first look found counts only when a second look finds it again.
 */
import { join } from "node:path";

import type pg from "pg";

import { stageFoldersOf, AREAS } from "../products/paths.ts";
import { exists } from "../products/place.ts";
import { fenceOfRun, processOfRun } from "../products/run-id.ts";
import { deadStageFolders } from "../reconcile.ts";
import { sizeOf, weigh } from "./checksum.ts";
import { entriesIn, findUnnamed } from "./disk-walk.ts";
import { type Finding, finding } from "./finding.ts";
import { type CurrentProduct, readRegistryRows } from "./product-rows.ts";
import { findRowFaults } from "./row-faults.ts";

export interface AuditOptions {
  /** Reads every byte and compares checksums; otherwise sizes only. */
  readonly deep?: boolean;
}

export interface AuditReport {
  readonly findings: readonly Finding[];
  readonly productCount: number;
  /** Sum of what the registry says [bytes]. */
  readonly bytes: number;
  /** Products whose bytes could not be compared: they were registered without a checksum. */
  readonly uncheckedCount: number;
}

export async function audit(
  pool: pg.Pool,
  dataRoot: string,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const first = await look(pool, dataRoot, options);
  if (first.findings.length === 0) return first;
  const suspects = new Set(first.findings.map(keyOf));
  const second = await look(pool, dataRoot, options, suspects);
  return { ...second, findings: second.findings.filter((each) => suspects.has(keyOf(each))) };
}

function keyOf({ kind, path }: Pick<Finding, "kind" | "path">): string {
  return `${kind} ${path}`;
}

/** @param suspects of a second look: only their bytes are read again */
async function look(
  pool: pg.Pool,
  dataRoot: string,
  options: AuditOptions,
  suspects?: ReadonlySet<string>,
): Promise<AuditReport> {
  const rows = await readRegistryRows(pool);
  const findings: Finding[] = [];
  for (const product of rows.products) {
    const suspected = suspects?.has(keyOf({ kind: "wrong-checksum", path: product.finalPath }));
    const deep = (options.deep ?? false) && (suspected ?? true);
    const fault = await checkProduct(dataRoot, product, deep);
    if (fault) findings.push(fault);
  }
  findings.push(...nestedPaths(rows.products));
  findings.push(...(await findUnnamed(dataRoot, rows)));
  findings.push(...(await stageFolderFaults(pool, dataRoot)));
  findings.push(...(await findRowFaults(pool, dataRoot)));
  return {
    findings,
    productCount: rows.products.length,
    bytes: rows.products.reduce((sum, product) => sum + product.sizeBytes, 0),
    uncheckedCount: options.deep ? rows.products.filter((p) => p.checksum === null).length : 0,
  };
}

async function checkProduct(
  dataRoot: string,
  product: CurrentProduct,
  deep: boolean,
): Promise<Finding | undefined> {
  const { finalPath, stagePath, productId, sizeBytes, checksum } = product;
  const path = join(dataRoot, finalPath);
  if (!product.isPublished) {
    if (!(await exists(path)) && !(await exists(join(dataRoot, stagePath)))) {
      const lost = `${finalPath} is registered, but neither it nor ${stagePath} exists`;
      return finding("missing-file", finalPath, lost, productId);
    }
    const waiting = `${finalPath} is registered, but not moved into place`;
    return finding("unfinished-publication", finalPath, waiting, productId);
  }
  if (!(await exists(path))) {
    return finding("missing-file", finalPath, `${finalPath} is gone`, productId);
  }
  const bytes = await sizeOf(path);
  if (bytes !== sizeBytes) {
    const detail = `${finalPath} has ${bytes} bytes, expected ${sizeBytes}`;
    return finding("wrong-size", finalPath, detail, productId);
  }
  if (!deep || checksum === null) return undefined;
  const found = (await weigh(path)).checksum;
  if (found === checksum) return undefined;
  const detail = `${finalPath} has checksum ${found}, expected ${checksum}`;
  return finding("wrong-checksum", finalPath, detail, productId);
}

/** No path twice is the database's own promise; one product inside another is ours. */
function nestedPaths(products: readonly CurrentProduct[]): Finding[] {
  const paths = new Set(products.map((product) => product.finalPath));
  return products.flatMap(({ finalPath, productId }) => {
    const steps = finalPath.split("/");
    const outer = steps
      .map((_step, count) => steps.slice(0, count).join("/"))
      .find((path) => paths.has(path));
    if (outer === undefined) return [];
    return [finding("nested-path", finalPath, `${finalPath} lies inside ${outer}`, productId)];
  });
}

async function stageFolderFaults(pool: pg.Pool, dataRoot: string): Promise<Finding[]> {
  const dead = (await deadStageFolders(pool, dataRoot)).map((folder) =>
    finding("dead-stage-folder", folder, `${folder} is of an attempt that is over`),
  );
  const unknown: Finding[] = [];
  for (const area of AREAS) {
    for (const { name } of await entriesIn(join(dataRoot, stageFoldersOf(area)))) {
      const isKnown = fenceOfRun(name) ?? processOfRun(name) ?? name.startsWith("replaced-");
      if (isKnown) continue;
      const path = `${stageFoldersOf(area)}/${name}`;
      const detail = `${path} has the name of no attempt`;
      unknown.push(finding("unknown-stage-folder", path, detail));
    }
  }
  return [...dead, ...unknown];
}
