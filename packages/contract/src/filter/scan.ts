/**
 * A filter's text as terms, with the place of each part. It knows the form only, and goes on after
 * a fault, so that a person sees all of them at once, and a completion sees the unfinished.
 *
 *     terms  ::= term (space term)*
 *     term   ::= "-"? (field op)? values
 *     field  ::= name ("." segment)*          a segment may be quoted
 *     op     ::= ":" | ":~" | "<" | "<=" | ">" | ">="
 *     values ::= value ("," value)*
 *     value  ::= quoted "*"? | characters but space and comma, "*" at its end only
 *     quoted ::= '"' (character | "\" character)* '"'
 */
import { findField } from "./fields.ts";

/** A part of the text, from start to before end, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ScannedValue extends Span {
  /** Without quotes, escapes and the star. */
  readonly text: string;
  readonly isQuoted: boolean;
  /** A star follows. */
  readonly hasStar: boolean;
}

export interface ScannedField extends Span {
  readonly name: string;
  readonly path: readonly string[];
}

export interface Term extends Span {
  readonly not: boolean;
  /** Undefined: a bare word. */
  readonly field: ScannedField | undefined;
  /** Empty: a bare word. */
  readonly op: string;
  readonly values: readonly ScannedValue[];
}

export interface FormFault extends Span {
  readonly message: string;
}

export interface Scan {
  readonly terms: readonly Term[];
  readonly faults: readonly FormFault[];
}

const SPACE = /\s*/y;
const FIELD =
  /([A-Za-z][A-Za-z_]*)((?:\.(?:"(?:[^"\\]|\\.)*"|[^\s.:<>=~,"]+))*)(:~|:|>=|<=|>|<|=)/y;
const SEGMENT = /\.(?:"((?:[^"\\]|\\.)*)"|([^.]+))/g;
const PLAIN = /[^\s,]*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)(")?(\*)?/y;

export function scanTerms(text: string): Scan {
  const terms: Term[] = [];
  const faults: FormFault[] = [];
  let at = match(SPACE, text, 0)[0].length;
  while (at < text.length) {
    const term = scanTerm(text, at, faults);
    terms.push(term);
    at = term.end;
    at += match(SPACE, text, at)[0].length;
  }
  return { terms, faults };
}

function scanTerm(text: string, start: number, faults: FormFault[]): Term {
  const not = text[start] === "-";
  const from = start + (not ? 1 : 0);
  const { field, op, end: valuesFrom } = scanField(text, from);
  const { values, end } = scanValues(text, valuesFrom, faults);
  if (not && end === from) {
    faults.push({ start, end, message: "expected a term after -, such as -tag:test" });
  }
  return { start, end, not, field, op, values };
}

function scanField(
  text: string,
  start: number,
): { field: ScannedField | undefined; op: string; end: number } {
  FIELD.lastIndex = start;
  const found = FIELD.exec(text);
  const name = found?.[1] ?? "";
  // A bare word may have an equals sign in it.
  if (!found || (found[3] === "=" && findField(name) === undefined)) {
    return { field: undefined, op: "", end: start };
  }
  const op = found[3]!;
  const end = start + found[0].length;
  const path = [...found[2]!.matchAll(SEGMENT)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : unescape(quoted),
  );
  return { field: { name, path, start, end: end - op.length }, op, end };
}

function scanValues(
  text: string,
  start: number,
  faults: FormFault[],
): { values: ScannedValue[]; end: number } {
  const values: ScannedValue[] = [];
  let at = start;
  while (true) {
    const value = text[at] === '"' ? scanQuoted(text, at, faults) : scanPlain(text, at);
    values.push(value);
    at = value.end;
    if (text[at] !== ",") return { values, end: at };
    at += 1;
  }
}

function scanPlain(text: string, start: number): ScannedValue {
  const [found] = match(PLAIN, text, start);
  const hasStar = found.endsWith("*");
  return {
    text: hasStar ? found.slice(0, -1) : found,
    start,
    end: start + found.length,
    isQuoted: false,
    hasStar,
  };
}

function scanQuoted(text: string, start: number, faults: FormFault[]): ScannedValue {
  const [found, inner, close, star] = match(QUOTED, text, start);
  const end = start + found.length;
  if (close === undefined) {
    faults.push({ start, end, message: 'expected " at the end of the quoted text' });
  }
  const rest = match(PLAIN, text, end)[0].length;
  if (rest > 0) {
    faults.push({
      start: end,
      end: end + rest,
      message: 'expected a space or a comma after the closing "; write \\" for a " in quoted text',
    });
  }
  const value = unescape(inner ?? "");
  return { text: value, start, end: end + rest, isQuoted: true, hasStar: star !== undefined };
}

function unescape(text: string): string {
  return text.replace(/\\([^])/g, "$1");
}

/** The patterns that are matched so match anywhere, if only the empty text. */
function match(pattern: RegExp, text: string, at: number): RegExpExecArray {
  pattern.lastIndex = at;
  return pattern.exec(text)!;
}
