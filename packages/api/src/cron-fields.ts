/** The fields of a cron expression as far as words exist for them. Pure. */

export type CronField =
  | { readonly kind: "any" }
  /** Every n-th, from the first on. */
  | { readonly kind: "step"; readonly n: number }
  | { readonly kind: "range"; readonly from: number; readonly to: number }
  /** In order, each once. */
  | { readonly kind: "list"; readonly values: readonly number[] }
  /** The last: of days the month's last; of weekdays the last such day of the month. */
  | { readonly kind: "last"; readonly of: number | undefined }
  /** The nth such weekday of the month. */
  | { readonly kind: "nth"; readonly of: number; readonly n: number };

export interface CronFields {
  readonly second: CronField;
  readonly minute: CronField;
  readonly hour: CronField;
  readonly day: CronField;
  readonly month: CronField;
  /** 0 is Sunday. */
  readonly weekday: CronField;
}

const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split(" ");
const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Undefined for an expression with a field for which there are no words. */
export function cronFields(expression: string): CronFields | undefined {
  const text = NICKNAMES[expression.trim().toLowerCase()] ?? expression;
  const parts = text.trim().toUpperCase().split(/\s+/);
  if (parts.length === 5) parts.unshift("0");
  if (parts.length !== 6) return undefined;
  const [second, minute, hour, day, month, weekday] = [
    parseField(parts[0], { min: 0, max: 59 }),
    parseField(parts[1], { min: 0, max: 59 }),
    parseField(parts[2], { min: 0, max: 23 }),
    parseField(parts[3], { min: 1, max: 31, isDay: true }),
    parseField(parts[4], { min: 1, max: 12, names: MONTHS }),
    parseField(parts[5], { min: 0, max: 7, names: WEEKDAYS, isWeekday: true }),
  ];
  if (!second || !minute || !hour || !day || !month || !weekday) return undefined;
  return { second, minute, hour, day, month, weekday };
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
  readonly isDay?: boolean;
  readonly isWeekday?: boolean;
}

function parseField(text: string | undefined, bounds: Bounds): CronField | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "*" || text === "?" || text === "*/1") return { kind: "any" };
  return (
    parseLast(text, bounds) ??
    parseNth(text, bounds) ??
    parseStep(text, bounds) ??
    parseRange(text, bounds) ??
    parseList(text, bounds)
  );
}

function parseLast(text: string, bounds: Bounds): CronField | undefined {
  if (bounds.isDay === true && text === "L") return { kind: "last", of: undefined };
  const [, day] = /^(\w+)L$/.exec(text) ?? [];
  const of = bounds.isWeekday === true ? numberIn(day, bounds) : undefined;
  return of === undefined ? undefined : { kind: "last", of: of % 7 };
}

function parseNth(text: string, bounds: Bounds): CronField | undefined {
  const [, day, n] = /^(\w+)#([1-5])$/.exec(text) ?? [];
  const of = bounds.isWeekday === true ? numberIn(day, bounds) : undefined;
  return of === undefined ? undefined : { kind: "nth", of: of % 7, n: Number(n) };
}

function parseStep(text: string, { min, max }: Bounds): CronField | undefined {
  const [, first, step] = /^(\*|\d+)\/(\d+)$/.exec(text) ?? [];
  const n = Number(step);
  if (first === undefined || !(n >= 1) || n > max) return undefined;
  return first === "*" || Number(first) === min ? { kind: "step", n } : undefined;
}

function parseRange(text: string, bounds: Bounds): CronField | undefined {
  const [, first, last] = /^(\w+)-(\w+)$/.exec(text) ?? [];
  const from = numberIn(first, bounds);
  const to = numberIn(last, bounds);
  if (from === undefined || to === undefined || from >= to) return undefined;
  return { kind: "range", from, to };
}

function parseList(text: string, bounds: Bounds): CronField | undefined {
  const values: number[] = [];
  for (const part of text.split(",")) {
    const range = parseRange(part, bounds);
    const value = numberIn(part, bounds);
    if (range?.kind === "range") {
      for (let each = range.from; each <= range.to; each += 1) values.push(each);
    } else if (value !== undefined) {
      values.push(value);
    } else {
      return undefined;
    }
  }
  const known = bounds.isWeekday === true ? values.map((each) => each % 7) : values;
  return { kind: "list", values: [...new Set(known)].sort((a, b) => a - b) };
}

function numberIn(text: string | undefined, bounds: Bounds): number | undefined {
  if (text === undefined) return undefined;
  const named = bounds.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + bounds.min;
  if (!/^\d{1,2}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= bounds.min && value <= bounds.max ? value : undefined;
}
