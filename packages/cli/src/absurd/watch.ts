/** `--watch`: the same answer again and again, in place on a terminal and as plain text elsewhere. */
import { Option } from "commander";

import { numberIn } from "../number-argument.ts";
import { interruptible, Patience } from "./interrupt.ts";

const CLEAR = "\u001b[H\u001b[J";
const SECONDS_DEFAULT = 2;

export interface WatchFlags {
  /** True: given without a number. */
  readonly watch?: number | true;
}

export function watchOption(): Option {
  return new Option("--watch [seconds]", "again every so many seconds; default 2").argParser(
    numberIn(0.1, 86_400),
  );
}

/** Prints the text once, or until Ctrl-C. Where nobody sees a screen, only what has changed. */
export async function printAgain(
  flags: WatchFlags,
  text: (signal: AbortSignal) => Promise<string>,
): Promise<void> {
  if (flags.watch === undefined) {
    process.stdout.write(`${await text(new AbortController().signal)}\n`);
    return;
  }
  const seconds = flags.watch === true ? SECONDS_DEFAULT : flags.watch;
  await interruptible(async (signal, pause) => {
    const patience = new Patience();
    let shown: string | undefined;
    while (!signal.aborted) {
      await patience.look(async () => {
        const now = await text(signal);
        if (process.stdout.isTTY) process.stdout.write(`${CLEAR}${cutToScreen(now)}\n`);
        else if (now !== shown) process.stdout.write(`${now}\n`);
        shown = now;
      });
      await pause(seconds * 1000);
    }
  });
}

/** What does not fit would scroll the screen. */
function cutToScreen(text: string): string {
  const rows = (process.stdout.rows || 24) - 2;
  const lines = text.split("\n");
  if (lines.length <= rows) return text;
  return [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`].join("\n");
}
