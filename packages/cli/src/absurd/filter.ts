/** The filter grammar on the command line: the same as in the dashboard, the API and its URLs. */
import type { AbsurdClient, TaskCondition, TaskSummary } from "@contimg/absurd";
import { formatTaskFilter, parseTaskFilter, taskFilterHelp } from "@contimg/contract";

import { UsageError } from "../failure.ts";

/** @param words as the shell gave them. @throws {UsageError} that points at each fault */
export function readFilter(words: readonly string[], now: Date = new Date()): TaskCondition[] {
  // Commands with a filter take -tag:test, and so take whatever begins with a minus.
  const strange = words.find((word) => word.startsWith("--"));
  if (strange !== undefined) throw new UsageError(`unknown option '${strange}'`);
  const text = words.join(" ");
  const { conditions, faults } = parseTaskFilter(text, now);
  if (conditions) return [...conditions];
  // A line break would part the text from its marks.
  const line = text.replaceAll(/\s/g, " ");
  const marks = faults.flatMap(({ start, end, message }) => [
    `  ${line}`,
    `  ${" ".repeat(start)}${"^".repeat(Math.max(1, end - start))} ${message}`,
  ]);
  throw new UsageError(`the filter cannot be read:\n${marks.join("\n")}`);
}

/** Conditions as text again, with instants as they were meant. */
export function filterText(conditions: readonly TaskCondition[]): string {
  return conditions.length === 0 ? "all tasks" : formatTaskFilter(conditions.map(withPath));
}

function withPath({ path, ...rest }: TaskCondition) {
  return path === undefined ? rest : { ...rest, path };
}

export function filterHelp(): string {
  const rows = taskFilterHelp();
  const width = Math.min(32, Math.max(...rows.map((row) => row.example.length)));
  return [
    "",
    "Filter: the terms that must hold. Quote it for the shell.",
    ...rows.map(({ example, meaning }) => `  ${example.padEnd(width)}  ${meaning}`),
  ].join("\n");
}

/** Every task that fits, newest first, up to a limit; one search ends after a budget of its own. */
export async function findTasks(
  client: AbsurdClient,
  conditions: readonly TaskCondition[],
  limit: number,
): Promise<readonly TaskSummary[]> {
  const found: TaskSummary[] = [];
  let cursor: string | undefined;
  do {
    const wanted = Math.min(limit - found.length, 1_000);
    const page = await client.list({ conditions }, { cursor, limit: wanted });
    found.push(...page.tasks);
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < limit);
  return found;
}
