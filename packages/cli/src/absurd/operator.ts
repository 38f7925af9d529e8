/** What a person does from a terminal, noted as the same over HTTP: see the API's operator.ts. */
import { userInfo } from "node:os";

import type { AbsurdClient } from "@contimg/absurd";
import { type BulkOutcome, type Deed, Operator } from "@contimg/api";
import type { Command } from "commander";
import type pg from "pg";

import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";

export interface ReasonFlags extends AbsurdFlags {
  readonly reason?: string;
}

/** A command that changes something: who, what and why stand in the audit log. */
export function actCommand(name: string, description: string): Command {
  return withReason(absurdCommand(name, description));
}

export function withReason(command: Command): Command {
  return command.option("--reason <text>", "why; the audit log shows it");
}

/** Does it and notes it. */
export function act<Result>(
  flags: ReasonFlags,
  deed: Omit<Deed<Result>, "reason">,
  work: (client: AbsurdClient, pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  const { reason } = flags;
  const detail = { ...deed.detail, reason };
  return withOperator(flags, (operator, client, pool) =>
    operator.audited({ ...deed, reason, detail }, () => work(client, pool)),
  );
}

export function withOperator<Result>(
  flags: AbsurdFlags,
  work: (operator: Operator, client: AbsurdClient, pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  return withClient(flags, async (client, pool) =>
    work(await Operator.at(pool, client, osUser()), client, pool),
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
