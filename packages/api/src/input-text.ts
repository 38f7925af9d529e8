/** What no text of a request may have, as PostgreSQL stores none of it; how deep JSON may be. */
import type { Fault } from "@contimg/contract";

import { ApiError } from "./problem.ts";

const DEPTH_MAX = 100;

/** @throws {ApiError} INVALID_PARAMS naming the first fault */
export function assertStorable(input: unknown, where: string): void {
  // Without recursion: the depth is what is measured.
  const open: { value: unknown; path: string; depth: number }[] = [
    { value: input, path: where, depth: 0 },
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, path, depth } = next;
    if (typeof value === "string") assertText(value, path);
    if (typeof value !== "object" || value === null) continue;
    if (depth >= DEPTH_MAX) throw refusal(path, `is nested deeper than ${DEPTH_MAX} levels`);
    for (const [key, each] of Object.entries(value)) {
      assertText(key, path);
      open.push({ value: each, path: `${path}.${key}`, depth: depth + 1 });
    }
  }
}

function assertText(text: string, path: string): void {
  if (text.includes("\0")) throw refusal(path, "has a character U+0000, which cannot be stored");
  if (!text.isWellFormed()) throw refusal(path, "has half of a UTF-16 surrogate pair");
}

function refusal(path: string, message: string): ApiError {
  const fault: Fault = { field: path.slice(0, 200).toWellFormed().replaceAll("\0", "�"), message };
  return new ApiError("INVALID_PARAMS", `${fault.field} ${message}`, { faults: [fault] });
}
