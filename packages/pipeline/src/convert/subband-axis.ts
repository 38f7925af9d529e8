/**
 * One frequency axis from the subband files of a group.
 *
 * The telescope numbers subbands from the top of the band and writes channels descending inside
 * each file; a Measurement Set ascends. Files are therefore placed by the frequencies they carry,
 * never by their number.
 */
import type { Uvh5Header } from "@contimg/formats";

import { PipelineError } from "../errors.ts";

/** Neighboring files may differ from even spacing by this part of a channel. */
export const SPACING_TOLERANCE = 0.1;

/** A file of the group with its header. */
export interface SubbandHeader {
  readonly path: string;
  readonly header: Uvh5Header;
}

/** Where a file's channels go on the common axis. */
export interface SubbandPlace {
  readonly path: string;
  /** Position of the file in the list that was given. */
  readonly fileIndex: number;
  readonly firstChannel: number;
  readonly channelCount: number;
  readonly isDescending: boolean;
}

export interface SubbandAxis {
  /** Channel centers, ascending. */
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /** By ascending frequency. */
  readonly places: readonly SubbandPlace[];
  /** Subbands that have channels and no file. */
  readonly missing: readonly number[];
}

/** @throws {PipelineError} MalformedFile when widths differ, or bands overlap or leave a gap */
export function mergeSubbands(subbands: readonly SubbandHeader[]): SubbandAxis {
  const bands = subbands
    .map(({ path, header }, fileIndex) => toBand(path, header, fileIndex))
    .toSorted((a, b) => a.ascendingHz[0]! - b.ascendingHz[0]!);
  const first = bands[0];
  if (first === undefined) throw new RangeError("a group without files has no frequency axis");
  const places: SubbandPlace[] = [];
  let firstChannel = 0;
  for (const [index, band] of bands.entries()) {
    checkWidth(band, first);
    if (index > 0) checkNeighbor(bands[index - 1]!, band);
    const { path, fileIndex, isDescending } = band;
    const channelCount = band.ascendingHz.length;
    places.push({ path, fileIndex, firstChannel, channelCount, isDescending });
    firstChannel += channelCount;
  }
  const frequencyHz = new Float64Array(firstChannel);
  for (const [index, place] of places.entries()) {
    frequencyHz.set(bands[index]!.ascendingHz, place.firstChannel);
  }
  return { frequencyHz, channelWidthHz: first.widthHz, places, missing: [] };
}

export interface Band {
  readonly path: string;
  readonly fileIndex: number;
  readonly ascendingHz: Float64Array;
  readonly widthHz: number;
  readonly isDescending: boolean;
}

export function toBand(path: string, header: Uvh5Header, fileIndex: number): Band {
  const isDescending =
    header.frequencyHz.length > 1 && header.frequencyHz[0]! > header.frequencyHz[1]!;
  const ascendingHz = isDescending ? header.frequencyHz.toReversed() : header.frequencyHz;
  for (let channel = 1; channel < ascendingHz.length; channel += 1) {
    if (ascendingHz[channel]! > ascendingHz[channel - 1]!) continue;
    throw malformed(path, `is not monotonic at ${ascendingHz[channel]} Hz`);
  }
  return { path, fileIndex, ascendingHz, widthHz: header.channelWidthHz[0]!, isDescending };
}

export function checkWidth(band: Band, first: Band): void {
  if (Math.abs(band.widthHz / first.widthHz - 1) < 1e-6) return;
  throw new PipelineError(
    "MalformedFile",
    `${band.path}: channel_width is ${band.widthHz} Hz, expected ${first.widthHz} Hz as in ` +
      first.path,
    { path: band.path, field: "channel_width", value: band.widthHz, expected: first.widthHz },
  );
}

function checkNeighbor(below: Band, band: Band): void {
  // A single file may have any spacing of its own (a thinned-out copy has); its neighbors keep it.
  const spacingHz = spacingOf(below) ?? spacingOf(band) ?? band.widthHz;
  const expectedHz = below.ascendingHz.at(-1)! + spacingHz;
  const offHz = band.ascendingHz[0]! - expectedHz;
  if (Math.abs(offHz) <= SPACING_TOLERANCE * spacingHz) return;
  const problem = offHz < 0 ? "overlaps" : "leaves a gap above";
  throw malformed(
    band.path,
    `starts at ${band.ascendingHz[0]} Hz and ${problem} ${below.path}, expected ${expectedHz} Hz`,
  );
}

export function spacingOf({ ascendingHz }: Band): number | undefined {
  return ascendingHz.length > 1 ? ascendingHz[1]! - ascendingHz[0]! : undefined;
}

export function malformed(path: string, problem: string): PipelineError {
  return new PipelineError("MalformedFile", `${path}: freq_array ${problem}`, {
    path,
    field: "freq_array",
  });
}
