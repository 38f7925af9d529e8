/** Token buckets in memory: each caller may do so much at once, and so much a second. */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

const CALLERS_MAX = 10_000;

export class RateLimiter {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, nowMs: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Seconds until there is one to take; 0: there is. Takes nothing. */
  waitSeconds(caller: string): number {
    const { left } = this.#bucket(caller);
    return left >= 1 ? 0 : (1 - left) / this.#rate.perSecond;
  }

  /** Takes one, if there is one. Returns the seconds to wait, 0 when it was taken. */
  take(caller: string): number {
    const waitSeconds = this.waitSeconds(caller);
    if (waitSeconds === 0) this.#bucket(caller).left -= 1;
    return waitSeconds;
  }

  #bucket(caller: string): Bucket {
    const nowMs = this.#nowMs();
    const { burst, perSecond } = this.#rate;
    let bucket = this.#buckets.get(caller);
    if (bucket) {
      bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
      bucket.atMs = nowMs;
    } else {
      bucket = { left: burst, atMs: nowMs };
    }
    // Last in the map: the first is who was silent longest, and goes first.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    if (this.#buckets.size > CALLERS_MAX) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return bucket;
  }
}
