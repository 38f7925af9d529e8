/** The disk for what the database does not take in a history. It can be full. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { canMountDisks, mountSmallDisk } from "@contimg/testkit";

const SIZE_BYTES = 2 ** 20;

export class SpoolDisk {
  readonly folder: string;
  /** Undefined where this process may not mount: then the disk is as large as the machine's. */
  readonly #disk: Disposable | undefined;

  private constructor(folder: string, disk: Disposable | undefined) {
    this.folder = folder;
    this.#disk = disk;
  }

  static async make(parent: string): Promise<SpoolDisk> {
    const folder = join(parent, "spool");
    await mkdir(folder);
    return new SpoolDisk(folder, canMountDisks() ? mountSmallDisk(folder, SIZE_BYTES) : undefined);
  }

  get canBeFull(): boolean {
    return this.#disk !== undefined;
  }

  /** Takes all the space that is left. */
  async fill(): Promise<void> {
    const step = Buffer.alloc(2 ** 14);
    try {
      while (true) await writeFile(this.#filler, step, { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  /** How many files wait to be brought to the database, or were refused by it for good. */
  async count(): Promise<number> {
    const names = await readdir(this.folder);
    return names.filter((name) => /\.(jsonl|refused)$/.test(name)).length;
  }

  clear(): void {
    this.#disk?.[Symbol.dispose]();
  }

  get #filler(): string {
    return join(this.folder, "filler");
  }
}
