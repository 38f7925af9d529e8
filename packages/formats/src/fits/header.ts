/**
 * A FITS header: an ordered list of cards that can be asked and added to.
 *
 * Structural cards (SIMPLE, BITPIX, NAXIS…, END) are made by the writers from the data itself, so a
 * header that was read and written again cannot disagree with its pixels.
 */
import {
  CARD_BYTES,
  formatCards,
  isContinued,
  joinContinued,
  parseCard,
  type Card,
  type CardValue,
} from "./card.ts";

export const BLOCK_BYTES = 2880;

/** A file that is not the FITS it claims to be. The message names file, keyword or offset. */
export class FitsError extends Error {
  override readonly name = "FitsError";
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.path = path;
  }
}

export class FitsHeader {
  readonly #cards: Card[];
  readonly #path: string;

  /** @param path named in errors; "" for a header made in memory */
  constructor(cards: readonly Card[] = [], path = "new FITS header") {
    this.#cards = [...cards];
    this.#path = path;
  }

  get cards(): readonly Card[] {
    return this.#cards;
  }

  find(keyword: string): CardValue | undefined {
    return this.#cards.find((card) => card.keyword === keyword)?.value;
  }

  /** @throws {FitsError} when the card is absent or not a number */
  number(keyword: string): number {
    const value = this.find(keyword);
    if (typeof value === "number") return value;
    throw new FitsError(this.#path, `card ${keyword} is ${describe(value)}, expected a number`);
  }

  /** @throws {FitsError} when the card is absent or not a string */
  text(keyword: string): string {
    const value = this.find(keyword);
    if (typeof value === "string") return value;
    throw new FitsError(this.#path, `card ${keyword} is ${describe(value)}, expected a string`);
  }

  /** Replaces the card of that keyword, or adds it at the end. */
  set(keyword: string, value: CardValue, comment = ""): this {
    const index = this.#cards.findIndex((card) => card.keyword === keyword);
    const card: Card = { keyword, value, comment };
    if (index < 0) this.#cards.push(card);
    else this.#cards[index] = card;
    return this;
  }

  /** Adds HISTORY cards; text longer than a card goes on in the next. */
  addHistory(text: string): this {
    for (const line of text.match(/.{1,72}/g) ?? []) {
      this.#cards.push({ keyword: "HISTORY", comment: line });
    }
    return this;
  }

  /** Takes out every card whose keyword matches. */
  remove(keywords: RegExp): this {
    const kept = this.#cards.filter((card) => !keywords.test(card.keyword));
    this.#cards.splice(0, this.#cards.length, ...kept);
    return this;
  }

  /** A copy that can be changed without changing this one. */
  copy(): FitsHeader {
    return new FitsHeader(this.#cards, this.#path);
  }
}

function describe(value: CardValue | undefined): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

const STRUCTURAL =
  /^(SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|[PG]COUNT|BSCALE|BZERO|BLANK|END|CHECKSUM|DATASUM)$/;

/** Cards that describe the sky and the making, not the bytes. */
export function withoutStructure(cards: readonly Card[]): Card[] {
  return cards.filter((card) => !STRUCTURAL.test(card.keyword));
}

/** Cards, END and the blanks that fill the last block of 2880 bytes. */
export function formatHeader(cards: readonly Card[]): Buffer {
  const text = [...cards.flatMap(formatCards), "END".padEnd(CARD_BYTES)].join("");
  const byteCount = Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES;
  return Buffer.from(text.padEnd(byteCount), "ascii");
}

/**
 * Reads cards up to END.
 *
 * @returns the header and the offset of the first byte of data
 * @throws {FitsError} when END is missing or a card cannot be read
 */
export function parseHeader(
  bytes: Buffer,
  path: string,
): { header: FitsHeader; dataOffset: number } {
  const cards: Card[] = [];
  for (let offset = 0; offset + CARD_BYTES <= bytes.length; offset += CARD_BYTES) {
    const text = bytes.toString("latin1", offset, offset + CARD_BYTES);
    if (text.startsWith("END     ")) {
      const dataOffset = Math.ceil((offset + CARD_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
      return { header: new FitsHeader(cards, path), dataOffset };
    }
    const before = cards.at(-1);
    if (text.startsWith("CONTINUE  ") && isContinued(before)) {
      cards[cards.length - 1] = joinContinued(before, text);
    } else {
      cards.push(cardAt(text, offset, path));
    }
  }
  throw new FitsError(path, `no END card in the first ${bytes.length} bytes`);
}

function cardAt(text: string, offset: number, path: string): Card {
  if (offset === 0 && !text.startsWith("SIMPLE  =")) {
    throw new FitsError(path, `begins with "${printable(text.slice(0, 9))}", expected SIMPLE  =`);
  }
  try {
    return parseCard(text);
  } catch (error) {
    throw new FitsError(path, `header at byte ${offset}: ${String(error)}`, { cause: error });
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
