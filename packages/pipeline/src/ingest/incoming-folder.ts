/**
 * The folder where the telescope delivers: which finished subband files lie in it, and what changed
 * since they were last reported. What it remembers only saves work; the database knows it all.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { parseSubbandPath } from "../groups/subband-file.ts";

/** As contimg.record_look takes it. */
export interface Sighting {
  readonly path: string;
  readonly stamp: string;
  readonly subband: number;
  readonly size_bytes: number;
  readonly mtime_unix_ms: number;
}

export interface Changes {
  /** New or changed, in order of time. */
  readonly seen: readonly Sighting[];
  readonly gonePaths: readonly string[];
}

export class IncomingFolder {
  readonly folder: string;
  readonly #pool: pg.Pool;
  /** Size and time as last recorded, by path; undefined until the database was asked. */
  #recorded: Map<string, string> | undefined;

  /** @param folder absolute */
  constructor(pool: pg.Pool, folder: string) {
    this.#pool = pool;
    this.folder = folder;
  }

  /** @param names of files that may have changed; default: all that there are or were */
  async changes(names?: Iterable<string>): Promise<Changes> {
    const recorded = await this.#known();
    const paths =
      names === undefined
        ? [...new Set([...(await this.#list()), ...recorded.keys()])]
        : [...names].map((name) => join(this.folder, name));
    const seen: Sighting[] = [];
    const gonePaths: string[] = [];
    for (const path of paths) {
      const named = parseSubbandPath(path);
      if (named === undefined) continue;
      const sighting = await sight(path, named.timestamp, named.subbandIndex);
      if (sighting === undefined) {
        if (recorded.has(path)) gonePaths.push(path);
      } else if (recorded.get(path) !== markOf(sighting)) seen.push(sighting);
    }
    seen.sort((a, b) => (a.stamp < b.stamp ? -1 : a.stamp > b.stamp ? 1 : a.subband - b.subband));
    return { seen, gonePaths };
  }

  /** To be told once the database knows. */
  recorded({ seen, gonePaths }: Changes): void {
    for (const sighting of seen) this.#recorded?.set(sighting.path, markOf(sighting));
    for (const path of gonePaths) this.#recorded?.delete(path);
  }

  async #known(): Promise<Map<string, string>> {
    if (this.#recorded !== undefined) return this.#recorded;
    const { rows } = await this.#pool.query<
      Record<"path" | "size_bytes" | "mtime_unix_ms", string>
    >(
      `select path, size_bytes, mtime_unix_ms from contimg.subband_files
        where folder = $1 and state <> 'gone'`,
      [this.folder],
    );
    this.#recorded = new Map(rows.map((row) => [row.path, markOf(row)]));
    return this.#recorded;
  }

  /** A folder that the telescope has not made yet holds nothing. */
  async #list(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).map((name) => join(this.folder, name));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }
}

async function sight(path: string, stamp: string, subband: number): Promise<Sighting | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    const mtime_unix_ms = Math.floor(found.mtimeMs);
    return { path, stamp, subband, size_bytes: found.size, mtime_unix_ms };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function markOf(file: { size_bytes: number | string; mtime_unix_ms: number | string }): string {
  return `${file.size_bytes} ${file.mtime_unix_ms}`;
}
