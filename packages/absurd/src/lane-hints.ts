/**
 * How far this worker has read each lane, so that a claim does not step over the dead rows of
 * claims before it.
 *
 * Only a hint. A row below it appears when a slower transaction commits a smaller seq or another
 * claimer rolls back; so hints keep a slack, and every now and then a claim goes without them.
 * Under a pinned snapshot such a claim reads every dead row of the lanes, so the slower it was, the
 * later the next: at most a twentieth of the time goes into them.
 */
const UNHINTED_EVERY_MS = 1_000;
const UNHINTED_SHARE_MAX = 1 / 20;

export class LaneHints {
  readonly #next = new Map<number, bigint>();
  #unhintedFromMs = -Infinity;

  /** Hints for the next claim of `limit` tasks: lanes and the seq to read each from. */
  take(
    limit: number,
    nowMs: number,
  ): { lanes: readonly number[]; seqs: readonly string[]; isUnhinted: boolean } {
    if (limit > 0 && nowMs >= this.#unhintedFromMs) {
      // The next one may start before this one is over.
      this.#unhintedFromMs = nowMs + UNHINTED_EVERY_MS;
      return { lanes: [], seqs: [], isUnhinted: true };
    }
    const slack = BigInt(2 * limit);
    return {
      lanes: [...this.#next.keys()],
      seqs: [...this.#next.values()].map((next) => String(next > slack ? next - slack : 0n)),
      isUnhinted: false,
    };
  }

  /** A claim without hints is over; it took `tookMs`. */
  finishUnhinted(nowMs: number, tookMs: number): void {
    this.#unhintedFromMs = nowMs + Math.max(UNHINTED_EVERY_MS, tookMs / UNHINTED_SHARE_MAX);
  }

  record(laneId: number, seq: string): void {
    const next = BigInt(seq) + 1n;
    const known = this.#next.get(laneId);
    if (known === undefined || next > known) this.#next.set(laneId, next);
  }

  /** The next claim goes without hints. */
  distrust(): void {
    this.#unhintedFromMs = -Infinity;
  }
}
