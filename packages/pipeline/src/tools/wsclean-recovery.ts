/** WSClean again with other settings, as long as its failure is one that has a remedy. */
import type { WscleanSummary } from "./wsclean-log.ts";
import {
  troubleError,
  WSCLEAN_FAILURES,
  type WscleanAttempt,
  type WscleanFailure,
} from "./wsclean-failures.ts";
import { tryWsclean, type WscleanEnd, type WscleanFiles, type WscleanRun } from "./wsclean.ts";

/** The first one included. */
export const TRIES_MAX = 3;

/** One failure that was got over. */
export interface Recovery {
  readonly failure: WscleanFailure;
  /** What WSClean said. */
  readonly reason: string;
  /** What the next try had instead. */
  readonly change: string;
}

export interface Recovered {
  readonly summary: WscleanSummary;
  /** What the try that succeeded was given. */
  readonly attempt: WscleanAttempt;
  readonly recoveries: readonly Recovery[];
  /** That it took. */
  readonly seconds: number;
}

export interface RecoverableRun extends Omit<WscleanRun, "limits"> {
  /** Looks at what a run that ended well has made. @returns what shows that it diverged */
  readonly inspect?: (summary: WscleanSummary) => Promise<string | undefined>;
}

/**
 * @throws {PipelineError} of the last failure, naming what was tried, when a failure is not
 *   recognised, has no remedy left, or came in the last of TRIES_MAX tries
 */
export async function runWscleanWithRecovery(
  first: WscleanAttempt,
  files: WscleanFiles,
  run: RecoverableRun,
): Promise<Recovered> {
  const recoveries: Recovery[] = [];
  let attempt = first;
  for (let tryNumber = 1; ; tryNumber++) {
    const { summary, failure, seconds } = await runOnce(attempt, files, run);
    if (failure === undefined) return { summary, attempt, recoveries, seconds };
    const { kind, reason } = failure;
    const next = kind === undefined ? undefined : WSCLEAN_FAILURES[kind].remedy(attempt);
    if (kind === undefined || next === undefined || tryNumber === TRIES_MAX) {
      throw troubleError(failure, triedText(recoveries));
    }
    recoveries.push({ failure: kind, reason, change: next.change });
    attempt = { settings: next.settings, limits: next.limits };
  }
}

async function runOnce(
  { settings, limits }: WscleanAttempt,
  files: WscleanFiles,
  { inspect, ...run }: RecoverableRun,
): Promise<WscleanEnd> {
  const end = await tryWsclean(settings, files, { ...run, limits });
  if (end.failure !== undefined || inspect === undefined) return end;
  const reason = await inspect(end.summary);
  if (reason === undefined) return end;
  return { ...end, failure: { kind: "diverged", reason, outputTail: [] } };
}

function triedText(recoveries: readonly Recovery[]): string {
  const changes = recoveries.map(({ change }) => change);
  return changes.length === 0 ? "" : `; tried again with ${changes.join(", then with ")}`;
}
