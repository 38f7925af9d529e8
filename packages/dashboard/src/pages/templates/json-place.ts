/** Where in a JSON text something stands: what cannot be read, and the value at a path. */

export interface Place {
  /** In UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export type Path = readonly PropertyKey[];

/** The first fault of a text that is not JSON; undefined when it is. */
export function jsonFault(text: string): { message: string; place: Place } | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    const scan = new Scan(text);
    try {
      scan.document();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      return { message: error.message, place: placeOf(text, error.at, error.at + 1) };
    }
    return { message: "expected JSON", place: placeOf(text, 0, 1) };
  }
}

/** Of the deepest part of a path that the text has: a member that lacks is at its object. */
export function placeAt(text: string, path: Path): Place {
  const scan = new Scan(text);
  try {
    scan.document();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  for (let length = path.length; length > 0; length--) {
    const span = scan.spans.get(JSON.stringify(path.slice(0, length).map(String)));
    if (span) return placeOf(text, ...span);
  }
  return placeOf(text, 0, 1);
}

function placeOf(text: string, start: number, end: number): Place {
  const before = text.slice(0, start).split("\n");
  return {
    start: Math.min(start, text.length),
    end: Math.min(end, text.length),
    line: before.length,
    column: before.at(-1)!.length + 1,
  };
}

class Stop extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Reads JSON and remembers where each value is, by its path. */
class Scan {
  readonly spans = new Map<string, [number, number]>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value([]);
    this.#space();
    if (this.#at < this.#text.length) throw new Stop("expected the end of the text", this.#at);
  }

  #value(path: readonly string[]): void {
    this.#space();
    const start = this.#at;
    const first = this.#text[start];
    if (first === "{") this.#object(path);
    else if (first === "[") this.#array(path);
    else if (first === '"') this.#string();
    else this.#word();
    this.spans.set(JSON.stringify(path), [start, this.#at]);
  }

  #object(path: readonly string[]): void {
    this.#at++;
    if (this.#skip("}")) return;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw new Stop('expected a name in "…"', this.#at);
      const key = this.#string();
      if (!this.#skip(":")) throw new Stop("expected :", this.#at);
      this.#value([...path, key]);
    } while (this.#skip(","));
    if (!this.#skip("}")) throw new Stop("expected , or }", this.#at);
  }

  #array(path: readonly string[]): void {
    this.#at++;
    if (this.#skip("]")) return;
    let index = 0;
    do {
      this.#value([...path, String(index)]);
      index++;
    } while (this.#skip(","));
    if (!this.#skip("]")) throw new Stop("expected , or ]", this.#at);
  }

  #string(): string {
    const match = /"(?:[^"\\\n]|\\.)*"/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#text);
    if (!found) throw new Stop('expected the closing "', this.#at);
    this.#at += found[0].length;
    try {
      return String(JSON.parse(found[0]));
    } catch {
      throw new Stop("expected a text that JSON can have", this.#at - found[0].length);
    }
  }

  #word(): void {
    const match = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#text);
    if (!found) throw new Stop("expected a value", this.#at);
    this.#at += found[0].length;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #skip(sign: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }
}
