/**
 * A folder of records that wait for the database.
 *
 * A segment is written beside, made durable, and renamed: under its name it is whole, and never
 * changes. It is removed only by who knows that the database has it, or has refused it. What is
 * damaged is set aside under another name. So processes may share a folder without a lock: the
 * worst they can do is to replay a segment twice, which the database knows how to take once.
 */
import { createHash, randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { join, resolve } from "node:path";

import { isAlive, readIdentity } from "../process-tree.ts";
import {
  formatSegment,
  parseSegment,
  SEGMENT_KINDS,
  type SegmentContent,
  type SegmentKind,
} from "./segment.ts";
import { DISK, type SpoolFs } from "./spool-fs.ts";

export interface Segment {
  readonly name: string;
  readonly kind: SegmentKind;
  readonly writtenAt: Date;
  /** ready: to be replayed; unfinished: its writer is at it; the others wait for a person. */
  readonly state: "ready" | "unfinished" | "corrupt" | "refused";
}

/** <kind>-<milliseconds>-<random>-<pid>.<start>.<namespace>.jsonl[.tmp|.corrupt|.refused] */
const NAME = /^(\w+)-(\d+)-[0-9a-f]+-(\d+)\.(\d+)\.([0-9a-f]+)\.jsonl(?:\.(tmp|corrupt|refused))?$/;
/** A writer on another machine, or in another container, cannot be asked; nobody writes so long. */
const STRANGE_WRITER_MS_MAX = 600_000;

export class SpoolFolder {
  readonly path: string;
  readonly #fs: SpoolFs;
  readonly #writer = ownWriter();

  constructor(path: string, fs: SpoolFs = DISK) {
    this.path = resolve(path);
    this.#fs = fs;
  }

  /** @throws what the file system says when the folder cannot be made */
  async prepare(): Promise<void> {
    await this.#fs.makeFolder(this.path);
  }

  /**
   * Writes records (JSON texts) as one segment. When it resolves they survive a power failure.
   * @throws what the file system says; then nothing was promised, and nothing is left if possible
   */
  async write(kind: SegmentKind, records: readonly string[]): Promise<string> {
    const random = randomBytes(6).toString("hex");
    const name = `${kind}-${Date.now()}-${random}-${this.#writer}.jsonl`;
    const beside = `${name}.tmp`;
    let at = beside;
    await this.#fs.makeFolder(this.path);
    try {
      const file = await this.#fs.create(join(this.path, beside));
      try {
        await file.write(formatSegment(kind, records));
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#fs.rename(join(this.path, beside), join(this.path, name));
      at = name;
      await this.#fs.syncFolder(this.path);
    } catch (error) {
      await this.#fs.remove(join(this.path, at)).catch(() => undefined);
      throw error;
    }
    return name;
  }

  /** All segments, oldest first. Finishes what a writer left unfinished when it died. */
  async list(): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (const name of await this.#names()) {
      const match = NAME.exec(name);
      const kind = SEGMENT_KINDS.find((each) => each === match?.[1]);
      if (!match || !kind) continue;
      const writtenAt = new Date(Number(match[2]));
      if (match[6] !== "tmp") {
        const state = match[6] === "corrupt" || match[6] === "refused" ? match[6] : "ready";
        segments.push({ name, kind, writtenAt, state });
      } else if (await this.#isAbandoned(name, match)) {
        // Its whole records are as good as any; what is cut off will be set aside.
        const finished = name.slice(0, -".tmp".length);
        await this.#move(name, finished);
        segments.push({ name: finished, kind, writtenAt, state: "ready" });
      } else {
        segments.push({ name, kind, writtenAt, state: "unfinished" });
      }
    }
    return segments.sort((a, b) => a.writtenAt.getTime() - b.writtenAt.getTime());
  }

  /** Undefined when somebody else has replayed it meanwhile. */
  async read(name: string): Promise<SegmentContent | undefined> {
    try {
      return parseSegment(await this.#fs.read(join(this.path, name)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** For who knows that the database has, or has refused, every record of it. */
  async remove(name: string): Promise<void> {
    try {
      await this.#fs.remove(join(this.path, name));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await this.#fs.syncFolder(this.path);
  }

  /** Keeps a segment for a person to look at; returns its new name. */
  async setAside(name: string, state: "corrupt" | "refused"): Promise<string> {
    await this.#move(name, `${name}.${state}`);
    return `${name}.${state}`;
  }

  async #move(from: string, to: string): Promise<void> {
    try {
      await this.#fs.rename(join(this.path, from), join(this.path, to));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await this.#fs.syncFolder(this.path);
  }

  async #names(): Promise<string[]> {
    try {
      return (await this.#fs.list(this.path)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #isAbandoned(name: string, match: RegExpExecArray): Promise<boolean> {
    const [, , , pid = "", startTicks = "", namespace] = match;
    if (namespace === ownNamespace()) return !isAlive({ pid: Number(pid), startTicks });
    try {
      const modifiedMs = await this.#fs.modifiedMs(join(this.path, name));
      return Date.now() - modifiedMs > STRANGE_WRITER_MS_MAX;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
}

function ownWriter(): string {
  const { pid } = process;
  return `${pid}.${readIdentity(pid)?.startTicks ?? "0"}.${ownNamespace()}`;
}

/** Tells apart machines and containers, where process numbers mean different processes. */
function ownNamespace(): string {
  let name = process.platform as string;
  try {
    name = `${readlinkSync("/proc/self/ns/pid")} ${readlinkSync("/proc/self/ns/uts")}`;
  } catch {
    // No Linux: one name for all, and only the time tells.
  }
  return createHash("sha256").update(name).digest("hex").slice(0, 8);
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
