/**
 * How far each lane is read, so that a claim does not step over the dead rows of claims before it.
 *
 * Only a hint. A row below it appears when a slower transaction commits a smaller seq or another
 * claimer rolls back; so hints keep a slack, and every now and then a look finds where the lanes
 * begin. Under a pinned snapshot it reads every dead row. It goes beside the claims, which do not
 * wait for it, and the slower it was, the later the next: at most a twentieth of the time.
 */
import { type Db, run } from "./db.ts";

const LOOK_EVERY_MS = 1_000;
const LOOK_SHARE_MAX = 1 / 20;
/** A look that takes longer read so many dead rows that no claim should read them again. */
const SLOW_LOOK_MS = 100;
/** More than the descent into the index that each lane costs: many lanes alone are not slow. */
const SLOW_LANE_MS = 0.05;

export interface LaneStart {
  readonly laneId: number;
  /** Of the first live row; of a lane without one the last number given out before the look. */
  readonly seq: bigint;
  readonly isLive: boolean;
}

export async function readLaneStarts(
  db: Db,
  queues: readonly string[],
  kindIds: readonly number[],
): Promise<LaneStart[]> {
  const rows = await run<{ lane_id: number; seq: string; is_live: boolean }>(
    db,
    "select lane_id, seq, is_live from absurd.lane_starts($1, $2)",
    [queues, kindIds],
  );
  return rows.map((row) => ({ laneId: row.lane_id, seq: BigInt(row.seq), isLive: row.is_live }));
}

export class LaneHints {
  readonly #read: () => Promise<readonly LaneStart[]>;
  readonly #onError: (error: unknown) => void;
  readonly #clockMs: () => number;
  readonly #next = new Map<number, bigint>();
  #lookFromMs = Infinity;

  /** @param read see readLaneStarts; its errors go to `onError` when nobody waits for it */
  constructor(
    read: () => Promise<readonly LaneStart[]>,
    onError: (error: unknown) => void,
    clockMs: () => number = () => performance.now(),
  ) {
    this.#read = read;
    this.#onError = onError;
    this.#clockMs = clockMs;
  }

  /** Forgets what it knows and looks: a worker that begins, or is back, waits for this. */
  async renew(): Promise<void> {
    this.#lookFromMs = Infinity;
    this.#next.clear();
    await this.#look();
  }

  /** Hints for the next claim of `limit` tasks: lanes and the seq to read each from. */
  take(limit: number): { lanes: readonly number[]; seqs: readonly string[] } {
    if (limit > 0 && this.#clockMs() >= this.#lookFromMs) void this.#look().catch(this.#onError);
    const slack = BigInt(2 * limit);
    return {
      lanes: [...this.#next.keys()],
      seqs: [...this.#next.values()].map((next) => String(next > slack ? next - slack : 0n)),
    };
  }

  record(laneId: number, seq: string): void {
    this.#raise(laneId, BigInt(seq) + 1n);
  }

  async #look(): Promise<void> {
    this.#lookFromMs = Infinity;
    const startMs = this.#clockMs();
    let tookMs = 0;
    try {
      const starts = await this.#read();
      tookMs = this.#clockMs() - startMs;
      const isSlow = tookMs >= SLOW_LOOK_MS + SLOW_LANE_MS * starts.length;
      for (const { laneId, seq, isLive } of starts) {
        // Every hint goes along with every claim: those that save nothing are not kept.
        if (isLive && (isSlow || this.#next.has(laneId))) this.#next.set(laneId, seq);
        // What a slower transaction adds below waits for the next look; otherwise it need not.
        if (!isLive && isSlow) this.#raise(laneId, seq + 1n);
      }
    } finally {
      this.#lookFromMs = this.#clockMs() + Math.max(LOOK_EVERY_MS, tookMs / LOOK_SHARE_MAX);
    }
  }

  #raise(laneId: number, next: bigint): void {
    const known = this.#next.get(laneId);
    if (known === undefined || next > known) this.#next.set(laneId, next);
  }
}
