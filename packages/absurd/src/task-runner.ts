/**
 * What a worker holds: claims that wait for a place, attempts that run, ends not yet reported.
 *
 * Handlers that return no promise are over before the next begins and never become "running". What
 * ended stays here until the database took it. Knows no connection.
 */
import type { Attempt } from "./attempt.ts";
import type { Claim, EndedAttempt } from "./worker-session.ts";

interface Prefetched {
  readonly claim: Claim;
  readonly sinceMs: number;
}

export class TaskRunner {
  readonly #concurrency: number;
  readonly #createAttempt: (claim: Claim) => Attempt;
  readonly #onEnded: (attempt: Attempt) => void;
  readonly #running = new Map<string, Attempt>();
  #prefetched: Prefetched[] = [];
  #ended: EndedAttempt[] = [];
  /** On their way to the database. */
  #reporting: (readonly EndedAttempt[])[] = [];

  constructor(options: {
    concurrency: number;
    createAttempt: (claim: Claim) => Attempt;
    /** An attempt that was running ended. */
    onEnded: (attempt: Attempt) => void;
  }) {
    this.#concurrency = options.concurrency;
    this.#createAttempt = options.createAttempt;
    this.#onEnded = options.onEnded;
  }

  get endedCount(): number {
    return this.#ended.length;
  }

  /** Attempts that run and claims that wait. */
  get heldCount(): number {
    return this.#running.size + this.#prefetched.length;
  }

  /** Since when the oldest claim waits for a place; Infinity when none does. */
  get prefetchedSinceMs(): number {
    return this.#prefetched[0]?.sinceMs ?? Infinity;
  }

  running(): IterableIterator<Attempt> {
    return this.#running.values();
  }

  /** Of attempts that were told to stop and still run, one each. */
  stoppingLanes(): number[] {
    return [...this.#running.values()]
      .filter((each) => each.isAborted)
      .map((each) => each.claim.laneId);
  }

  find(key: string): Attempt | undefined {
    return this.#running.get(key);
  }

  /** Every claim whose lease should be ours. */
  known(): { taskNumber: string; claimNo: number }[] {
    return [
      ...[...this.#running.values()].map((each) => each.claim),
      ...this.#prefetched.map((each) => each.claim),
      ...this.#ended,
    ];
  }

  /** Begins what there is room for; the rest waits. */
  accept(claims: readonly Claim[], nowMs: number): void {
    let next = 0;
    if (this.#prefetched.length === 0) {
      while (next < claims.length && this.#running.size < this.#concurrency) {
        this.#begin(claims[next++]!);
      }
    }
    for (; next < claims.length; next++) {
      this.#prefetched.push({ claim: claims[next]!, sinceMs: nowMs });
    }
    this.#fill();
  }

  /** What ended and is not known to be in the database. */
  pending(): EndedAttempt[] {
    return [...this.#reporting.flat(), ...this.#ended];
  }

  /** For a report; `reported` or `putBack` says how it went. */
  takeEnded(): EndedAttempt[] {
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.#reporting.push(ended);
    return ended;
  }

  reported(ended: readonly EndedAttempt[]): void {
    this.#reporting = this.#reporting.filter((each) => each !== ended);
  }

  /** For ends whose report did not come through. */
  putBack(ended: readonly EndedAttempt[]): void {
    this.reported(ended);
    this.#ended = [...ended, ...this.#ended];
  }

  /** Keeps only what is still ours: the rest was reported after all, or another worker has it. */
  keepHeld(held: ReadonlySet<string>): void {
    this.#ended = this.#ended.filter((each) => held.has(`${each.taskNumber}/${each.claimNo}`));
    this.#prefetched = this.#prefetched.filter(({ claim }) =>
      held.has(`${claim.taskNumber}/${claim.claimNo}`),
    );
  }

  /** Gives back claims that have waited since before `sinceMs` (default: all), not counted. */
  release(sinceMs = Infinity): void {
    this.#giveBack((each) => each.sinceMs <= sinceMs);
  }

  /** The lanes of the claims that wait for a place. */
  prefetchedLanes(): ReadonlySet<number> {
    return new Set(this.#prefetched.map(({ claim }) => claim.laneId));
  }

  /** Gives back the claims of these lanes that wait for a place, not counted. */
  releaseLanes(lanes: ReadonlySet<number>): void {
    this.#giveBack(({ claim }) => lanes.has(claim.laneId));
  }

  #giveBack(isOver: (each: Prefetched) => boolean): void {
    if (this.#prefetched.length === 0) return;
    for (const { claim } of this.#prefetched.filter(isOver)) {
      this.#ended.push({
        kind: "failed",
        taskNumber: claim.taskNumber,
        claimNo: claim.claimNo,
        errorClass: "released",
        error: '{"tag":"Released","message":"given back before it began"}',
        mayBeStale: true,
      });
    }
    this.#prefetched = this.#prefetched.filter((each) => !isOver(each));
  }

  /** Forgets what waits and what ended: others own all of it now. */
  clear(): void {
    this.#prefetched = [];
    this.#ended = [];
  }

  #fill(): void {
    let begun = 0;
    while (begun < this.#prefetched.length && this.#running.size < this.#concurrency) {
      this.#begin(this.#prefetched[begun++]!.claim);
    }
    if (begun > 0) this.#prefetched = this.#prefetched.slice(begun);
  }

  #begin(claim: Claim): void {
    const attempt = this.#createAttempt(claim);
    const ended = attempt.run();
    if (!(ended instanceof Promise)) {
      if (ended) this.#ended.push(ended);
      return;
    }
    this.#running.set(attempt.key, attempt);
    void ended.then((end) => {
      this.#running.delete(attempt.key);
      if (end) this.#ended.push(end);
      this.#fill();
      this.#onEnded(attempt);
    });
  }
}
