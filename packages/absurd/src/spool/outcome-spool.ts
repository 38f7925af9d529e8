/**
 * The worker's outcomes while the database is away: on disk, with their fences.
 *
 * The worker keeps what ended until the database took it. What it has kept for a second is also
 * written here, so that it outlives the process. Taken by the usual way, it is removed again; what
 * this or another process left behind is replayed. A disk that is full costs nothing but this.
 */
import type { Db } from "../db.ts";
import type { Logger } from "../task.ts";
import { fenceText } from "../task-id.ts";
import type { EndedAttempt, WorkerIdentity } from "../worker-session.ts";
import type { OutcomeRecord } from "./records.ts";
import { type ReplayReport, replaySpool } from "./replay.ts";
import { SpoolFolder } from "./spool-folder.ts";
import type { SpoolFs } from "./spool-fs.ts";

export interface OutcomeSpoolHost {
  readonly name: string;
  readonly identity: () => WorkerIdentity;
  readonly side: Db;
  readonly log: Logger;
  /** What ended and is not known to be in the database. */
  pendingOutcomes(): readonly EndedAttempt[];
}

/** A database that answers takes them within milliseconds. */
const AWAY_MS = 1_000;
const TICK_MS = 250;
const WARN_MS = 60_000;

export class OutcomeSpool {
  readonly #host: OutcomeSpoolHost;
  readonly #folder: SpoolFolder | undefined;
  readonly #replayMs: number;
  /** Since when each has been waiting. */
  #waitingSince = new Map<EndedAttempt, number>();
  readonly #segmentOf = new Map<EndedAttempt, string>();
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #replayAtMs = 0;
  #warnedAtMs = -Infinity;

  /** @param path undefined: there is no spool, and what cannot be reported is only told of */
  constructor(
    host: OutcomeSpoolHost,
    path: string | undefined,
    leaseSeconds: number,
    fs?: SpoolFs,
  ) {
    this.#host = host;
    this.#folder = path === undefined ? undefined : new SpoolFolder(path, fs);
    // Soon enough for the leases of a process that died.
    this.#replayMs = Math.min(5_000, leaseSeconds * 250);
  }

  /** @throws what the file system says when the folder cannot be made */
  async prepare(): Promise<void> {
    await this.#folder?.prepare();
  }

  /** Replays what earlier processes left, before their leases are recovered; then watches. */
  async start(): Promise<void> {
    if (!this.#folder) return;
    await this.#replay();
    this.#timer = setInterval(() => {
      this.#work = this.#work.then(() => this.#tick());
    }, TICK_MS);
  }

  /** The database has these now, or has refused them. */
  settle(ended: readonly EndedAttempt[]): void {
    if (this.#segmentOf.size === 0) return;
    const touched = new Set<string>();
    for (const each of ended) {
      const segment = this.#segmentOf.get(each);
      if (segment !== undefined) touched.add(segment);
      this.#segmentOf.delete(each);
    }
    const open = new Set(this.#segmentOf.values());
    for (const name of touched) {
      if (!open.has(name)) this.#work = this.#work.then(() => this.#remove(name));
    }
  }

  /** At the worker's end: what the database did not take goes to disk, or is told of, loudly. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
    const pending = this.#host.pendingOutcomes();
    if (pending.length === 0) return;
    const kept = await this.#write(pending.filter((each) => !this.#segmentOf.has(each)));
    const lost = pending.filter((each) => !this.#segmentOf.has(each));
    const { name: worker, log } = this.#host;
    if (kept) {
      log.warn(
        { worker, folder: this.#folder?.path, count: pending.length },
        "the database is away: outcomes wait in the spool",
      );
    }
    if (lost.length > 0) {
      const fences = lost.map((each) => this.#fenceOf(each));
      log.error(
        { worker, count: lost.length, fences },
        "LOST: outcomes that the database did not take; these tasks run again after their lease",
      );
    }
  }

  async #tick(): Promise<void> {
    const nowMs = performance.now();
    const pending = this.#host.pendingOutcomes();
    this.#waitingSince = new Map(
      pending.map((each) => [each, this.#waitingSince.get(each) ?? nowMs]),
    );
    // What the worker gave up on, because it is not its own any more: replayed for its verdict.
    for (const each of this.#segmentOf.keys()) {
      if (!this.#waitingSince.has(each)) this.#segmentOf.delete(each);
    }
    const late = pending.filter(
      (each) =>
        nowMs - (this.#waitingSince.get(each) ?? nowMs) >= AWAY_MS && !this.#segmentOf.has(each),
    );
    await this.#write(late);
    if (nowMs < this.#replayAtMs) return;
    this.#replayAtMs = nowMs + this.#replayMs;
    try {
      await this.#replay();
    } catch (error) {
      // The database is away, of which the worker itself complains, or the disk.
      this.#host.log.debug({ error: String(error) }, "the spool is not replayed now");
    }
  }

  /** False when it could not: then they stay in memory, as they are anyway. */
  async #write(ended: readonly EndedAttempt[]): Promise<boolean> {
    if (ended.length === 0) return true;
    if (!this.#folder) return false;
    try {
      const records = ended.map((each) => JSON.stringify(this.#toRecord(each)));
      const name = await this.#folder.write("outcome", records);
      const still = new Set(this.#host.pendingOutcomes());
      for (const each of ended) if (still.has(each)) this.#segmentOf.set(each, name);
      this.#host.log.info({ segment: name, count: ended.length }, "outcomes are in the spool");
      return true;
    } catch (error) {
      const nowMs = performance.now();
      if (nowMs - this.#warnedAtMs > WARN_MS) {
        this.#warnedAtMs = nowMs;
        this.#host.log.warn(
          { folder: this.#folder.path, error: String(error) },
          "cannot write to the spool: outcomes are kept in memory only",
        );
      }
      return false;
    }
  }

  async #replay(): Promise<void> {
    if (!this.#folder) return;
    // What the worker is about to report itself is no business of the replay.
    const own = new Set(this.#segmentOf.values());
    const report = await replaySpool(this.#host.side, this.#folder, (name) => own.has(name));
    logReport(this.#host.log, this.#folder.path, report);
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#folder?.remove(name);
    } catch (error) {
      // It will be replayed, and known.
      this.#host.log.warn({ segment: name, error: String(error) }, "cannot remove a segment");
    }
  }

  #toRecord(each: EndedAttempt): OutcomeRecord {
    const isCompleted = each.kind === "completed";
    return {
      fence: this.#fenceOf(each),
      ending: isCompleted ? "completed" : each.errorClass,
      body: isCompleted ? each.result : each.error,
      mayBeStale: !isCompleted && (each.mayBeStale ?? false),
    };
  }

  #fenceOf(each: EndedAttempt): string {
    return fenceText({ ...each, ...this.#host.identity() });
  }
}

/** Says what was found; silent when there was nothing. */
function logReport(log: Logger, folder: string, report: ReplayReport): void {
  const { refused, corrupt, ...counts } = report;
  if (Object.values(counts).some((count) => count > 0)) {
    log.info({ folder, ...counts }, "replayed the spool");
  }
  for (const each of refused)
    log.warn({ folder, ...each }, "the database refused a spooled record");
  for (const each of corrupt) log.error({ folder, ...each }, "a spool segment is damaged");
}
