/**
 * What a product weighs: its bytes and their checksum, for a file or a folder.
 *
 * CRC-32 finds what disks do to bytes; it is no defence against people. It was chosen for its cost:
 * see docs/decisions/0036. A folder's checksum is that of the list of its files, each with its own.
 */
import { lstat, open, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { crc32 } from "node:zlib";

/** casacore rewrites it whenever somebody opens a table, also to read. */
const NOT_CONTENT = "table.lock";

const CHUNK_BYTES = 4 * 2 ** 20;

export interface Weight {
  readonly sizeBytes: number;
  readonly checksum: string;
}

export async function weigh(path: string): Promise<Weight> {
  const files = await contentFiles(path);
  let sizeBytes = 0;
  let crc = 0;
  for (const { file, name } of files) {
    const part = await readCrc(file);
    sizeBytes += part.sizeBytes;
    crc = name === "" ? part.crc : crc32(`${name} ${part.sizeBytes} ${part.crc}\n`, crc);
  }
  return { sizeBytes, checksum: `crc32:${crc.toString(16).padStart(8, "0")}` };
}

/** The bytes alone, without reading them. */
export async function sizeOf(path: string): Promise<number> {
  const files = await contentFiles(path);
  const sizes = await Promise.all(files.map(async ({ file }) => (await lstat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The files of a product in order of their names; the one file itself has no name. */
async function contentFiles(path: string): Promise<{ file: string; name: string }[]> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) return [{ file: path, name: "" }];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== NOT_CONTENT)
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, name: relative(path, file) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function readCrc(file: string): Promise<{ sizeBytes: number; crc: number }> {
  await using handle = await open(file, "r");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let sizeBytes = 0;
  let crc = 0;
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES);
    if (bytesRead === 0) return { sizeBytes, crc };
    sizeBytes += bytesRead;
    crc = crc32(chunk.subarray(0, bytesRead), crc);
  }
}
