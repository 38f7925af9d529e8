/** Times on the command line: ISO, or an age such as 24h; what is none ends with a clear line. */
import { InvalidArgumentError } from "commander";

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** ISO 8601; without a zone it is UTC. */
export function parseTime(text: string): Date {
  const isIso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const hasZone = /(Z|[T ].*[+-]\d\d:\d\d)$/.test(text);
  const time = new Date(hasZone || text.length === 10 ? text : `${text}Z`);
  if (isIso && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError("Expected a time such as 2026-03-01T12:00:00Z.");
}

/** Seconds of a span such as 90s, 15m, 24h, 30d, 2w. */
export function parseSpan(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (match) return Number(match[1]) * UNIT_SECONDS[match[2] as keyof typeof UNIT_SECONDS];
  throw new InvalidArgumentError("Expected a span such as 90s, 15m, 24h, 30d or 2w.");
}
