/** Numbers as text: durations, counts, bytes, rates, shares. Nothing else writes a number. */

const COUNT = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** What stands where a value is not known. */
export const NONE = "–";

/** 12,345 */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** 12.3K, for where there is no room. */
export function formatCompact(count: number): string {
  return COMPACT.format(count);
}

/** 12,345, or "at least 10,000" where counting ended there. */
export function formatCounted(count: number, isAtLeast: boolean): string {
  return isAtLeast ? `at least ${formatCount(count)}` : formatCount(count);
}

/** "1 task", "12 tasks" */
export function formatCountOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** Two units at most: 340 ms, 4.2 s, 3 min 20 s, 2 h 05 min, 3 d 4 h. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  if (seconds < 0) return `−${formatDuration(-seconds)}`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return twoUnits(whole, 60, "min", 1, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return twoUnits(minutes, 60, "h", 1, "min");
  const hours = Math.round(seconds / 3600);
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Of runs that are over: none took no time at all. */
export function formatUsual(seconds: number): string {
  return seconds < 0.001 ? "less than 1 ms" : formatDuration(seconds);
}

/** Of a countdown: 8 s. */
export function formatSeconds(seconds: number): string {
  return `${Math.round(seconds)} s`;
}

function twoUnits(value: number, per: number, big: string, unit: number, small: string): string {
  const rest = Math.floor((value % per) / unit);
  const head = `${Math.floor(value / per)} ${big}`;
  return rest === 0 ? head : `${head} ${String(rest).padStart(2, "0")} ${small}`;
}

/** 1.4 GB; powers of 1000, as disks are sold. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`;
}

/** 3.2/s, 14/min, 2/h: the unit in which it is at least one. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond >= 1) return `${significant(perSecond)}/s`;
  if (perSecond * 60 >= 1) return `${significant(perSecond * 60)}/min`;
  return `${significant(perSecond * 3600)}/h`;
}

/** 0 to 1 as 99.2 %; never 100 % or 0 % of what is not all or none. */
export function formatShare(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  const percent = Math.min(99.9, Math.max(0.1, share * 100));
  return `${percent.toFixed(1)} %`;
}

function significant(value: number): string {
  return value >= 100 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(2)));
}

/** The part of a task's id in which two of one minute differ: its milliseconds and its count. */
export function formatId(id: string): string {
  return id.slice(9, 23);
}
