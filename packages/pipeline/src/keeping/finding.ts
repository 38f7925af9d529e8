/** What an audit may find, and what is done about each: one exhaustive table. */

export type FindingKind =
  | "missing-file"
  | "wrong-size"
  | "wrong-checksum"
  | "unfinished-publication"
  | "nested-path"
  | "left-over"
  | "stray-file"
  | "dead-stage-folder"
  | "unknown-stage-folder"
  | "temporary-name"
  | "incomplete-lineage"
  | "orphan-calibration"
  | "orphan-measurements"
  | "wrong-place";

/**
 * - reconcile: finish the move, or remove the dead attempt's folder;
 * - quarantine: move the file below `.quarantine/`, where it can be looked at;
 * - mark-missing: the product is no longer current; `contimg redo --missing` makes it again;
 * - link: give the lineage the product that had the path when it was used;
 * - retire: the calibration is not chosen any more;
 * - person: only a person can judge.
 */
export type Remedy = "reconcile" | "quarantine" | "mark-missing" | "link" | "retire" | "person";

export interface Finding {
  readonly kind: FindingKind;
  /** Relative to the data root; of an orphan without a file, what it names. */
  readonly path: string;
  readonly productId: string | null;
  /** A sentence with the values that differ. */
  readonly detail: string;
  readonly remedy: Remedy;
}

const REMEDY: Readonly<Record<FindingKind, Remedy>> = {
  "missing-file": "mark-missing",
  // The file goes to quarantine, too: it is not what was published.
  "wrong-size": "mark-missing",
  "wrong-checksum": "mark-missing",
  "unfinished-publication": "reconcile",
  "nested-path": "person",
  "left-over": "quarantine",
  "stray-file": "quarantine",
  "dead-stage-folder": "reconcile",
  "unknown-stage-folder": "quarantine",
  "temporary-name": "quarantine",
  "incomplete-lineage": "link",
  "orphan-calibration": "retire",
  "orphan-measurements": "person",
  // In a folder that is nobody's: perhaps somebody's.
  "wrong-place": "person",
};

export function finding(
  kind: FindingKind,
  path: string,
  detail: string,
  productId: string | null = null,
): Finding {
  return { kind, path, productId, detail, remedy: REMEDY[kind] };
}
