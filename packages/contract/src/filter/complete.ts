/** What a person may want to type next in a filter, and which part of the text it replaces. */
import { type FieldSpec, findField, type KnownName, OPS_OF_KIND, TASK_FIELDS } from "./fields.ts";
import { quoteValue } from "./format.ts";
import { scanTerms, type Term } from "./scan.ts";

/** The names that are there now; what is absent is not offered. */
export type KnownNames = Readonly<Partial<Record<KnownName, readonly string[]>>>;

export interface Suggestion {
  /** What stands in place of the range. */
  readonly text: string;
  readonly description: string;
}

export interface Completion {
  /** The range that a suggestion replaces, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Best first. */
  readonly suggestions: readonly Suggestion[];
}

const SUGGESTIONS_MAX = 20;

export function completeTaskFilter(text: string, cursor: number, known: KnownNames): Completion {
  const before = text.slice(0, cursor);
  const term = scanTerms(before).terms.at(-1);
  // A space after the last term begins a new one.
  const current = term?.end === before.length ? term : undefined;
  if (current?.field === undefined) {
    const start = current ? current.start + (current.not ? 1 : 0) : cursor;
    const typed = before.slice(start);
    const end = endOfRun(text, cursor, /[^\s:<>=~,]*(?::~|:|<=?|>=?)?/y);
    return { start, end, suggestions: first(suggestFields(typed, known)) };
  }
  return completeValue(text, cursor, current, known);
}

function completeValue(text: string, cursor: number, term: Term, known: KnownNames): Completion {
  const value = term.values.at(-1)!;
  const end = endOfRun(text, cursor, value.isQuoted ? /[^"\n]*"?/y : /[^\s,]*/y);
  const spec = findField(term.field!.name);
  const suggestions = spec ? suggestValues(spec, value.text, known) : [];
  return { start: value.start, end, suggestions: first(suggestions) };
}

function suggestFields(typed: string, known: KnownNames): Suggestion[] {
  const fields = TASK_FIELDS.filter((each) => each.field.startsWith(typed)).map((each) => ({
    text: `${each.field}${signOf(each)}`,
    description: `${each.description}, such as ${each.example}`,
  }));
  if (typed === "") return fields;
  // A word may be the beginning of a value: imag gives name:imaging.
  const values = TASK_FIELDS.filter((each) => each.known ?? each.kind === "choice").flatMap(
    (each) =>
      suggestValues(each, typed, known).map((value) => ({
        text: `${each.field}:${value.text}`,
        description: each.description,
      })),
  );
  return [...fields, ...values];
}

/** The sign to go on with: a path's dot, an order for times, else a colon. */
function signOf(spec: FieldSpec): string {
  if (spec.kind === "param") return ".";
  return OPS_OF_KIND[spec.kind].includes("is") ? ":" : ">";
}

/** Those that begin with what was typed, then those that have it within. */
function suggestValues(spec: FieldSpec, typed: string, known: KnownNames): Suggestion[] {
  const all = [...(spec.known ? (known[spec.known] ?? []) : []), ...(spec.values ?? [])];
  const lower = typed.toLowerCase();
  const begin = all.filter((each) => each.toLowerCase().startsWith(lower));
  const within = all.filter((each) => each.toLowerCase().includes(lower) && !begin.includes(each));
  return [...new Set([...begin, ...within])].map((each) => ({
    text: quoteValue(each),
    description: spec.description,
  }));
}

function endOfRun(text: string, cursor: number, pattern: RegExp): number {
  pattern.lastIndex = cursor;
  return cursor + (pattern.exec(text)?.[0].length ?? 0);
}

function first(suggestions: readonly Suggestion[]): Suggestion[] {
  return suggestions.slice(0, SUGGESTIONS_MAX);
}
