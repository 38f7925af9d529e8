/**
 * The stage contract.
 *
 * A stage is three parts with a clear border between them:
 * - `resolve` (in the parent, may read the product registry) turns validated params into inputs:
 *   absolute paths and plain numbers, everything `run` needs;
 * - `run` (in a child process of its own) reads those inputs and writes files below `stageFolder`
 *   only; it knows no database, queue or environment;
 * - `register` (in the parent) inserts the stage's own rows in the transaction that also records
 *   the products and completes the task.
 *
 * So a stage runs with the same code from a queue, from the command line, or replaced by a site's
 * own executable behind the same JSON.
 */
import type { z } from "zod";

import type { Tile } from "./registry/choose.ts";
import type { CalibrationDecision } from "./registry/decision.ts";
import type { CalibrationPolicy } from "./registry/policy.ts";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface RunContext {
  /** Empty folder on the products' file system; the only place a run may write. */
  readonly stageFolder: string;
  /** Aborts when the task is cancelled, its lease is lost or the worker shuts down. */
  readonly signal: AbortSignal;
  readonly threadCount: number;
  /** 1 for the first; absent for a run by hand. */
  readonly attempt?: number | undefined;
  /** What the run reserved; absent when nothing was: a run by hand without a database. */
  readonly memoryBytes?: number | undefined;
  /** `fraction` in 0…1; `note` is a phrase such as "major iteration 3 of about 6". */
  progress(fraction: number, note: string): void;
}

export type ProductKind =
  | "measurement-set"
  | "calibration-table"
  | "delay-table"
  | "gain-table"
  | "calibrated-measurement-set"
  /** What self-calibration took off beside the calibration table, where a round was kept. */
  | "self-calibration-table"
  /** Restored, not corrected for the primary beam: noise is even. */
  | "image"
  /** The same over the primary beam: fluxes are true, noise grows outwards. */
  | "corrected-image"
  | "residual-image"
  | "primary-beam"
  | "psf"
  | "preview"
  /** Of a part of the band, restored, not corrected for the primary beam. */
  | "channel-image"
  /** Dirty, of one integration. */
  | "snapshot"
  | "snapshot-report"
  | "validation"
  | "photometry"
  /** What was flagged and why, as JSON, and the same as a drawing. */
  | "flag-statistics"
  | "flag-plot";

/** One file or folder that a run wrote. */
export interface Output {
  readonly kind: ProductKind;
  /** Relative to the stage folder. */
  readonly stagePath: string;
  /** Relative to the data root; made by `products/paths.ts` and by nothing else. */
  readonly finalPath: string;
  /** What the registry keeps: times, beam, noise, counts. Units in the names. */
  readonly metadata: Readonly<Record<string, Json>>;
}

export interface QualityVerdict {
  /** The stage's own word; it counts beside its gate's, "fail" as a hold. */
  readonly grade: "good" | "warn" | "fail";
  /** Sentences for a person, one a finding: quantity, value, limit. */
  readonly findings: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
}

export interface StageResult<Result extends Json = Json> {
  /** Of several outputs of one kind, the first is the one that `find` returns. */
  readonly outputs: readonly Output[];
  /** Further kinds of the stage's own earlier products that are the group's no more. */
  readonly replaces?: readonly ProductKind[] | undefined;
  readonly quality: QualityVerdict;
  /** Becomes the task's result. */
  readonly result: Result;
}

/** What `resolve` may ask. Implemented on PostgreSQL by the registry, on files by `contimg run`. */
export interface ProductLookup {
  readonly dataRoot: string;
  /** Absolute path of a published product. @throws {PipelineError} MissingProduct */
  find(kind: ProductKind, groupId: string): Promise<string>;
  /** Which calibration a tile gets; of kind `hold` when none may be used. */
  findCalibration(tile: Tile, policy: CalibrationPolicy): Promise<CalibrationDecision>;
}

/** The one method of `pg` that `register` needs. */
export interface Transaction {
  query(text: string, values: readonly unknown[]): Promise<unknown>;
}

/** A file that a site's executable is to write into the stage folder. */
export interface SiteFile {
  readonly name: string;
  /** What it must be, for a person. */
  readonly what: string;
  readonly isRequired: boolean;
}

/** What a site's executable said of its work, beside what it wrote. */
export interface SiteReport {
  readonly metrics: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
  readonly version?: string | undefined;
}

/** How a site's executable does a stage's work; see site/run-executable.ts. */
export interface SitePart<Inputs extends Json, Result extends Json> {
  files(inputs: Inputs): readonly SiteFile[];
  /** What the stage knows and an executable would have to find out, such as the sky's model. */
  brief?(inputs: Inputs): Json;
  /**
   * Opens and measures what was written, and makes the stage's result of it, with further products
   * where the stage makes them of the same files.
   */
  adopt(inputs: Inputs, report: SiteReport, context: RunContext): Promise<StageResult<Result>>;
}

export interface Stage<Params, Inputs extends Json, Result extends Json> {
  /** The task name. */
  readonly name: string;
  /** Debian packages whose programs or libraries the run needs. */
  readonly packages: readonly string[];
  readonly params: z.ZodType<Params>;
  resolve(params: Params, lookup: ProductLookup): Promise<Inputs>;
  /** Bytes the run will write below the stage folder, for the disk check before it starts. */
  outputBytes(inputs: Inputs): number;
  run(inputs: Inputs, context: RunContext): Promise<StageResult<Result>>;
  /** Absent: no executable can stand in for `run`. */
  readonly site?: SitePart<Inputs, Result>;
  register?(transaction: Transaction, params: Params, result: Result): Promise<void>;
}

/** A stage with its types forgotten, for tables of stages. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the schema guards the border
export type AnyStage = Stage<any, any, any>;
