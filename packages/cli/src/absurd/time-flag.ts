/** Times on the command line. */
import { InvalidArgumentError } from "commander";

/** ISO 8601, with a zone: a time without one would mean another instant on another host. */
export function parseTime(text: string): Date {
  const time = new Date(text);
  const hasZone = /(z|[+-]\d\d:?\d\d)$/i.test(text);
  if (!Number.isNaN(time.getTime()) && hasZone) return time;
  throw new InvalidArgumentError("Expected a time with its zone, such as 2026-03-01T12:00:00Z.");
}
