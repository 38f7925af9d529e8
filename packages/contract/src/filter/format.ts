/** Conditions back to the text of the grammar. */
import type { ConditionOp, ConditionValue, TaskCondition } from "./condition.ts";
import { findField } from "./fields.ts";
import { isId, readJsonNumber, writeSeconds } from "./values.ts";

const SIGNS: Readonly<Record<ConditionOp, string>> = {
  is: ":",
  prefix: ":",
  contains: ":~",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
};

/** Reading it again gives the same conditions. */
export function formatTaskFilter(conditions: readonly TaskCondition[]): string {
  return conditions.map(formatCondition).join(" ");
}

function formatCondition({ field, path, op, values, not }: TaskCondition): string {
  const minus = not ? "-" : "";
  if (field === "text") return minus + values.map((value) => quoteWord(String(value))).join(",");
  const name = [field, ...(path ?? []).map(quoteSegment)].join(".");
  const texts = values.map((value) => formatValue(field, op, value));
  return `${minus}${name}${SIGNS[op]}${texts.join(",")}`;
}

function formatValue(field: string, op: ConditionOp, value: ConditionValue): string {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "number") {
    return findField(field)?.kind === "seconds" ? writeSeconds(value) : String(value);
  }
  if (op === "prefix") return `${value === "" ? "" : quoteValue(value)}*`;
  const looksLikeNumber = field === "param" && readJsonNumber(value) !== undefined;
  return looksLikeNumber ? quote(value) : quoteValue(value);
}

/** Means itself as a value: no sign is read into it, nor it into the sign before: `<` and `=x`. */
const PLAIN = /^[^\s,"*~=][^\s,"*]*$/;
/** Of a bare word: no sign of a field, no minus before it. */
const PLAIN_WORD = /^[^\s,"*:<>=-][^\s,"*:<>=]*$/;
const PLAIN_SEGMENT = /^[^\s.:<>=~,"]+$/;

/** A value as it is written: in quotes when it has to be. */
export function quoteValue(text: string): string {
  return PLAIN.test(text) ? text : quote(text);
}

function quoteWord(text: string): string {
  return PLAIN_WORD.test(text) && !isId(text) ? text : quote(text);
}

function quoteSegment(text: string): string {
  return PLAIN_SEGMENT.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
