/** Instants as text, in the time that the operator chose: UTC, local, sidereal, MJD. */
import { NONE, formatDuration } from "./quantity.ts";
import { localSiderealHours, mjdOf } from "./sidereal.ts";

export const TIME_MODES = ["utc", "local", "lst", "mjd"] as const;
export type TimeMode = (typeof TIME_MODES)[number];

export interface TimeStyle {
  readonly mode: TimeMode;
  /** Of the telescope, east positive: LST is of it. */
  readonly longitudeDeg: number;
}

export const TIME_MODE_LABEL: Readonly<Record<TimeMode, string>> = {
  utc: "UTC",
  local: "Local",
  lst: "LST",
  mjd: "MJD",
};

/** With date and seconds: 2026-01-25 08:08:54 UTC, MJD 61065.339514, 2026-01-25 LST 09:14:22. */
export function formatInstant(instant: Date, style: TimeStyle): string {
  if (Number.isNaN(instant.getTime())) return NONE;
  switch (style.mode) {
    case "utc": {
      // Each row of a table that scrolls has some of these: the text is made once.
      const iso = instant.toISOString();
      return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
    }
    case "local":
      return `${localDate(instant)} ${localTime(instant)} ${zoneOf(instant)}`;
    case "lst":
      return `${utcDate(instant)} LST ${siderealTime(instant, style.longitudeDeg)}`;
    case "mjd":
      return `MJD ${mjdOf(instant).toFixed(6)}`;
  }
}

/** Of one day, the time alone; with its date otherwise. Without the name of the scale. */
export function formatShort(instant: Date, style: TimeStyle, now: Date): string {
  if (style.mode === "mjd") return mjdOf(instant).toFixed(5);
  const isLocal = style.mode === "local";
  const date = isLocal ? localDate : utcDate;
  const time =
    style.mode === "lst"
      ? siderealTime(instant, style.longitudeDeg)
      : isLocal
        ? localTime(instant)
        : utcTime(instant);
  return date(instant) === date(now) ? time : `${date(instant).slice(5)} ${time}`;
}

/** The clock of the top bar: time and the name of its scale. */
export function formatClock(now: Date, style: TimeStyle): string {
  switch (style.mode) {
    case "utc":
      return `${utcTime(now)} UTC`;
    case "local":
      return `${localTime(now)} ${zoneOf(now)}`;
    case "lst":
      return `${siderealTime(now, style.longitudeDeg)} LST`;
    case "mjd":
      return `MJD ${mjdOf(now).toFixed(4)}`;
  }
}

/** "3 min ago", "in 2 h", "now". */
export function formatAgo(instant: Date, now: Date): string {
  const seconds = (now.getTime() - instant.getTime()) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  const amount = coarse(Math.abs(seconds));
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

/** One unit: the difference between 3 min 10 s and 3 min 11 s ago is noise. */
function coarse(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return formatDuration(Math.floor(seconds / 60) * 60);
  if (seconds < 36_000) return formatDuration(Math.floor(seconds / 60) * 60);
  if (seconds < 86_400) return formatDuration(Math.floor(seconds / 3600) * 3600);
  return formatDuration(Math.floor(seconds / 86_400) * 86_400);
}

function utcDate(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

function utcTime(instant: Date): string {
  return instant.toISOString().slice(11, 19);
}

function localDate(instant: Date): string {
  return `${instant.getFullYear()}-${two(instant.getMonth() + 1)}-${two(instant.getDate())}`;
}

function localTime(instant: Date): string {
  return `${two(instant.getHours())}:${two(instant.getMinutes())}:${two(instant.getSeconds())}`;
}

/** Such as UTC−8: names of zones are not everywhere the same. */
function zoneOf(instant: Date): string {
  const minutes = -instant.getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return rest === 0 ? `UTC${sign}${hours}` : `UTC${sign}${hours}:${two(rest)}`;
}

function siderealTime(instant: Date, longitudeDeg: number): string {
  const seconds = Math.floor(localSiderealHours(instant, longitudeDeg) * 3600);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
