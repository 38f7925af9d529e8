/** A value that is read at most so often, however many ask for it. */

export class Recent<T> {
  readonly #read: () => Promise<T>;
  readonly #maxAgeMs: number;
  readonly #staleAgeMs: number;
  #reading: Promise<T> | undefined;
  #readAtMs = -Infinity;

  /**
   * @param maxAgeMs an older one is read anew
   * @param staleAgeMs up to which those who ask meanwhile get the older one at once; default: they
   *   wait for the new one
   */
  constructor(maxAgeMs: number, read: () => Promise<T>, staleAgeMs = 0) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
    this.#staleAgeMs = staleAgeMs;
  }

  /** Those who ask while it is read share the answer. A failure is not kept. */
  get(): Promise<T> {
    const now = performance.now();
    const last = this.#reading;
    const ageMs = now - this.#readAtMs;
    if (last && ageMs < this.#maxAgeMs) return last;
    const reading = this.#read();
    this.#reading = reading;
    this.#readAtMs = now;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return last && ageMs < this.#staleAgeMs ? last : reading;
  }
}
