/**
 * The sums by which a FITS file proves that nobody changed it: DATASUM and CHECKSUM.
 *
 * FITS standard 4.0 (2018), section 4.4.2.7 and appendix J: 32-bit ones' complement sums of
 * big-endian words; CHECKSUM makes the sum of the whole header-data unit come out as all ones.
 */
import { CARD_BYTES, type Card } from "./card.ts";
import { formatHeader } from "./header.ts";

const WORD = 2 ** 32;
/** So many words may be added before a double loses a bit. */
const WORDS_PER_FOLD = 2 ** 20;
/** Digits and letters without the signs between them; the code stays inside these. */
const ZERO_CODE = 0x30;
const EXCLUDED = new Set([
  ...[0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40],
  ...[0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60],
]);

/**
 * Ones' complement sum of 32-bit words.
 *
 * @param words values of the big-endian words, as numbers: a float32 array's own bits serve
 */
export function onesComplementSum(words: Uint32Array, start = 0): number {
  let sum = start;
  for (let from = 0; from < words.length; from += WORDS_PER_FOLD) {
    const end = Math.min(words.length, from + WORDS_PER_FOLD);
    for (let index = from; index < end; index++) sum += words[index]!;
    sum = fold(sum);
  }
  return sum;
}

/** The header with DATASUM and CHECKSUM at its end, ready to be written before its data. */
export function formatSummedHeader(cards: readonly Card[], dataSum: number): Buffer {
  const summed = (checksum: string): Buffer =>
    formatHeader([
      ...cards,
      { keyword: "DATASUM", value: String(dataSum), comment: "data unit checksum" },
      { keyword: "CHECKSUM", value: checksum, comment: "HDU checksum" },
    ]);
  const blank = summed("0".repeat(16));
  return summed(encodeChecksum(onesComplementSum(wordsOf(blank), dataSum)));
}

/** Big-endian words of a whole number of cards or blocks. */
export function wordsOf(bytes: Buffer): Uint32Array {
  const count = bytes.length / 4;
  return Uint32Array.from({ length: count }, (_, index) => bytes.readUInt32BE(4 * index));
}

/** Sixteen characters whose words, four bytes apart, add up to the complement of `sum`. */
export function encodeChecksum(sum: number): string {
  const complement = WORD - 1 - sum;
  const characters = new Uint8Array(CARD_BYTES / 5);
  for (let byte = 0; byte < 4; byte++) {
    const value = Math.floor(complement / 256 ** (3 - byte)) % 256;
    for (const [place, code] of printableQuarters(value).entries()) {
      characters[4 * place + byte] = code;
    }
  }
  const text = String.fromCharCode(...characters);
  // The value begins one byte before a word does.
  return text.slice(-1) + text.slice(0, -1);
}

/** Four codes of letters and digits that add up to `value` and four times the digit 0. */
function printableQuarters(value: number): number[] {
  const quarter = Math.floor(value / 4) + ZERO_CODE;
  const codes = [quarter + (value % 4), quarter, quarter, quarter];
  while (codes.some((code) => EXCLUDED.has(code))) {
    for (const first of [0, 2]) {
      if (!EXCLUDED.has(codes[first]!) && !EXCLUDED.has(codes[first + 1]!)) continue;
      codes[first]! += 1;
      codes[first + 1]! -= 1;
    }
  }
  return codes;
}

/** Carries beyond 32 bits come back in at the bottom. */
function fold(sum: number): number {
  let folded = sum;
  while (folded >= WORD) folded = (folded % WORD) + Math.floor(folded / WORD);
  return folded;
}
