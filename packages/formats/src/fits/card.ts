/**
 * One 80-character FITS header card, both ways.
 *
 * FITS standard 4.0 (2018), section 4: fixed-format values, quotes doubled inside strings, `/`
 * before the comment. Strings continued over several cards (CONTINUE) are not written; the longest
 * string that fits is 68 characters.
 */

export type CardValue = string | number | boolean;

export interface Card {
  readonly keyword: string;
  /** Absent in COMMENT, HISTORY and blank cards, whose text is the comment. */
  readonly value?: CardValue;
  readonly comment?: string;
}

export const CARD_BYTES = 80;

/** @throws {RangeError} when the value cannot be read, with the card's text */
export function parseCard(text: string): Card {
  const keyword = text.slice(0, 8).trimEnd();
  if (text.slice(8, 10) !== "= ") return { keyword, comment: text.slice(8).trimEnd() };
  const body = text.slice(10);
  if (body.trimStart().startsWith("'")) return parseStringCard(keyword, body);

  const slash = body.indexOf("/");
  const valueText = (slash < 0 ? body : body.slice(0, slash)).trim();
  const comment = slash < 0 ? "" : body.slice(slash + 1).trim();
  if (valueText === "") return { keyword, comment };
  if (valueText === "T" || valueText === "F") return { keyword, value: valueText === "T", comment };
  // FITS allows the Fortran exponent letter D.
  const value = Number(valueText.replace(/[dD]/, "E"));
  if (Number.isNaN(value)) throw new RangeError(`card "${text.trimEnd()}" has no readable value`);
  return { keyword, value, comment };
}

function parseStringCard(keyword: string, body: string): Card {
  const match = /^\s*'((?:[^']|'')*)'\s*(?:\/(.*))?$/.exec(body.trimEnd());
  if (match?.[1] === undefined) {
    throw new RangeError(`card ${keyword} has a string without an end: ${body.trimEnd()}`);
  }
  // Trailing blanks inside the quotes carry no meaning (section 4.2.1).
  const value = match[1].replaceAll("''", "'").trimEnd();
  return { keyword, value, comment: (match[2] ?? "").trim() };
}

/**
 * The card as exactly 80 ASCII characters. A comment that does not fit is cut.
 *
 * @throws {RangeError} when the keyword or the value does not fit, or a number is not finite
 */
export function formatCard(card: Card): string {
  const { keyword, value, comment = "" } = card;
  if (!/^[A-Z0-9_-]{0,8}$/.test(keyword)) {
    throw new RangeError(`"${keyword}" is no FITS keyword: 8 of A-Z, 0-9, - and _ at most`);
  }
  const name = keyword.padEnd(8);
  const text =
    value === undefined
      ? name + comment
      : `${name}= ${formatValue(keyword, value)}${comment === "" ? "" : ` / ${comment}`}`;
  if (!/^[\x20-\x7e]*$/.test(text)) throw new RangeError(`card ${keyword} is not plain ASCII`);
  return text.slice(0, CARD_BYTES).padEnd(CARD_BYTES);
}

function formatValue(keyword: string, value: CardValue): string {
  if (typeof value === "boolean") return (value ? "T" : "F").padStart(20);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`card ${keyword} has the value ${value}`);
    return String(value).toUpperCase().padStart(20);
  }
  const quoted = `'${value.replaceAll("'", "''").padEnd(8)}'`;
  if (quoted.length > CARD_BYTES - 10) {
    throw new RangeError(`card ${keyword} has ${value.length} characters, more than fit: ${value}`);
  }
  return quoted.padEnd(20);
}
