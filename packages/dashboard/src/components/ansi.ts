/** Text with ANSI colors (ECMA-48 SGR) as spans; other escape sequences are left out. */

export interface AnsiSpan {
  readonly text: string;
  /** Classes of LogView.css: "ansi-red ansi-bold". */
  readonly classes: string;
}

const COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

// CSI sequences with their parameters and final byte; OSC ones up to their end.
const ESCAPES = /\u001b\[([0-9;?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;

export function parseAnsi(text: string): readonly AnsiSpan[] {
  const spans: AnsiSpan[] = [];
  let color = "";
  let isBold = false;
  let at = 0;
  const push = (end: number) => {
    if (end <= at) return;
    const classes = [color, isBold ? "ansi-bold" : ""].filter(Boolean).join(" ");
    spans.push({ text: text.slice(at, end), classes });
  };
  for (const match of text.matchAll(ESCAPES)) {
    push(match.index);
    at = match.index + match[0].length;
    if (match[2] !== "m") continue;
    for (const code of codesOf(match[1] ?? "")) {
      if (code === 0) [color, isBold] = ["", false];
      else if (code === 1) isBold = true;
      else if (code === 22) isBold = false;
      else if (code === 39) color = "";
      else if (code >= 30 && code <= 37) color = `ansi-${COLORS[code - 30]!}`;
      else if (code >= 90 && code <= 97) color = `ansi-${COLORS[code - 90]!}`;
    }
  }
  push(text.length);
  return spans;
}

/** Without the arguments of 38 and 48, which would read as codes of their own. */
function codesOf(parameters: string): readonly number[] {
  const codes = parameters.split(";").map(Number);
  const kept: number[] = [];
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index]!;
    if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4;
    else kept.push(code);
  }
  return kept;
}

export function stripAnsi(text: string): string {
  return text.replace(ESCAPES, "");
}
