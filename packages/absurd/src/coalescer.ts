/**
 * Sends what many ask for at the same time together: while batches are on their way the next one
 * collects. Nobody waits for a timer, and the busier it is the larger the batches are.
 */

/** One is in the database while the answers of the other are being used. */
const IN_FLIGHT_MAX = 2;

export class Coalescer<Item> {
  readonly #send: (batch: readonly Item[]) => Promise<void>;
  readonly #batchMax: number;
  #pending: Item[] = [];
  #inFlight = 0;
  #isScheduled = false;

  /** @param send must not reject: it tells each item how it ended */
  constructor(send: (batch: readonly Item[]) => Promise<void>, batchMax: number) {
    this.#send = send;
    this.#batchMax = batchMax;
  }

  add(item: Item): void {
    this.#pending.push(item);
    if (!this.#isScheduled && this.#inFlight < IN_FLIGHT_MAX) this.#schedule();
  }

  /** At the end of this turn of the event loop: who asks in the same turn goes along. */
  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#isScheduled = false;
    while (this.#pending.length > 0 && this.#inFlight < IN_FLIGHT_MAX) {
      const rest =
        this.#pending.length > this.#batchMax ? this.#pending.splice(this.#batchMax) : [];
      const batch = this.#pending;
      this.#pending = rest;
      this.#inFlight += 1;
      void this.#send(batch).then(this.#afterSend);
    }
  };

  readonly #afterSend = (): void => {
    this.#inFlight -= 1;
    if (!this.#isScheduled) this.#schedule();
  };
}
