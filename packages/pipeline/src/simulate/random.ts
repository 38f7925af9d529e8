/** Seeded random numbers: the same words give the same stream on every machine. */

export interface RandomStream {
  /** In [0, 1). */
  uniform(): number;
  between(low: number, high: number): number;
  /** Mean 0, standard deviation 1. */
  normal(): number;
  /** 0 … count − 1. */
  integer(count: number): number;
}

/** A stream named by words, such as ("sky", seed, band). Different words, independent streams. */
export function randomStream(...words: readonly (string | number)[]): RandomStream {
  let state = hashWords(words);
  const uniform = (): number => {
    // mulberry32: one 32-bit word of state, enough for the few thousand draws of a stream.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    // Box & Muller (1958), one of the two values.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer: (count) => Math.floor(uniform() * count),
  };
}

/** A seed for a generator of its own, below 2^32. */
export function seedOf(...words: readonly (string | number)[]): number {
  return hashWords(words) >>> 0;
}

/** FNV-1a over the words (Fowler, Noll, Vo), with a final mix so that near words part. */
function hashWords(words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of words.join(" ")) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
