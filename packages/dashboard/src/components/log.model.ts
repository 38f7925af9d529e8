/** Which log lines are shown, and how they are written out. Pure. */
import { LOG_LEVELS, type LogLine } from "@contimg/contract";

import { stripAnsi } from "./ansi.ts";

export type LogLevel = LogLine["level"];

export interface LogFilter {
  /** And what is worse. */
  readonly level: LogLevel;
  readonly search: string;
}

export function shownLines(lines: readonly LogLine[], filter: LogFilter): readonly LogLine[] {
  const least = LOG_LEVELS.indexOf(filter.level);
  const wanted = filter.search.toLowerCase();
  return lines.filter(
    (line) =>
      LOG_LEVELS.indexOf(line.level) >= least &&
      (wanted === "" || textOf(line).toLowerCase().includes(wanted)),
  );
}

/** Message and fields, without colors. */
export function textOf(line: LogLine): string {
  const fields = fieldsText(line);
  const message = stripAnsi(line.message);
  return fields === "" ? message : `${message} ${fields}`;
}

/** key=value for each; empty when there are none. */
export function fieldsText({ fields }: LogLine): string {
  if (fields === null) return "";
  if (typeof fields !== "object" || Array.isArray(fields)) return JSON.stringify(fields);
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

/** A file of them: instant, attempt, level, text. */
export function logFile(lines: readonly LogLine[]): string {
  return lines
    .map((line) => `${line.at} #${line.attempt} ${line.level.toUpperCase()} ${textOf(line)}\n`)
    .join("");
}
