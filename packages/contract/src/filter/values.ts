/** Values of a filter: text to number, seconds or instant and back. */
import { nearName } from "./near-names.ts";

/** What came out, or what was expected. */
export type Read<Value> = { readonly value: Value } | { readonly expected: string };

const SECONDS_OF_UNIT = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;
type Unit = keyof typeof SECONDS_OF_UNIT;

const DURATION_PART = /(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(ms|s|m|h|d|w)/y;
const DURATION_EXPECTED = "expected a duration with its unit, such as 30s, 5m, 2h or 1h30m";

/** 30s, 5m, 2h, 1h30m, 500ms. */
export function readSeconds(text: string): Read<number> {
  let seconds = 0;
  let at = 0;
  while (at < text.length) {
    DURATION_PART.lastIndex = at;
    const part = DURATION_PART.exec(text);
    if (!part) return { expected: DURATION_EXPECTED };
    seconds += Number(part[1]) * SECONDS_OF_UNIT[part[2] as Unit];
    at += part[0].length;
  }
  return at > 0 && Number.isFinite(seconds) ? { value: seconds } : { expected: DURATION_EXPECTED };
}

/** The largest unit of which it is a whole number; else seconds as they are. */
export function writeSeconds(seconds: number): string {
  const whole = (["w", "d", "h", "m"] as const).find(
    (unit) => seconds > 0 && Number.isInteger(seconds / SECONDS_OF_UNIT[unit]),
  );
  if (whole === undefined || !Number.isSafeInteger(seconds)) return `${seconds}s`;
  return `${seconds / SECONDS_OF_UNIT[whole]}${whole}`;
}

const DAY = /^(\d{4}-\d{2}-\d{2})$/;
const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;
const INSTANT_EXPECTED =
  "expected an instant such as 2026-01-25T03:00Z (without a zone: UTC), a day, " +
  "today, yesterday, or a time ago such as -2h";

/** An instant, or one seen from now: today and yesterday are UTC's. */
export function readInstant(text: string, now: Date): Read<Date> {
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  if (text === "today") return { value: new Date(midnight) };
  if (text === "yesterday") return { value: new Date(midnight - 86_400_000) };
  if (text.startsWith("-")) {
    const ago = readSeconds(text.slice(1));
    return validInstant("value" in ago ? now.getTime() - ago.value * 1000 : NaN);
  }
  const day = DAY.exec(text);
  if (day) return validDay(day[1]!, `${day[1]!}T00:00:00Z`);
  const time = TIME.exec(text);
  if (!time) return { expected: INSTANT_EXPECTED };
  const [, date, minute, second = ":00", zone = "Z"] = time;
  return validDay(date!, `${date!}T${minute!}${second}${zone}`);
}

/** Date takes the 30th of February for the 2nd of March. */
function validDay(day: string, iso: string): Read<Date> {
  const midnight = new Date(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return validInstant(isDay ? Date.parse(iso) : NaN);
}

function validInstant(milliseconds: number): Read<Date> {
  const value = new Date(milliseconds);
  return Number.isNaN(value.getTime()) ? { expected: INSTANT_EXPECTED } : { value };
}

export function readInteger(text: string): Read<number> {
  const value = Number(text);
  return /^[+-]?\d{1,15}$/.test(text)
    ? { value: value + 0 }
    : { expected: "expected a whole number, such as 2" };
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The number that JSON would read; undefined: it is text. */
export function readJsonNumber(text: string): number | undefined {
  if (!JSON_NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const UUID_BEGIN = /^[0-9a-f][0-9a-f-]{0,35}$/i;

export function isId(text: string): boolean {
  return UUID.test(text);
}

/** @param isBegin a star follows */
export function readId(text: string, isBegin: boolean): Read<string> {
  return (isBegin ? UUID_BEGIN : UUID).test(text)
    ? { value: text.toLowerCase() }
    : { expected: "expected a UUID, as lists show it, or its beginning and a *" };
}

export function readChoice(text: string, values: readonly string[]): Read<string> {
  if (values.includes(text)) return { value: text };
  const near = nearName(text, values);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return { expected: `expected one of ${values.join(", ")}${meant}` };
}
