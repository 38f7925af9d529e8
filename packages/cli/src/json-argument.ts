/** JSON on the command line: as it is, from a file (@path), or from standard input (-). */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

import { UsageError } from "./failure.ts";

/** @throws {UsageError} naming where the JSON came from and what is wrong with it */
export async function readJsonArgument(argument: string): Promise<unknown> {
  const source = argument === "-" ? "standard input" : argument;
  const json = await readSource(argument);
  try {
    return JSON.parse(json);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${source} is no JSON: ${what}`, { cause: error });
  }
}

async function readSource(argument: string): Promise<string> {
  if (argument === "-") return text(process.stdin);
  if (!argument.startsWith("@")) return argument;
  try {
    return await readFile(argument.slice(1), "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${argument.slice(1)}`, { cause: error });
  }
}
