/**
 * Sends what many ask for at the same time together: while one batch is on its way the next one
 * collects. Nobody waits for a timer, and the busier it is the larger the batches are.
 */
export class Coalescer<Item> {
  readonly #send: (batch: readonly Item[]) => Promise<void>;
  readonly #batchMax: number;
  #pending: Item[] = [];
  #isSending = false;

  /** @param send must not reject: it tells each item how it ended */
  constructor(send: (batch: readonly Item[]) => Promise<void>, batchMax: number) {
    this.#send = send;
    this.#batchMax = batchMax;
  }

  add(item: Item): void {
    this.#pending.push(item);
    if (this.#isSending) return;
    this.#isSending = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const batch = this.#pending;
    this.#pending = batch.length > this.#batchMax ? batch.splice(this.#batchMax) : [];
    void this.#send(batch).then(this.#afterSend);
  };

  readonly #afterSend = (): void => {
    // Those who were just answered ask for their next thing before this turn of the loop is over.
    setImmediate(() => {
      if (this.#pending.length > 0) this.#next();
      else this.#isSending = false;
    });
  };
}
