/**
 * What is written down while a history runs, by each process to its own file, line by line, and
 * what is read from the database when it is over.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

import type { SpawnRequest } from "@contimg/absurd";

type Demand = Pick<SpawnRequest, "concurrency" | "locks" | "rate" | "resources">;

/** One parent of a task, by its token, as the task's wish says it. */
export interface WishedEdge {
  readonly on: string;
  readonly when: "success" | "failure" | "always" | { readonly fluxAbove: number };
}

/** Met when one of its edges is. */
export interface Requirement {
  readonly anyOf: readonly WishedEdge[];
  readonly otherwise: "cancel" | "skip" | "continue";
}

/** What a task is to be, beyond its token: what the checker holds the engine to. */
export interface Wish {
  readonly demand?: Demand;
  readonly requirements?: readonly Requirement[];
  /** What it measures if it completes. */
  readonly flux?: number;
}

/** `token` names one wish for a task for good; it is in the task's params. Times: Date.now(). */
export type HistoryEvent =
  | { readonly kind: "asked"; readonly token: string; readonly key?: string; readonly wish?: Wish }
  | {
      readonly kind: "acknowledged";
      readonly token: string;
      readonly taskId: string;
      readonly created: boolean;
      readonly key?: string;
    }
  /** The database was away; the wish is on disk and will be a task. */
  | { readonly kind: "spooled"; readonly token: string }
  /** The transaction of the spawn was rolled back by the caller, or its fence was refused. */
  | { readonly kind: "withdrawn"; readonly token: string }
  | { readonly kind: "cancel asked"; readonly taskId: string }
  /** The answer: it is cancelled, or will be when its attempt is over and did not complete. */
  | { readonly kind: "cancel told"; readonly taskId: string; readonly at: number }
  | { readonly kind: "retry asked"; readonly taskId: string }
  | {
      readonly kind: "started";
      readonly taskId: string;
      readonly claim: number;
      readonly worker: string;
      readonly at: number;
    }
  /** The handler is over, or about to complete its task itself. */
  | { readonly kind: "ended"; readonly taskId: string; readonly claim: number; readonly at: number }
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
  /** Those that must complete, or it is cancelled. */
  readonly parents: readonly string[];
}

/** A lease as the database saw it come and go, on the clock of the machine; milliseconds. */
export interface LeaseSpan {
  readonly taskId: string;
  readonly claim: number;
  readonly claimedAt: number;
  readonly endedAt: number;
}

/** What became of an instant of a schedule. */
export interface Fire {
  readonly schedule: string;
  readonly everySeconds: number;
  /** One task after the other. */
  readonly isSerial: boolean;
  readonly fireAt: string;
  /** "none": there is a task for it and it was never decided. */
  readonly state: string;
  readonly taskCount: number;
}

export interface FinalState {
  readonly tasks: readonly FinalTask[];
  readonly effects: readonly Effect[];
  readonly leases: readonly LeaseSpan[];
  /** Instants of schedules, in their order, with how many tasks have them in their params. */
  readonly fires: readonly Fire[];
  /** How often the lead of maintenance passed on. */
  readonly terms: number;
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

export function of<Kind extends HistoryEvent["kind"]>(
  events: readonly HistoryEvent[],
  kind: Kind,
): Extract<HistoryEvent, { kind: Kind }>[] {
  return events.filter(
    (event): event is Extract<HistoryEvent, { kind: Kind }> => event.kind === kind,
  );
}
