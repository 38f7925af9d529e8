/**
 * From what clocks on the wall show to instants, by the IANA time zones of the platform.
 *
 * A wall time is a Date whose UTC fields hold what the wall shows. One that the clocks skip (a gap)
 * stands for the first instant after the gap; one that they show twice (a fold) for the first time.
 * So wall times in order are instants in order, though a gap makes one of several.
 */

/** More than any zone is away from UTC, on both sides of a transition of a day. */
const REACH_MS = 26 * 3_600_000;
const STEP_MS = 1_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws {RangeError} for a zone that does not exist */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(timeZone, format);
  return format;
}

export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** What the wall shows at an instant, to the second. */
export function wallTimeOf(instant: Date, timeZone: string): Date {
  const parts = new Map<string, number>();
  for (const part of formatOf(timeZone).formatToParts(instant)) {
    parts.set(part.type, Number(part.value));
  }
  const [year, month, day] = [parts.get("year")!, parts.get("month")! - 1, parts.get("day")!];
  const [hour, minute, second] = [parts.get("hour")!, parts.get("minute")!, parts.get("second")!];
  return new Date(Date.UTC(year, month, day, hour, minute, second));
}

/** The instant that a wall time (a whole second) stands for. */
export function instantOf(wall: Date, timeZone: string): Date {
  const before = offsetMs(wall.getTime() - REACH_MS, timeZone);
  const after = offsetMs(wall.getTime() + REACH_MS, timeZone);
  const candidates = [wall.getTime() - before, wall.getTime() - after].sort((a, b) => a - b);
  for (const candidate of candidates) {
    if (wallTimeOf(new Date(candidate), timeZone).getTime() === wall.getTime()) {
      return new Date(candidate);
    }
  }
  return endOfGap(candidates[0]!, candidates[1]!, after, timeZone);
}

/** The first instant at the new offset, between one before the transition and one after it. */
function endOfGap(low: number, high: number, newOffset: number, timeZone: string): Date {
  let [early, late] = [low, high];
  while (late - early > STEP_MS) {
    const middle = early + Math.floor((late - early) / 2 / STEP_MS) * STEP_MS;
    if (offsetMs(middle, timeZone) === newOffset) late = middle;
    else early = middle;
  }
  return new Date(late);
}

function offsetMs(atMs: number, timeZone: string): number {
  const whole = Math.floor(atMs / STEP_MS) * STEP_MS;
  return wallTimeOf(new Date(whole), timeZone).getTime() - whole;
}
