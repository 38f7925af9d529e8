/**
 * Times the claims of our worker as it sees them: from the statement's sending to its parsed rows.
 * It watches the driver, so that what is measured is the worker as it ships, hints and all.
 */
import pg from "pg";

import type { ClaimTime } from "./child-api.ts";
import { monotonicMs } from "./engine.ts";

const CLAIM = /\babsurd\.(cycle|claim)\w*\s*\(/;

type Query = (...args: unknown[]) => unknown;

/** From now on, each claim of this process that found tasks is appended to the result. */
export function recordClaimTimes(): ClaimTime[] {
  const times: ClaimTime[] = [];
  // pg's overloads do not describe a wrapper; the arguments and the result pass through untouched.
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  prototype.query = function (this: unknown, ...args: unknown[]): unknown {
    const startMs = monotonicMs();
    const answer = query.apply(this, args);
    if (answer instanceof Promise && CLAIM.test(textOf(args[0]))) {
      void answer.then(
        (result: { rows: unknown[] }) => {
          const atMs = monotonicMs();
          if (result.rows.length > 0) times.push({ atMs, tookMs: atMs - startMs });
        },
        () => undefined,
      );
    }
    return answer;
  };
  return times;
}

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  const { text } = query as { text?: unknown };
  return typeof text === "string" ? text : "";
}
