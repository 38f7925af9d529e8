/**
 * A segment of a spool as text: one JSON object a line, the first a header that counts the others.
 * Each line carries the SHA-256 of its record's text, so damage is told from data, and a lost end
 * from an end. Pure.
 */
import { createHash } from "node:crypto";

import { z } from "zod";

export const SEGMENT_KINDS = ["outcome", "spawn"] as const;
export type SegmentKind = (typeof SEGMENT_KINDS)[number];

export interface SegmentContent {
  /** JSON text of each record that is whole. */
  readonly records: readonly string[];
  /** What is wrong with the rest; empty for a segment as it was written. */
  readonly problems: readonly string[];
}

const BEFORE_SUM = '{"sha256":"';
const BEFORE_RECORD = '","record":';
const SUM_CHARACTERS = 64;
const RECORD_AT = BEFORE_SUM.length + SUM_CHARACTERS + BEFORE_RECORD.length;

const headerSchema = z.strictObject({
  spool: z.literal(1),
  kind: z.enum(SEGMENT_KINDS),
  count: z.int().positive(),
});

/** @param records JSON texts */
export function formatSegment(kind: SegmentKind, records: readonly string[]): string {
  const header = JSON.stringify({ spool: 1, kind, count: records.length });
  return [header, ...records].map((record) => `${formatLine(record)}\n`).join("");
}

export function parseSegment(text: string): SegmentContent {
  const lines = text.split("\n");
  const problems: string[] = [];
  // What follows the last newline is empty in a whole file.
  const rest = lines.pop();
  if (rest !== "") problems.push(`line ${lines.length + 1} is not complete`);
  const bodies = lines.map((line, index) => {
    const body = parseLine(line);
    if (body === undefined) problems.push(`line ${index + 1} is not what was written`);
    return body;
  });
  const count = headerCount(bodies[0]);
  const records = (count === undefined ? bodies : bodies.slice(1)).filter(
    (body) => body !== undefined,
  );
  if (count === undefined) problems.push("line 1 is no header");
  else if (records.length !== count)
    problems.push(`${records.length} of ${count} records are whole`);
  return { records, problems };
}

function formatLine(record: string): string {
  return `${BEFORE_SUM}${sha256(record)}${BEFORE_RECORD}${record}}`;
}

function parseLine(line: string): string | undefined {
  const record = line.slice(RECORD_AT, -1);
  return line === formatLine(record) ? record : undefined;
}

function headerCount(record: string | undefined): number | undefined {
  return record === undefined ? undefined : headerSchema.safeParse(JSON.parse(record)).data?.count;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
