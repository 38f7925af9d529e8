/** Values that many resources have, from the engine's words to the contract's. Pure. */
import type { ErrorRecord, Json } from "@contimg/absurd";
import type { ErrorRecord as WireError } from "@contimg/contract";

export function wireInstant(date: Date): string;
export function wireInstant(date: Date | null): string | null;
export function wireInstant(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}

/**
 * Undefined stays undefined: an option that was not given. Null stays null: one that is
 * cleared.
 */
export function dateOf<Absent extends null | undefined = never>(
  instant: string | Absent,
): Date | Absent {
  return typeof instant === "string" ? new Date(instant) : instant;
}

/** Errors that were written in SQL may lack a part; the record may hold more than is shown. */
export function wireError(record: Partial<ErrorRecord>): WireError;
export function wireError(record: Partial<ErrorRecord> | null): WireError | null;
export function wireError(record: Partial<ErrorRecord> | null): WireError | null {
  if (record === null) return null;
  return {
    tag: record.tag ?? "Unknown",
    class: record.class ?? "fatal",
    message: record.message ?? "",
    fields: wireObject(record.fields ?? {}),
    ...(record.stack === undefined ? {} : { stack: record.stack }),
  };
}

/** What came from a jsonb column: it is JSON, whatever its type says. */
export function wireObject(value: Readonly<Record<string, unknown>>): Record<string, Json> {
  return value as Record<string, Json>;
}

/** The engine's idempotency key of what a request with an Idempotency-Key makes. */
export function workKey(workId: string, index = 0): string {
  return `http:${workId}${index === 0 ? "" : `:${index}`}`;
}

/** A request's own key has its own meaning, and is enough. */
export function isKeyOurs(own: string | undefined, workId: string | undefined): boolean {
  return own === undefined && workId !== undefined;
}

/** Null for what is no object. */
export function objectOf(value: Json): Record<string, Json> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}

/** The same for any value. */
export function wireJson(value: unknown): Json {
  return value as Json;
}

/** The members of an object that are set: what was not given is not passed on as undefined. */
export function given<Options extends object>(
  options: Options,
): { [Key in keyof Options]?: Exclude<Options[Key], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // Entries of Options whose values are not undefined: what the result's type says.
  return Object.fromEntries(entries) as {
    [Key in keyof Options]?: Exclude<Options[Key], undefined>;
  };
}
