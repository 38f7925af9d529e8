/**
 * Which subband files belong to one observation.
 *
 * The sixteen hosts stamp the same 309 s with different seconds: mostly 1 s apart, at times 13 to
 * 19, rarely 60. A file belongs to the group whose first file is nearest in time, if that is
 * within the tolerance. The anchor is the group's earliest file, so a group cannot creep along a
 * row of files, and its timestamp is the group id.
 */
import { subbandCode } from "./subband-file.ts";
import type { SubbandFile } from "./subband-file.ts";

/** At 60 s nearly every real group is whole; observations start 309 s apart. */
export const GROUP_TOLERANCE_SECONDS = 60;
export const SUBBAND_COUNT = 16;

export interface SubbandGroup {
  /** The timestamp of the earliest member. */
  readonly groupId: string;
  readonly anchorUnixMs: number;
  /** One file a subband, by ascending subband index. */
  readonly members: readonly SubbandFile[];
  /** Further files of a subband that has one nearer to the anchor. */
  readonly duplicates: readonly SubbandFile[];
}

export interface GroupingOptions {
  readonly toleranceSeconds?: number;
}

/** Groups files given in any order; groups come in order of time. Pure. */
export function groupSubbands(
  files: readonly SubbandFile[],
  options: GroupingOptions = {},
): SubbandGroup[] {
  const toleranceMs = (options.toleranceSeconds ?? GROUP_TOLERANCE_SECONDS) * 1000;
  const sorted = files.toSorted((a, b) => a.unixMs - b.unixMs || a.subbandIndex - b.subbandIndex);
  const clusters: [SubbandFile, ...SubbandFile[]][] = [];
  for (const file of sorted) {
    // In time order the latest anchor is the nearest one before this file.
    const latest = clusters.at(-1);
    if (latest !== undefined && file.unixMs - latest[0].unixMs <= toleranceMs) latest.push(file);
    else clusters.push([file]);
  }
  return clusters.map(toGroup);
}

/** Codes of the subbands, of `expectedCount`, that the group lacks. */
export function missingSubbands(group: SubbandGroup, expectedCount = SUBBAND_COUNT): string[] {
  const present = new Set(group.members.map((member) => member.subbandIndex));
  const missing: string[] = [];
  for (let subband = 0; subband < expectedCount; subband += 1) {
    if (!present.has(subband)) missing.push(subbandCode(subband));
  }
  return missing;
}

/** The group whose id is nearest to a timestamp, within the tolerance. */
export function findGroup(
  groups: readonly SubbandGroup[],
  groupId: string,
  options: GroupingOptions = {},
): SubbandGroup | undefined {
  const wantedUnixMs = Date.parse(`${groupId}Z`);
  const toleranceMs = (options.toleranceSeconds ?? GROUP_TOLERANCE_SECONDS) * 1000;
  const distanceMs = (group: SubbandGroup): number => Math.abs(group.anchorUnixMs - wantedUnixMs);
  const nearest = groups.toSorted((a, b) => distanceMs(a) - distanceMs(b))[0];
  if (nearest === undefined || !(distanceMs(nearest) <= toleranceMs)) return undefined;
  return nearest;
}

function toGroup(files: readonly [SubbandFile, ...SubbandFile[]]): SubbandGroup {
  const members = new Map<number, SubbandFile>();
  const duplicates: SubbandFile[] = [];
  for (const file of files) {
    if (members.has(file.subbandIndex)) duplicates.push(file);
    else members.set(file.subbandIndex, file);
  }
  return {
    groupId: files[0].timestamp,
    anchorUnixMs: files[0].unixMs,
    members: [...members.values()].toSorted((a, b) => a.subbandIndex - b.subbandIndex),
    duplicates,
  };
}
