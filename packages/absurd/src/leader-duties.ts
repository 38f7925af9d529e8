/** What the leader's process does after a round of maintenance: fires the schedules that are due. */
import type { Db } from "./db.ts";
import { fireDueSchedules } from "./schedule-firing.ts";

export interface LeaderDutiesHost {
  readonly side: Db;
  /** Work came into the lanes. */
  onReady(): void;
  onError(error: unknown): void;
}

export class LeaderDuties {
  readonly #host: LeaderDutiesHost;

  constructor(host: LeaderDutiesHost) {
    this.#host = host;
  }

  /** @param isDue the round found something due that it could not do itself */
  async round(term: string, isDue: boolean): Promise<void> {
    const { side, onError } = this.#host;
    if (!isDue) return;
    const spawned = await fireDueSchedules(side, term, onError.bind(this.#host));
    if (spawned > 0) this.#host.onReady();
  }
}
