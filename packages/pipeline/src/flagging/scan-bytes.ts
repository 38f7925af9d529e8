/**
 * Looks through bytes for those that matter, four at a time: almost none do, and a tile has 172
 * million. Where rows do not start at whole words, one at a time.
 */
import { AMPLITUDE_FIRST } from "./reasons.ts";

/**
 * The first place from `start` on whose byte is a reason, or an amplitude above what is allowed
 * there; the length when there is none.
 */
export function nextSuspect(codes: Uint8Array, allowed: Uint8Array, start: number): number {
  const [words, limits] = [wordsOf(codes), wordsOf(allowed)];
  const isSuspect = (at: number): boolean =>
    codes[at]! < AMPLITUDE_FIRST || codes[at]! > allowed[at]!;
  let at = start;
  for (; at < codes.length; at += 1) {
    if (words !== undefined && limits !== undefined && at % 4 === 0) {
      at = 4 * nextSuspectWord(words, limits, at >> 2);
      if (at >= codes.length) break;
    }
    if (isSuspect(at)) break;
  }
  return at;
}

function nextSuspectWord(words: Int32Array, limits: Int32Array, start: number): number {
  let at = start;
  for (; at < words.length; at += 1) {
    const word = words[at]!;
    const limit = limits[at]!;
    // Two bytes at a time in halves of 16 bits: the ninth bit is borrowed where one is above.
    const even = ((limit & 0x00ff00ff) | 0x01000100) - (word & 0x00ff00ff);
    const odd = (((limit >>> 8) & 0x00ff00ff) | 0x01000100) - ((word >>> 8) & 0x00ff00ff);
    if ((even & odd & 0x01000100) !== 0x01000100 || hasReason(word)) break;
  }
  return at;
}

/** The first place from `start` on whose byte is a reason; the length when there is none. */
export function nextReason(codes: Uint8Array, start: number): number {
  const words = wordsOf(codes);
  let at = start;
  for (; at < codes.length; at += 1) {
    if (words !== undefined && at % 4 === 0) {
      at = 4 * nextReasonWord(words, at >> 2);
      if (at >= codes.length) break;
    }
    if (codes[at]! < AMPLITUDE_FIRST) break;
  }
  return at;
}

function nextReasonWord(words: Int32Array, start: number): number {
  let at = start;
  while (at < words.length && !hasReason(words[at]!)) at += 1;
  return at;
}

/** Whether one of four bytes is below 16: without an upper half it is zero, and zero borrows. */
function hasReason(word: number): boolean {
  const upper = word & 0xf0f0f0f0;
  return ((upper - 0x01010101) & ~upper & 0x80808080) !== 0;
}

function wordsOf(bytes: Uint8Array): Int32Array | undefined {
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0) return undefined;
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
