/**
 * How far this worker has read each lane, so that a claim does not step over the dead rows of
 * claims before it.
 *
 * Only a hint. A row below it appears when a slower transaction commits a smaller seq or another
 * claimer rolls back; so hints keep a slack, and every second one claim goes without them.
 */
const UNHINTED_EVERY_MS = 1_000;

export class LaneHints {
  readonly #next = new Map<number, bigint>();
  #unhintedAtMs = -Infinity;

  /** Hints for the next claim of `limit` tasks: lanes and the seq to read each from. */
  take(limit: number, nowMs: number): { lanes: number[]; seqs: string[] } {
    if (nowMs - this.#unhintedAtMs > UNHINTED_EVERY_MS) {
      this.#unhintedAtMs = nowMs;
      return { lanes: [], seqs: [] };
    }
    const slack = BigInt(2 * limit);
    return {
      lanes: [...this.#next.keys()],
      seqs: [...this.#next.values()].map((next) => String(next > slack ? next - slack : 0n)),
    };
  }

  record(laneId: number, seq: string): void {
    const next = BigInt(seq) + 1n;
    const known = this.#next.get(laneId);
    if (known === undefined || next > known) this.#next.set(laneId, next);
  }

  /** The next claim goes without hints. */
  distrust(): void {
    this.#unhintedAtMs = -Infinity;
  }
}
