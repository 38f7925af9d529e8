/** A filter's text to conditions, or to faults that point at their places. */
import type { Fault } from "../problem.ts";
import type { ConditionOp, ConditionValue, TaskCondition } from "./condition.ts";
import { type FieldSpec, findField, OPS_OF_KIND, TASK_FIELDS } from "./fields.ts";
import { nearName } from "./near-names.ts";
import { scanTerms, type ScannedField, type ScannedValue, type Span, type Term } from "./scan.ts";
import {
  isId,
  type Read,
  readChoice,
  readId,
  readInstant,
  readInteger,
  readJsonNumber,
  readSeconds,
} from "./values.ts";

/** One of the two. */
export type ParsedFilter =
  | { readonly conditions: readonly TaskCondition[]; readonly faults?: never }
  | { readonly conditions?: never; readonly faults: readonly PlacedFault[] };

/** A fault of a filter always has its place. */
export type PlacedFault = Fault & Span;

const OP_OF_SIGN: Readonly<Record<string, ConditionOp>> = {
  ":": "is",
  ":~": "contains",
  "<": "lt",
  "<=": "lte",
  ">": "gt",
  ">=": "gte",
};

const QUOTE_IT = "to look for the text itself, put it in quotes";

/** @param now what -2h, today and yesterday count from */
export function parseTaskFilter(text: string, now: Date): ParsedFilter {
  const { terms, faults } = scanTerms(text);
  const all: Complaint[] = [...faults];
  const conditions = terms.flatMap((term) => {
    const read = readTerm(term, now);
    if (!Array.isArray(read)) return [read];
    all.push(...read);
    return [];
  });
  if (all.length === 0) return { conditions };
  return {
    faults: all
      .map(({ start, end, message }) => ({ field: "q", message, start, end }))
      .sort((a, b) => a.start - b.start),
  };
}

interface Complaint extends Span {
  readonly message: string;
}

function readTerm(term: Term, now: Date): TaskCondition | Complaint[] {
  const { field, not } = term;
  if (!field) return readWords(term);
  const spec = findField(field.name);
  if (!spec) return [{ ...spanOf(field), message: unknownField(field, term.op) }];
  const complaint = complainOfField(spec, field, term.op);
  if (complaint) return [complaint];
  const op = opOf(term);
  if (typeof op !== "string") return [op];
  if (!OPS_OF_KIND[spec.kind].includes(op)) return [complainOfOp(spec, term, op)];
  const values: ConditionValue[] = [];
  const complaints: Complaint[] = [];
  for (const value of term.values) {
    const read = readValue(spec, value, op, now);
    if ("value" in read) values.push(read.value);
    else
      complaints.push({ ...spanOf(value, term), message: `${read.expected}, for ${spec.field}` });
  }
  if (complaints.length > 0) return complaints;
  const path = spec.kind === "param" ? { path: field.path } : {};
  return { field: spec.field, ...path, op, values, not };
}

function readWords(term: Term): TaskCondition | Complaint[] {
  const complaints = term.values.flatMap((value) => {
    if (value.hasStar) {
      return [
        { ...spanOf(value), message: "a word is found anywhere in a text; leave the * away" },
      ];
    }
    const isBare = value.text === "" && !value.isQuoted && term.values.length > 1;
    return isBare ? [{ ...spanOf(value, term), message: "expected a word beside the comma" }] : [];
  });
  if (complaints.length > 0) return complaints;
  // An id alone means the task.
  if (term.values.every((value) => !value.isQuoted && isId(value.text))) {
    const ids = term.values.map((value) => value.text.toLowerCase());
    return { field: "id", op: "is", values: ids, not: term.not };
  }
  return {
    field: "text",
    op: "contains",
    values: term.values.map((value) => value.text),
    not: term.not,
  };
}

function unknownField({ name }: ScannedField, sign: string): string {
  const near = nearName(
    name,
    TASK_FIELDS.map((each) => each.field),
  );
  const meant = near === undefined ? "" : `; did you mean ${near}${sign}?`;
  return `there is no field "${name}"${meant || `; ${QUOTE_IT}`}`;
}

function complainOfField(
  spec: FieldSpec,
  field: ScannedField,
  sign: string,
): Complaint | undefined {
  const hasPath = field.path.length > 0;
  if (spec.kind === "param" && !hasPath) {
    return { ...spanOf(field), message: "expected the member's path, such as param.tile.dec:16.2" };
  }
  if (spec.kind !== "param" && hasPath) {
    return { ...spanOf(field), message: `${spec.field} has no members; only param has` };
  }
  if (sign !== "=") return undefined;
  return {
    start: field.end,
    end: field.end + 1,
    message: `expected ${signsOf(spec)} in place of =; ${QUOTE_IT}`,
  };
}

/** A star makes a prefix of an equality, and then of every value of the list. */
function opOf({ op: sign, values }: Term): ConditionOp | Complaint {
  const op = OP_OF_SIGN[sign]!;
  const starred = values.filter((value) => value.hasStar);
  if (op !== "is" || starred.length === 0) return op;
  if (starred.length === values.length) return "prefix";
  const plain = values.find((value) => !value.hasStar)!;
  return {
    ...spanOf(plain),
    message: "expected a * at the end of every value of the list, or of none",
  };
}

function complainOfOp(spec: FieldSpec, term: Term, op: ConditionOp): Complaint {
  const { field } = term;
  if (op === "prefix") {
    const value = term.values[0]!;
    return { ...spanOf(value), message: `${spec.field} takes no *; expected ${spec.example}` };
  }
  return {
    start: field!.end,
    end: field!.end + term.op.length,
    message: `expected ${signsOf(spec)} after ${spec.field}, such as ${spec.example}`,
  };
}

/** How the field is compared: ":", ":~", "<" and so on. */
export function signsOf(spec: FieldSpec): string {
  const signs = Object.keys(OP_OF_SIGN).filter((sign) =>
    OPS_OF_KIND[spec.kind].includes(OP_OF_SIGN[sign]!),
  );
  return signs.length === 1 ? signs[0]! : `${signs.slice(0, -1).join(", ")} or ${signs.at(-1)!}`;
}

function readValue(
  spec: FieldSpec,
  value: ScannedValue,
  op: ConditionOp,
  now: Date,
): Read<ConditionValue> {
  const text = op === "prefix" || !value.hasStar ? value.text : `${value.text}*`;
  if (text === "" && !value.isQuoted && op !== "prefix") {
    return { expected: `expected a value, such as ${spec.example}` };
  }
  switch (spec.kind) {
    case "text":
      return readText(text, value, op);
    case "id":
      return readId(text, op === "prefix");
    case "choice":
      return readChoice(text, spec.values ?? []);
    case "integer":
      return readInteger(text);
    case "seconds":
      return readSeconds(text);
    case "instant":
      return readInstant(text, now);
    case "param":
      return readParam(text, value, op);
  }
}

function readText(text: string, value: ScannedValue, op: ConditionOp): Read<string> {
  if (op !== "contains" && !value.isQuoted && text.includes("*")) {
    return { expected: "expected the * at the end only; in quotes it means itself" };
  }
  return { value: text };
}

function readParam(text: string, value: ScannedValue, op: ConditionOp): Read<ConditionValue> {
  if (op === "prefix" || op === "contains") return readText(text, value, op);
  const number = value.isQuoted ? undefined : readJsonNumber(text);
  return number === undefined ? readText(text, value, op) : { value: number };
}

/** An empty value is shown by the term that lacks it. */
function spanOf({ start, end }: Span, around?: Span): Span {
  if (end > start || !around) return { start, end };
  return { start: around.start, end: around.end };
}
