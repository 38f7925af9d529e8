/**
 * The ways in which WSClean fails that we know, and what to change before it is tried again.
 *
 * A closed table: a new kind does not compile until it has its line. What is not recognised fails
 * at once, with WSClean's own words.
 */
import { PipelineError, type PipelineErrorTag } from "../errors.ts";
import type { ProgramEnd } from "./run-program.ts";
import type { WscleanLimits, WscleanSettings } from "./wsclean.ts";

export type WscleanFailure =
  "diverged" | "out-of-memory" | "no-temporary-space" | "no-visibilities";

export interface WscleanTrouble {
  /** Absent when it is none that we know. */
  readonly kind: WscleanFailure | undefined;
  /** WSClean's words, or the log's. */
  readonly reason: string;
  readonly outputTail: readonly string[];
  readonly exitCode?: number | null;
  readonly killedBy?: NodeJS.Signals | null;
}

/** What a run of WSClean is given. */
export interface WscleanAttempt {
  readonly settings: WscleanSettings;
  readonly limits: WscleanLimits;
}

interface Change extends WscleanAttempt {
  /** What is different now, for the verdict. */
  readonly change: string;
}

interface Known {
  /** In the program's output or its reason. */
  readonly words: RegExp;
  /** Who else kills a program with SIGKILL: the kernel, when memory is short. */
  readonly killedBy?: NodeJS.Signals;
  readonly meaning: string;
  /** When no try is left, or there is none. */
  readonly tag: PipelineErrorTag;
  /** @returns undefined when nothing is left to change */
  remedy(attempt: WscleanAttempt): Change | undefined;
}

const MAJOR_GAIN_MIN = 0.6;
const MEMORY_GIB_MIN = 0.5;

export const WSCLEAN_FAILURES: Readonly<Record<WscleanFailure, Known>> = {
  diverged: {
    words: /diverg|\bnan [KmµnJ]?Jy/i,
    meaning: "CLEAN diverged",
    tag: "ToolFailed",
    remedy: gentler,
  },
  "out-of-memory": {
    words: /bad_alloc|cannot allocate memory|out of memory|not enough memory|bad_array_new_length/i,
    killedBy: "SIGKILL",
    meaning: "memory ran out",
    tag: "ToolFailed",
    remedy: smaller,
  },
  "no-temporary-space": {
    words: /no space left on device|disk quota|error writing to temporary|temporary \w+ file/i,
    meaning: "there was no room for temporary files",
    tag: "DiskFull",
    remedy: unsorted,
  },
  "no-visibilities": {
    words: /no (?:unflagged|visibilities)|(?:data|visibilities).*flagged|set (?:is|was) empty/i,
    meaning: "there was nothing to image",
    tag: "TooFewVisibilities",
    remedy: () => undefined,
  },
};

/** Peaks are followed less far between looks at the data, and fewer in all. */
function gentler({ settings, limits }: WscleanAttempt): Change | undefined {
  if (settings.majorGain <= MAJOR_GAIN_MIN) return undefined;
  const majorGain = Math.max(MAJOR_GAIN_MIN, Number((settings.majorGain - 0.15).toFixed(3)));
  const iterationsMax = Math.ceil(settings.iterationsMax / 3);
  return {
    settings: { ...settings, majorGain, iterationsMax },
    limits,
    change: `mgain ${majorGain} and at most ${iterationsMax} iterations`,
  };
}

/** One thread holds one set of buffers; a quarter of the memory reads visibilities in parts. */
function smaller({ settings, limits }: WscleanAttempt): Change | undefined {
  if (limits.memoryGib <= MEMORY_GIB_MIN && limits.threadCount === 1) return undefined;
  const memoryGib = Math.max(MEMORY_GIB_MIN, limits.memoryGib / 4);
  return {
    settings,
    limits: { ...limits, memoryGib, threadCount: 1 },
    change: `${memoryGib} GiB and one thread`,
  };
}

/** Parts of the band are always sorted first. */
function unsorted({ settings, limits }: WscleanAttempt): Change | undefined {
  if (!limits.reorder || settings.channelsOut > 1) return undefined;
  return { settings, limits: { ...limits, reorder: false }, change: "no temporary files" };
}

/** @param failure the text of the exception that ended it, where the log has one */
export function describeTrouble(end: ProgramEnd, failure: string | undefined): WscleanTrouble {
  const reason = failure ?? end.errorTail.at(-1) ?? end.outputTail.at(-1) ?? "no word of why";
  const { exitCode, killedBy, outputTail } = end;
  const said = [reason, ...end.errorTail, ...outputTail.slice(-5)].join("\n");
  const names = Object.keys(WSCLEAN_FAILURES) as WscleanFailure[];
  const kind = names.find((name) => {
    const known = WSCLEAN_FAILURES[name];
    return known.words.test(said) || (killedBy !== null && known.killedBy === killedBy);
  });
  return { kind, reason, outputTail, exitCode, killedBy };
}

export function troubleError(trouble: WscleanTrouble, triedText = ""): PipelineError {
  const { kind, reason, exitCode = null, killedBy = null, outputTail } = trouble;
  const known = kind === undefined ? undefined : WSCLEAN_FAILURES[kind];
  const how =
    kind === "diverged" && exitCode === null
      ? "was stopped"
      : `ended with ${killedBy ?? `exit code ${String(exitCode)}`}`;
  const meaning = known === undefined ? "" : ` (${known.meaning})`;
  return new PipelineError(
    known?.tag ?? "ToolFailed",
    `wsclean ${how}${meaning}: ${reason}${triedText}`,
    {
      program: "wsclean",
      failure: kind ?? null,
      exitCode,
      killedBy,
      outputTail,
    },
  );
}
