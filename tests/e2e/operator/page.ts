/** The how-to of everyday jobs as data: its jobs, their commands, what each command must print. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const PAGE = readFileSync(
  new URL("../../../docs/operations/everyday-jobs.md", import.meta.url),
  "utf8",
);

export const WAYS = ["Command line", "HTTP"] as const;
export type Way = (typeof WAYS)[number];

export interface Command {
  readonly text: string;
  /** A part of what it prints. */
  readonly claim: string;
}

export interface Job {
  readonly title: string;
  /** What to do in the dashboard; what is pressed, filled or read is bold. */
  readonly dashboard: string;
  /** Blocks in their order: between two the page says what happens. */
  readonly commands: Readonly<Record<Way, readonly (readonly Command[])[]>>;
}

/** @throws {AssertionError} when a job lacks a way, or a command a claim */
export function readJobs(): readonly Job[] {
  const sections = PAGE.split(/^## /m).slice(1);
  return sections.map((section) => {
    const title = section.split("\n", 1)[0]!;
    return {
      title,
      dashboard: partOf(section, "Dashboard"),
      commands: {
        "Command line": blocksOf(partOf(section, "Command line"), title),
        HTTP: blocksOf(partOf(section, "HTTP"), title),
      },
    };
  });
}

/** From its bold name to the next way, or to what follows the ways. */
function partOf(section: string, name: string): string {
  const part = new RegExp(
    `^\\*\\*${name}\\.\\*\\*(.*?)^(?:\\*\\*(?:Command line|HTTP)\\.|\\*\\*It worked|\\| what)`,
    "ms",
  ).exec(section)?.[1];
  assert.ok(part, `${section.split("\n", 1)[0]!} has no part ${name}`);
  return part;
}

function blocksOf(part: string, title: string): Command[][] {
  const blocks = [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) =>
    match[1]!.trim().split("\n"),
  );
  assert.ok(blocks.length > 0, `${title} has no commands`);
  return blocks.map((lines) =>
    lines.map((line) => {
      const [, text, claim] = /^(.*?\S) {2,}# (.+)$/.exec(line) ?? [];
      assert.ok(text !== undefined && claim !== undefined, `no claim behind: ${line}`);
      return { text, claim };
    }),
  );
}
