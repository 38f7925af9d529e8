/**
 * Ingest: files of a folder to groups, groups to chains. One look does all that can be done now;
 * what it has to wait for is in the database, so any number of processes may look, at any time, and
 * die on any line.
 */
import type { AbsurdClient, Logger } from "@contimg/absurd";
import type pg from "pg";

import { type Load, measureLoad, pauseReason } from "./back-pressure.ts";
import type { ChainOf } from "./chain-of.ts";
import type { FileRow } from "./file-rows.ts";
import { type Changes, IncomingFolder } from "./incoming-folder.ts";
import type { IngestPolicy } from "./policy.ts";
import { type Probe, probeSubband } from "./probe-file.ts";
import { settleGroup, type SpawnedGroup } from "./settle-group.ts";
import { isQuiet, judge, recordLook, recordVerdicts, type Verdict } from "./take-files.ts";

export interface IngestOptions {
  readonly pool: pg.Pool;
  /** Knows the stages as tasks. */
  readonly client: AbsurdClient;
  /** Of the chains. */
  readonly queue: string;
  /** Absolute; its disk is watched besides that of the folder. */
  readonly dataRoot: string;
  /** Absolute. */
  readonly folder: string;
  readonly policy: IngestPolicy;
  readonly chainOf: ChainOf;
  readonly probe?: Probe;
  readonly measure?: () => Promise<Load>;
  readonly log?: Logger;
}

export interface LookReport {
  /** Files that were new or changed. */
  readonly seenCount: number;
  readonly goneCount: number;
  /** Found whole. */
  readonly takenCount: number;
  readonly quarantined: readonly { readonly path: string; readonly reason: string }[];
  readonly spawned: readonly SpawnedGroup[];
  readonly refused: readonly { readonly groupId: string; readonly reason: string }[];
  /** Files that are not yet known to be whole. */
  readonly pendingCount: number;
  /** Why no files are taken; null while they are. */
  readonly paused: string | null;
}

type Tally = {
  -readonly [Field in keyof LookReport]: LookReport[Field] extends readonly (infer Item)[]
    ? Item[]
    : LookReport[Field];
};

/** In one transaction; also how far recording runs ahead of judging. */
const FILES_AT_ONCE = 512;
/** Chains spawned between two looks at disk and queue. */
const SPAWNS_AT_ONCE = 16;

export class Ingester {
  readonly #options: IngestOptions;
  readonly #folder: IncomingFolder;
  readonly #probe: Probe;
  readonly #measure: () => Promise<Load>;

  constructor(options: IngestOptions) {
    const { pool, client, queue, folder, dataRoot } = options;
    this.#options = options;
    this.#folder = new IncomingFolder(pool, folder);
    this.#probe = options.probe ?? probeSubband;
    this.#measure = options.measure ?? (() => measureLoad(client, queue, [dataRoot, folder]));
  }

  /** @param names of files that may have changed; default: a look at the whole folder */
  async look(names?: Iterable<string>): Promise<LookReport> {
    const tally: Tally = {
      ...{ seenCount: 0, goneCount: 0, takenCount: 0, pendingCount: 0, paused: null },
      ...{ quarantined: [], spawned: [], refused: [] },
    };
    tally.paused = await this.#pressure();
    if (tally.paused !== null) return tally;
    const changes = await this.#folder.changes(names);
    tally.seenCount = changes.seen.length;
    tally.goneCount = changes.gonePaths.length;
    for (const part of inParts(changes)) {
      if (part.seen.length + part.gonePaths.length > 0) {
        await recordLook(this.#options.pool, this.#folder.folder, part, this.#options.policy);
        this.#folder.recorded(part);
      }
      await this.#judgePending(tally);
      if (!(await this.#settleDue(tally))) break;
    }
    return tally;
  }

  async #judgePending(tally: Tally): Promise<void> {
    const { pool, policy } = this.#options;
    const { rows } = await pool.query<FileRow & { now: Date }>(
      "select f.*, absurd.clock() as now from contimg.pending_files($1) f",
      [this.#folder.folder],
    );
    tally.pendingCount = rows.length;
    const quiet = rows.filter((row) => isQuiet(row, policy, row.now.getTime()));
    for (let at = 0; at < quiet.length; at += FILES_AT_ONCE) {
      const verdicts: Verdict[] = [];
      for (const row of quiet.slice(at, at + FILES_AT_ONCE)) {
        verdicts.push(await judge(row, this.#probe, policy, row.now.getTime()));
      }
      await recordVerdicts(pool, verdicts, policy);
      this.#count(verdicts, tally);
    }
  }

  #count(verdicts: readonly Verdict[], tally: Tally): void {
    for (const { path, refusal, may_mend: mayMend } of verdicts) {
      if (mayMend) continue;
      tally.pendingCount -= 1;
      if (refusal === null) tally.takenCount += 1;
      else {
        tally.quarantined.push({ path, reason: refusal });
        this.#options.log?.warn({ path, reason: refusal }, "quarantined a file");
      }
    }
  }

  /** False when it stopped on the way. */
  async #settleDue(tally: Tally): Promise<boolean> {
    const { rows } = await this.#options.pool.query<{ group_id: string }>(
      "select group_id from contimg.due_groups() as group_id",
    );
    let spawnCount = 0;
    for (const { group_id: groupId } of rows) {
      if (spawnCount >= SPAWNS_AT_ONCE) {
        tally.paused = await this.#pressure();
        if (tally.paused !== null) break;
        spawnCount = 0;
      }
      const settled = await settleGroup(groupId, this.#options);
      if (settled?.decision.action === "refuse") {
        const { reason } = settled.decision;
        tally.refused.push({ groupId, reason });
        this.#options.log?.warn({ groupId, reason }, "gave a group up");
      }
      if (settled?.spawned == null) continue;
      spawnCount += 1;
      tally.spawned.push(settled.spawned);
      this.#options.log?.info(settled.spawned, "spawned a group's chain");
    }
    if (tally.spawned.length > 0) this.#options.client.wake([this.#options.queue]);
    return tally.paused === null;
  }

  /** Says so when it begins and when it ends. */
  async #pressure(): Promise<string | null> {
    const { pool, policy, log } = this.#options;
    const { folder } = this.#folder;
    const { rows } = await pool.query<{ paused_reason: string | null }>(
      "select paused_reason from contimg.ingest_folders where folder = $1",
      [folder],
    );
    const before = rows[0]?.paused_reason ?? null;
    const reason = pauseReason(await this.#measure(), before !== null, policy);
    if (reason === null && before === null) return null;
    await pool.query("select contimg.set_ingest_pause($1, $2)", [folder, reason]);
    if (before === null) log?.warn({ folder, reason }, "no files are taken for now");
    if (reason === null) log?.info({ folder }, "files are taken again");
    return reason;
  }
}

/** At least one, also when nothing changed: what was seen before may be due. */
function inParts({ seen, gonePaths }: Changes): Changes[] {
  const parts: Changes[] = [];
  for (let at = 0; at < Math.max(seen.length, 1); at += FILES_AT_ONCE) {
    parts.push({
      seen: seen.slice(at, at + FILES_AT_ONCE),
      gonePaths: at === 0 ? gonePaths : [],
    });
  }
  return parts;
}
