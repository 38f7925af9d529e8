/** The log of a command that runs for long, on standard error. */
import type { Logger } from "@contimg/absurd";

/** One line an event: text for people, JSON for programs. */
export function lineLogger(json: boolean, verbose: boolean): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    const at = new Date().toISOString();
    const line = json
      ? JSON.stringify({ at, level, message, ...fields })
      : `${at} ${level} ${message} ${JSON.stringify(fields)}`;
    process.stderr.write(`${line}\n`);
  };
  return {
    debug: verbose ? write("debug") : () => undefined,
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}
