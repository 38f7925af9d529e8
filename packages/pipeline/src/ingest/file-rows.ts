/** Rows of contimg.subband_files as ingest works with them. */
import type { StampedFile } from "../groups/group-subbands.ts";

export type FileState = "arriving" | "whole" | "duplicate" | "quarantined" | "gone";

export interface FileRow {
  /** A bigint. */
  readonly file_id: string;
  readonly path: string;
  readonly stamp: string;
  readonly subband: number;
  readonly size_bytes: string;
  readonly mtime_unix_ms: string;
  readonly group_id: string | null;
  readonly state: FileState;
  readonly reason: string | null;
  readonly is_pending: boolean;
  readonly content_digest: string | null;
  readonly start_mjd: number | null;
  readonly end_mjd: number | null;
  readonly declination_rad: number | null;
  readonly seen_at: Date;
  readonly changed_at: Date;
}

export interface RecordedFile extends StampedFile {
  readonly row: FileRow;
}

export function recordedFile(row: FileRow): RecordedFile {
  return {
    path: row.path,
    timestamp: row.stamp,
    unixMs: Date.parse(`${row.stamp}Z`),
    subbandIndex: row.subband,
    row,
  };
}
