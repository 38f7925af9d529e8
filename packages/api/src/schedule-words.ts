/**
 * When a schedule fires, in words for people: "weekdays at 03:00 (UTC)". An expression for which
 * there are no short words is shown as it is: wrong words would be worse than none. Pure.
 */
import type { ScheduleSpec } from "@contimg/absurd";

import { type CronField, type CronFields, cronFields } from "./cron-fields.ts";

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];
const TIMES_MAX = 6;

const UNITS = [
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Null: a schedule that was written in SQL and has no timing that can be read. */
export function scheduleWords(spec: ScheduleSpec | null): string {
  if (spec === null) return "a timing that cannot be read";
  return "cron" in spec
    ? cronWords(spec.cron, spec.timeZone ?? "UTC")
    : intervalWords(spec.everySeconds, spec.anchor);
}

function intervalWords(everySeconds: number, anchor: Date | undefined): string {
  const from =
    anchor === undefined || anchor.getTime() === 0
      ? ""
      : `, counted from ${anchor
          .toISOString()
          .replace("T", " ")
          .replace(/(:00)?\.000Z$/, "")} UTC`;
  return `${everyWords(everySeconds)}${from}`;
}

/** In the largest unit of which it is a whole number. */
function everyWords(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? ["second", 1];
  const count = seconds / size;
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}

function cronWords(expression: string, timeZone: string): string {
  const asIs = `${expression.trim()} (${timeZone})`;
  const fields = cronFields(expression);
  if (!fields) return asIs;
  const time = timeWords(fields);
  const day = dayWords(fields);
  const month = monthWords(fields.month);
  if (time === undefined || day === undefined || month === undefined) return asIs;
  const isEveryDay = day.text === "";
  const words = time.isAtTimes
    ? `${yearly(fields) ?? (isEveryDay ? "every day" : day.text) + month} at ${time.text}`
    : `${time.text}${isEveryDay ? "" : ` ${day.on}`}${month}`;
  const isSameEverywhere = !time.namesHours && isEveryDay && month === "";
  return isSameEverywhere ? words : `${words} (${timeZone})`;
}

/** One day of one month: "every year on January 1". */
function yearly({ day, month, weekday }: CronFields): string | undefined {
  if (day.kind !== "list" || month.kind !== "list" || weekday.kind !== "any") return undefined;
  const [theDay, ...days] = day.values;
  const [theMonth, ...months] = month.values;
  if (days.length > 0 || months.length > 0 || theMonth === undefined) return undefined;
  return `every year on ${MONTHS[theMonth - 1]} ${theDay}`;
}

interface TimeWords {
  readonly text: string;
  /** Named times of a day, after "at". */
  readonly isAtTimes: boolean;
  readonly namesHours: boolean;
}

function timeWords(fields: CronFields): TimeWords | undefined {
  const { second, minute, hour } = fields;
  if (second.kind === "any" || second.kind === "step") return everySecondWords(fields);
  const seconds = singleOf(second);
  if (seconds === undefined) return undefined;
  const at = seconds === 0 ? "" : ` at second ${seconds}`;
  const repeated = repeatedMinutes(minute);
  if (repeated !== undefined) {
    const span = hourSpan(hour);
    if (span === undefined) return undefined;
    return { text: `${repeated}${at}${span}`, isAtTimes: false, namesHours: span !== "" };
  }
  if (minute.kind !== "list") return undefined;
  return hourlyWords(minute.values, hour, seconds) ?? atTimes(minute.values, hour, seconds);
}

function everySecondWords({ second, minute, hour }: CronFields): TimeWords | undefined {
  if (minute.kind !== "any" || hour.kind !== "any") return undefined;
  const n = second.kind === "step" ? second.n : 1;
  return 60 % n === 0 ? { text: everyWords(n), isAtTimes: false, namesHours: false } : undefined;
}

function repeatedMinutes(minute: CronField): string | undefined {
  if (minute.kind === "any") return "every minute";
  // One that does not divide the hour begins anew with each: no "every".
  if (minute.kind !== "step" || 60 % minute.n !== 0) return undefined;
  return everyWords(minute.n * 60);
}

/** The hours in which minutes repeat. */
function hourSpan(hour: CronField): string | undefined {
  if (hour.kind === "any") return "";
  if (hour.kind === "range") return ` from ${clock(hour.from, 0)} to ${clock(hour.to, 59)}`;
  const single = singleOf(hour);
  return single === undefined ? undefined : ` from ${clock(single, 0)} to ${clock(single, 59)}`;
}

function hourlyWords(
  minutes: readonly number[],
  hour: CronField,
  seconds: number,
): TimeWords | undefined {
  const every = hour.kind === "any" ? 1 : hour.kind === "step" && 24 % hour.n === 0 ? hour.n : 0;
  if (every > 0) {
    const isOnTheHour = minutes.length === 1 && minutes[0] === 0 && seconds === 0;
    const names = minutes.map((each) => String(each));
    const at = `at minute${names.length > 1 ? "s" : ""} ${listWords(names)}`;
    const text = everyWords(every * 3600) + (isOnTheHour ? "" : ` ${at}${secondText(seconds)}`);
    return { text, isAtTimes: false, namesHours: every > 1 };
  }
  const [minute, ...more] = minutes;
  if (hour.kind !== "range" || minute === undefined || more.length > 0) return undefined;
  const span = `from ${clock(hour.from, minute)} to ${clock(hour.to, minute)}`;
  return { text: `every hour ${span}${secondText(seconds)}`, isAtTimes: false, namesHours: true };
}

function secondText(seconds: number): string {
  return seconds === 0 ? "" : ` and second ${seconds}`;
}

function atTimes(
  minutes: readonly number[],
  hour: CronField,
  seconds: number,
): TimeWords | undefined {
  const hours =
    hour.kind === "step" ? stepped(hour.n, 24) : hour.kind === "list" ? hour.values : [];
  const times = hours.flatMap((each) => minutes.map((minute) => clock(each, minute, seconds)));
  if (times.length === 0 || times.length > TIMES_MAX) return undefined;
  return { text: listWords(times), isAtTimes: true, namesHours: true };
}

/** `text` begins a sentence, `on` goes on with one; both are empty of every day. */
function dayWords({ day, weekday }: CronFields): { text: string; on: string } | undefined {
  if (day.kind === "any" && weekday.kind === "any") return { text: "", on: "" };
  if (day.kind === "any") return weekdayWords(weekday);
  // Both: croner takes either, and few readers would guess so.
  return weekday.kind === "any" ? monthDayWords(day) : undefined;
}

function weekdayWords(weekday: CronField): { text: string; on: string } | undefined {
  if (weekday.kind === "nth" || weekday.kind === "last") {
    const which = weekday.kind === "nth" ? ORDINALS[weekday.n - 1] : "last";
    const text = `the ${which} ${WEEKDAYS[weekday.of ?? 0]} of the month`;
    return { text, on: `on ${text}` };
  }
  if (weekday.kind === "range") {
    const { from, to } = weekday;
    if (from === 1 && to === 5) return { text: "weekdays", on: "on weekdays" };
    if (from === 6 && to === 7) return { text: "weekends", on: "on weekends" };
    if (to - from >= 6) return { text: "", on: "" };
    const text = `${WEEKDAYS[from % 7]} to ${WEEKDAYS[to % 7]}`;
    return { text, on: `from ${text}` };
  }
  if (weekday.kind !== "list") return undefined;
  const key = weekday.values.join();
  if (key === "0,6") return { text: "weekends", on: "on weekends" };
  if (key === "1,2,3,4,5") return { text: "weekdays", on: "on weekdays" };
  if (weekday.values.length === 7) return { text: "", on: "" };
  // The week begins on Monday.
  const order = [...weekday.values].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
  const text = listWords(order.map((each) => `${WEEKDAYS[each]}s`));
  return { text, on: `on ${text}` };
}

function monthDayWords(day: CronField): { text: string; on: string } | undefined {
  if (day.kind === "last") {
    return { text: "the last day of the month", on: "on the last day of the month" };
  }
  if (day.kind === "range") {
    const text = `the ${nth(day.from)} to the ${nth(day.to)} of the month`;
    return { text, on: `from ${text}` };
  }
  if (day.kind !== "list") return undefined;
  const text = `the ${listWords(day.values.map(nth))} of the month`;
  return { text, on: `on ${text}` };
}

function monthWords(month: CronField): string | undefined {
  switch (month.kind) {
    case "any":
      return "";
    case "range":
      return ` from ${MONTHS[month.from - 1]} to ${MONTHS[month.to - 1]}`;
    case "list":
      return ` in ${listWords(month.values.map((each) => MONTHS[each - 1] ?? ""))}`;
    case "step":
    case "last":
    case "nth":
      return undefined;
  }
}

function singleOf(field: CronField): number | undefined {
  return field.kind === "list" && field.values.length === 1 ? field.values[0] : undefined;
}

function stepped(n: number, below: number): number[] {
  return Array.from({ length: Math.ceil(below / n) }, (_, index) => index * n);
}

function clock(hour: number, minute: number, second = 0): string {
  const parts = second === 0 ? [hour, minute] : [hour, minute, second];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function nth(day: number): string {
  const isTeen = day >= 11 && day <= 13;
  const ending = isTeen ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");
  return `${day}${ending}`;
}

function listWords(words: readonly string[]): string {
  if (words.length <= 1) return words.join();
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
