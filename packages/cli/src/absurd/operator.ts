/** What a person does from a terminal, noted as the same over HTTP: see the API's operator.ts. */
import { userInfo } from "node:os";

import type { AbsurdClient } from "@contimg/absurd";
import { type BulkOutcome, Operator } from "@contimg/api";

import { type AbsurdFlags, withClient } from "./settings.ts";

export function withOperator<Result>(
  flags: AbsurdFlags,
  work: (operator: Operator, client: AbsurdClient) => Promise<Result>,
): Promise<Result> {
  return withClient(flags, async (client, pool) =>
    work(await Operator.at(pool, client, osUser()), client),
  );
}

/** Who the audit log says it was. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    // Of a container whose user has no entry in passwd.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** The last line of an action on many tasks, which says how to take it back. */
export function undoHint({ bulk }: BulkOutcome): string {
  return bulk.done > 0 ? `take it back: absurd undo ${bulk.bulk_id}` : "nothing was changed";
}
