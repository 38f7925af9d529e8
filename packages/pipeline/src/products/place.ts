/**
 * Moves a product from its stage folder to its final path, also over an earlier version.
 *
 * Linux replaces a file by one atomic rename; a folder (a Measurement Set) needs two: the earlier
 * version aside, then the new one in. Between the two the final path does not exist. A crash there
 * leaves the product unpublished in the registry, and whoever looks for it next calls place again,
 * which goes on from any point. The caller holds the product's row lock.
 */
import { lstat, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import { PipelineError } from "../errors.ts";
import { areaOf, replacedPath } from "./paths.ts";
import { syncPath } from "./sync-tree.ts";

export interface Placement {
  readonly productId: string;
  /** Both relative to the data root. */
  readonly stagePath: string;
  readonly finalPath: string;
}

/**
 * @returns the absolute path of the earlier version, to be removed by the caller when the database
 * knows of the new one; undefined when nothing was left over
 * @throws {PipelineError} MissingProduct when neither path exists
 */
export async function place(dataRoot: string, placement: Placement): Promise<string | undefined> {
  const from = join(dataRoot, placement.stagePath);
  const to = join(dataRoot, placement.finalPath);
  const aside = join(dataRoot, replacedPath(areaOf(placement.finalPath), placement.productId));
  if (await exists(from)) {
    await mkdir(dirname(to), { recursive: true });
    if (await isFolder(to)) await rename(to, aside);
    await moveIn(from, to, aside);
    await syncPath(dirname(from));
    await syncPath(dirname(to));
  } else if (!(await exists(to))) {
    throw new PipelineError(
      "MissingProduct",
      `product ${placement.finalPath} is registered, but neither ${to} nor ${from} exists`,
      { finalPath: to, stagePath: from },
    );
  }
  return (await exists(aside)) ? aside : undefined;
}

/**
 * A process that was stopped for long between looking and renaming may find that a later run of
 * the same group has taken its file away and put its own in place: then that one comes back.
 */
async function moveIn(from: string, to: string, aside: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (isErrno(error, "ENOENT") && (await exists(aside)) && !(await exists(to))) {
      await rename(aside, to);
    }
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await lookAt(path)) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await lookAt(path))?.isDirectory() ?? false;
}

async function lookAt(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
