/**
 * Does what an audit's findings ask for, where that is safe: it finishes moves, takes what is
 * nobody's into quarantine, and says of products whose file is lost that they are missing. It
 * deletes nothing that a row names.
 */
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import type pg from "pg";

import { quarantinePath } from "../products/paths.ts";
import { exists } from "../products/place.ts";
import { reconcile } from "../reconcile.ts";
import type { Finding } from "./finding.ts";

export interface Repaired {
  readonly finding: Finding;
  /** What was done, as a sentence; undefined when only a person can help. */
  readonly done: string | undefined;
}

export async function repair(
  pool: pg.Pool,
  dataRoot: string,
  findings: readonly Finding[],
  now = new Date(),
): Promise<Repaired[]> {
  if (findings.some(({ remedy }) => remedy === "reconcile")) await reconcile(pool, dataRoot);
  const repaired: Repaired[] = [];
  for (const each of findings) {
    repaired.push({ finding: each, done: await repairOne(pool, dataRoot, each, now) });
  }
  return repaired;
}

async function repairOne(
  pool: pg.Pool,
  dataRoot: string,
  { kind, path, productId, remedy }: Finding,
  now: Date,
): Promise<string | undefined> {
  switch (remedy) {
    case "reconcile":
      return "reconciled";
    case "quarantine":
      return quarantine(dataRoot, path, now);
    case "mark-missing": {
      // The row first: a crash between leaves a file that the next audit calls a left-over.
      await pool.query("select contimg.retire_product($1, 'missing')", [productId]);
      const moved = kind === "missing-file" ? undefined : await quarantine(dataRoot, path, now);
      return ["marked as missing", moved].filter((part) => part !== undefined).join("; ");
    }
    case "link":
      await pool.query("select contimg.link_inputs($1)", [productId]);
      return "linked";
    case "retire":
      await pool.query(
        `update contimg.calibrations
            set status = 'retired', status_reason = 'an audit found its table gone',
                status_at = clock_timestamp()
          where table_path = $1 and status = 'active'`,
        [path],
      );
      return "retired";
    case "person":
      return undefined;
  }
}

/** A rename on one file system, so nothing is copied and nothing can be half done. */
async function quarantine(dataRoot: string, path: string, now: Date): Promise<string> {
  const from = join(dataRoot, path);
  if (!(await exists(from))) return "is gone by now";
  const to = quarantinePath(path, now);
  await mkdir(dirname(join(dataRoot, to)), { recursive: true });
  await rename(from, join(dataRoot, to));
  return `moved to ${to}`;
}
