/**
 * What is written down while a history runs, by each process to its own file, line by line, and
 * what is read from the database when it is over.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** `token` names one wish for a task for good; it is in the task's params. */
export type HistoryEvent =
  | { readonly kind: "asked"; readonly token: string; readonly key?: string }
  | {
      readonly kind: "acknowledged";
      readonly token: string;
      readonly taskId: string;
      readonly created: boolean;
      readonly key?: string;
    }
  /** The transaction of the spawn was rolled back by the caller, or its fence was refused. */
  | { readonly kind: "withdrawn"; readonly token: string }
  | { readonly kind: "cancel asked"; readonly taskId: string }
  | { readonly kind: "retry asked"; readonly taskId: string }
  | { readonly kind: "started"; readonly taskId: string; readonly claim: number }
  /** The commit of an effect was acknowledged. */
  | { readonly kind: "effect"; readonly nonce: string }
  /** The fence of an effect was refused. */
  | {
      readonly kind: "refused";
      readonly nonce: string;
      readonly taskId: string;
      readonly claim: number;
    }
  | { readonly kind: "fault"; readonly name: string };

/** A row written under a fence; seq was drawn while the lease was locked. */
export interface Effect {
  readonly seq: number;
  readonly taskId: string;
  readonly claim: number;
  readonly what: "begin" | "done";
  readonly nonce: string;
}

export interface FinalTask {
  readonly taskId: string;
  /** Of a task of a schedule: with its instant. */
  readonly token: string;
  readonly isScheduled: boolean;
  readonly key: string | null;
  /** Its effect and its end are one transaction. */
  readonly isAtomic: boolean;
  readonly attemptsMax: number;
  readonly credits: number;
  /** Ends in the outcome, per kind: c, d, x. More than one would be two ends. */
  readonly outcomes: readonly {
    readonly kind: string;
    readonly claim: number;
    readonly tag: string | null;
    readonly lastClass: string | null;
  }[];
  /** ready, lease, deferred, waiting: where it still is, once for each row. */
  readonly places: readonly string[];
  readonly parents: readonly string[];
}

export interface FinalState {
  readonly tasks: readonly FinalTask[];
  readonly effects: readonly Effect[];
  /** Instants of schedules that were fired, with how many tasks have them in their params. */
  readonly fires: readonly { readonly fireAt: string; readonly taskCount: number }[];
  /** Signals, late edges: what must be cleared up when nothing runs. */
  readonly remains: Readonly<Record<string, number>>;
  /** Counted by the engine's statistics, and from the tables. */
  readonly counted: Readonly<Record<string, number>>;
  readonly stated: Readonly<Record<string, number>>;
}

export interface Scribe {
  write(event: HistoryEvent): void;
}

export class Recorder implements Scribe {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Is in the file when this returns: a kill of the process does not take it back. */
  write(event: HistoryEvent): void {
    appendFileSync(this.#path, `${JSON.stringify(event)}\n`);
  }
}

/** A line that a kill cut short is left out. */
export function readEvents(path: string): HistoryEvent[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as HistoryEvent);
}
