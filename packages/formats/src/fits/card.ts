/**
 * One 80-character FITS header card, both ways.
 *
 * FITS standard 4.0 (2018), section 4: fixed-format values, quotes doubled inside strings, `/`
 * before the comment. A string that does not fit goes on in CONTINUE cards (section 4.2.1.2).
 */

export type CardValue = string | number | boolean;

export interface Card {
  readonly keyword: string;
  /** Absent in COMMENT, HISTORY and blank cards, whose text is the comment. */
  readonly value?: CardValue;
  readonly comment?: string;
}

export const CARD_BYTES = 80;
/** Where values begin. */
const VALUE_COLUMN = 10;

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
  return assertAscii(keyword, text).slice(0, CARD_BYTES).padEnd(CARD_BYTES);
}

/**
 * The card as one or more texts of 80 characters: long strings go on in CONTINUE cards.
 *
 * @throws {RangeError} as formatCard
 */
export function formatCards(card: Card): string[] {
  const { keyword, value, comment } = card;
  if (typeof value !== "string" || quote(value).length <= CARD_BYTES - VALUE_COLUMN) {
    return [formatCard(card)];
  }
  const pieces = splitQuoted(value.replaceAll("'", "''"));
  return pieces.map((piece, index) => {
    const last = index === pieces.length - 1;
    const text = `'${piece}${last ? "" : "&"}'`;
    const said = last && comment ? ` / ${comment}` : "";
    const name = index === 0 ? `${keyword.padEnd(8)}= ` : "CONTINUE  ";
    return assertAscii(keyword, name + text + said)
      .slice(0, CARD_BYTES)
      .padEnd(CARD_BYTES);
  });
}

/** True for a string value that goes on in the next card. */
export function isContinued(card: Card | undefined): card is Card & { value: string } {
  return typeof card?.value === "string" && card.value.endsWith("&");
}

/** The card with what a CONTINUE card adds to its string. */
export function joinContinued(card: Card & { value: string }, text: string): Card {
  const next = parseStringCard(card.keyword, text.slice(VALUE_COLUMN));
  const value = card.value.slice(0, -1) + String(next.value);
  return { ...card, value, comment: next.comment ?? "" };
}

/** Pieces that leave room for the quotes and the &; a doubled quote is not torn apart. */
function splitQuoted(escaped: string): string[] {
  const length = CARD_BYTES - VALUE_COLUMN - 3;
  const pieces: string[] = [];
  for (let from = 0; from < escaped.length; from += pieces.at(-1)!.length) {
    const piece = escaped.slice(from, from + length);
    const quotes = /'*$/.exec(piece)![0].length;
    pieces.push(quotes % 2 === 1 ? piece.slice(0, -1) : piece);
  }
  return pieces;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "''").padEnd(8)}'`;
}

function assertAscii(keyword: string, text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new RangeError(`card ${keyword} is not plain ASCII`);
  return text;
}

function formatValue(keyword: string, value: CardValue): string {
  if (typeof value === "boolean") return (value ? "T" : "F").padStart(20);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`card ${keyword} has the value ${value}`);
    return String(value).toUpperCase().padStart(20);
  }
  const quoted = quote(value);
  if (quoted.length > CARD_BYTES - VALUE_COLUMN) {
    throw new RangeError(`card ${keyword} has ${value.length} characters, more than fit: ${value}`);
  }
  return quoted.padEnd(20);
}
