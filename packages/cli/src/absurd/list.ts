/** The one shape of commands that list something. */
import type { AbsurdClient } from "@contimg/absurd";

import { print } from "../output.ts";
import { type AbsurdFlags, withClient } from "./settings.ts";

/** Asks for rows and prints them: for people as `text` has it, with --json as `{ [name]: rows }`. */
export async function printList<Row>(
  flags: AbsurdFlags,
  name: string,
  ask: (client: AbsurdClient) => Promise<readonly Row[]>,
  text: (rows: readonly Row[]) => string,
): Promise<void> {
  const rows = await withClient(flags, ask);
  print(flags.json ?? false, { [name]: rows }, () => text(rows));
}
