/**
 * What the leader's process does after a round of maintenance: fires the schedules that are due,
 * rolls up what ended, and removes what is older than history is kept.
 */
import { type Db, run } from "./db.ts";
import { fireDueSchedules } from "./schedule-firing.ts";

export interface LeaderDutiesHost {
  readonly side: Db;
  /** Work came into the lanes. */
  onReady(): void;
  onError(error: unknown): void;
}

const ROLL_UP_MS = 10_000;
const KEEP_HISTORY_MS = 600_000;
/** After a step that found something, or could not have the tables. */
const NEXT_STEP_MS = 2_000;

export class LeaderDuties {
  readonly #host: LeaderDutiesHost;
  #rollUpAt = 0;
  #keepHistoryAt = 0;

  constructor(host: LeaderDutiesHost) {
    this.#host = host;
  }

  /** @param isDue the round found something due that it could not do itself */
  async round(term: string, isDue: boolean): Promise<void> {
    if (isDue) {
      const spawned = await fireDueSchedules(this.#host.side, term, (error) => {
        this.#host.onError(error);
      });
      if (spawned > 0) this.#host.onReady();
    }
    const now = performance.now();
    if (now >= this.#rollUpAt) {
      this.#rollUpAt = now + ROLL_UP_MS;
      await run(this.#host.side, "select absurd.roll_up()");
      await run(this.#host.side, "select absurd.note_depths()");
    }
    if (now >= this.#keepHistoryAt) await this.#keepHistory(now);
  }

  async #keepHistory(now: number): Promise<void> {
    this.#keepHistoryAt = now + NEXT_STEP_MS;
    const steps = await run(this.#host.side, "select * from absurd.keep_history()");
    if (steps.length === 0) this.#keepHistoryAt = now + KEEP_HISTORY_MS;
  }
}
