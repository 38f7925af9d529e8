/** Removes files of the data root and adds up what they took. */
import { lstat, readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { exists } from "../products/place.ts";

export interface Removal {
  readonly path: string;
  readonly what: "product" | "left-over" | "stage-folder" | "scratch" | "quarantine" | "raw-file";
  readonly bytes: number;
  readonly files: number;
  /** Folders, itself included. */
  readonly folders: number;
}

interface Measured {
  bytes: number;
  files: number;
  folders: number;
  newestMs: number;
}

export async function measure(path: string): Promise<Measured> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) {
    return { bytes: stat.size, files: 1, folders: 0, newestMs: stat.mtimeMs };
  }
  const sum: Measured = { bytes: 0, files: 0, folders: 1, newestMs: stat.mtimeMs };
  for (const name of await readdir(path)) {
    const part = await measure(join(path, name));
    sum.bytes += part.bytes;
    sum.files += part.files;
    sum.folders += part.folders;
    sum.newestMs = Math.max(sum.newestMs, part.newestMs);
  }
  return sum;
}

/** Removes, or only adds up what it would remove. */
export class Remover {
  readonly #dataRoot: string;
  readonly #dryRun: boolean;
  readonly #removed: Removal[] = [];

  constructor(dataRoot: string, dryRun: boolean) {
    this.#dataRoot = dataRoot;
    this.#dryRun = dryRun;
  }

  async weigh(path: string, what: Removal["what"]): Promise<void> {
    const { bytes, files, folders } = await measure(join(this.#dataRoot, path));
    this.#removed.push({ path, what, bytes, files, folders });
  }

  async remove(path: string, what: Removal["what"]): Promise<void> {
    const absolute = join(this.#dataRoot, path);
    if (!(await exists(absolute))) return;
    await this.weigh(path, what);
    if (this.#dryRun) return;
    await rm(absolute, { recursive: true, force: true, maxRetries: 3 });
    await this.#removeEmptyDay(dirname(path));
  }

  /** The folder of a day goes with the last product of that day. */
  async #removeEmptyDay(folder: string): Promise<void> {
    if (!/\/\d{4}-\d\d-\d\d$/.test(folder)) return;
    const absolute = join(this.#dataRoot, folder);
    // Refused, as it should be, as long as anything is in it.
    await rmdir(absolute).catch(() => undefined);
  }

  report() {
    const sum = (field: "bytes" | "files" | "folders"): number =>
      this.#removed.reduce((total, each) => total + each[field], 0);
    return {
      removed: this.#removed,
      bytes: sum("bytes"),
      files: sum("files"),
      folders: sum("folders"),
    };
  }
}
