/** Completions in interactive shells: what a person's line is after Tab and Enter. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { until } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../absurd.ts", import.meta.url));
const PROMPT = "READY>";

/** Typed, and what the command is given. */
const LINES = [
  ["queues pa\t", ["queues", "pause"]],
  ["queues pause x --rea\t", ["queues", "pause", "x", "--reason"]],
  ["und\t", ["undo"]],
  ["tasks status:fa\t", ["tasks", "status:failed"]],
  ["tasks name:x worke\tw7", ["tasks", "name:x", "worker:w7"]],
  ["tasks -status:fa\t", ["tasks", "-status:failed"]],
  ["tasks starte\t2h", ["tasks", "started>2h"]],
  ["cancel --filter status:comp\t", ["cancel", "--filter", "status:completed"]],
  ["cancel --filter 'status:comp\t", ["cancel", "--filter", "status:completed"]],
  ["completion z\t", ["completion", "zsh"]],
] as const;

/** What each shell reads before the first line; the function says what it was given. */
const START = {
  bash: (script: string) => `bind 'set enable-bracketed-paste off'\nsource '${script}'\n`,
  zsh: (script: string) =>
    `autoload -U compinit && compinit -u -D\nunsetopt beep\nsource '${script}'\n`,
} as const;
const COMMANDS = { bash: "bash --norc --noprofile -i", zsh: "zsh -f -i" } as const;

type Shell = ChildProcessByStdio<Writable, Readable, null>;

function isThere(shell: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${shell} && command -v script`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each(["bash", "zsh"] as const)("absurd completion in %s", (name) => {
  const skip = !isThere(name);
  let folder: string;
  let shell: Shell;
  let output = "";

  beforeAll(async () => {
    if (skip) return;
    folder = await mkdtemp(join(tmpdir(), "absurd-completion-"));
    const script = join(folder, "completion");
    await writeFile(script, execFileSync(process.execPath, [PROGRAM, "completion", name]));
    const start = join(folder, "start");
    const says = `absurd() { printf '<%s>' "$@"; echo END; }\nPS1='${PROMPT}'\n`;
    await writeFile(start, START[name](script) + says);
    shell = spawn("script", ["-qec", COMMANDS[name], "/dev/null"], {
      env: { ...process.env, TERM: "dumb", HOME: folder, PS1: "$ " },
      stdio: ["pipe", "pipe", "inherit"],
    });
    shell.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    await until(() => output.length > 0, { what: "the shell is there" });
    shell.stdin.write(`source '${start}'\n`);
    await until(() => output.includes(PROMPT), { what: "the shell is ready" });
  });

  afterAll(async () => {
    if (skip) return;
    shell.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  test.skipIf(skip).each(LINES)("of %j", async (typed, words) => {
    output = "";
    shell.stdin.write(`absurd ${typed}\n`);
    await until(() => output.slice(output.indexOf("END")).includes(PROMPT), {
      what: "the line was run",
    });
    const said = /(?:<[^\n]*>)END/.exec(output)?.[0];
    assert.equal(said, `${words.map((word) => `<${word}>`).join("")}END`, output);
  });
});
