/** Flags that are numbers: what the text must be for the command to begin. */
import { UsageError } from "../failure.ts";

export interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly isWhole?: boolean;
}

/** @throws {UsageError} naming the flag, its text and what is expected */
export function numberFlag(flag: string, text: string, range: NumberRange): number {
  const { min, max = Infinity, isWhole = false } = range;
  const value = Number(text);
  const isInRange = text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max;
  if (isInRange && (!isWhole || Number.isInteger(value))) return value;
  const kind = isWhole ? "a whole number" : "a number";
  const bounds = max === Infinity ? `${min} or more` : `${min} to ${max}`;
  throw new UsageError(`${flag} is "${text}", expected ${kind}, ${bounds}`);
}
