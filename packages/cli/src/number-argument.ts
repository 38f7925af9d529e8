/** Numbers on the command line, as commander's parsers: what is none ends with a clear line. */
import { InvalidArgumentError } from "commander";

/** Numbers in the range, both ends included. */
export function numberIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a number, ${min} to ${max}.`);
  };
}

/** Whole numbers in the range, both ends included. */
export function wholeNumberIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const isInRange = value >= min && value <= max;
    if (text.trim() !== "" && Number.isInteger(value) && isInRange) return value;
    throw new InvalidArgumentError(`Expected a whole number, ${min} to ${max}.`);
  };
}

/** A lease shorter than a second would be lost to the delays of any network. */
export const parseLeaseSeconds = numberIn(1, 3600);
/** Up to a day. */
export const parseGraceSeconds = numberIn(0, 86_400);
/** A smallint in the database. */
export const parsePriority = wholeNumberIn(-32_768, 32_767);
