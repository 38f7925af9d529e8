/** A value that is read at most so often, however many ask for it. */

export class Recent<T> {
  readonly #read: () => Promise<T>;
  readonly #maxAgeMs: number;
  #reading: Promise<T> | undefined;
  #readAtMs = -Infinity;

  /** @param maxAgeMs an older one is read anew */
  constructor(maxAgeMs: number, read: () => Promise<T>) {
    this.#maxAgeMs = maxAgeMs;
    this.#read = read;
  }

  /** Those who ask while it is read share the answer. A failure is not kept. */
  get(): Promise<T> {
    const now = performance.now();
    if (this.#reading && now - this.#readAtMs < this.#maxAgeMs) return this.#reading;
    const reading = this.#read();
    this.#reading = reading;
    this.#readAtMs = now;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }
}
