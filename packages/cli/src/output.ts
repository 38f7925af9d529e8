/** Standard output of a command: one JSON object for programs, text for people. */

/** @param text made only when it is wanted */
export function print(json: boolean, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text()}\n`);
}
