/** Makes what a run wrote survive a power failure, before the database says that it exists. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Flushes a file, or a folder with all below it, to the disk; folders after their contents. */
export async function syncTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const paths = (wanted: boolean) =>
    entries
      .filter((entry) => entry.isDirectory() === wanted)
      .map((entry) => join(entry.parentPath, entry.name));
  for (const file of paths(false)) await syncPath(file);
  for (const folder of paths(true).reverse()) await syncPath(folder);
  await syncPath(path);
}

/** Flushes one file, or the names in one folder. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
