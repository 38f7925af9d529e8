/**
 * When a worker looks for work: at once after a full claim or a bell, soon after some, ever later
 * after none, up to the poll interval.
 */
const IDLE_MS_MIN = 50;

export class LookSchedule {
  readonly #idleMsMax: number;
  #dueAtMs = 0;
  #idleMs = IDLE_MS_MIN;
  #bells = 0;

  constructor(pollSeconds: number) {
    this.#idleMsMax = pollSeconds * 1000;
  }

  /** When the next look is due, on performance.now(). */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Bells so far: a claim that began before the last of them may have missed what it rang for. */
  get bells(): number {
    return this.#bells;
  }

  /** Somebody says that there is work. */
  ring(): void {
    this.#bells += 1;
    this.#dueAtMs = 0;
  }

  /** A claim of up to `limit` tasks, begun after `bellsBefore` bells, brought `count`. */
  plan(count: number, limit: number, bellsBefore: number): void {
    if (count === limit || this.#bells !== bellsBefore) {
      this.#dueAtMs = 0;
      this.#idleMs = IDLE_MS_MIN;
      return;
    }
    this.#idleMs = count > 0 ? IDLE_MS_MIN : Math.min(this.#idleMs * 2, this.#idleMsMax);
    this.#dueAtMs = performance.now() + this.#idleMs * (0.75 + 0.25 * Math.random());
  }
}
