/**
 * Which subband files belong to one observation.
 *
 * The sixteen hosts stamp the same 309 s with different seconds: mostly 1 s apart, at times 13 to
 * 19, rarely 60. Groups have anchors: those that are fixed, and the earliest file that is near no
 * earlier anchor, so a group cannot creep along a row of files. Each file belongs to the nearest
 * anchor within the tolerance. The anchor's timestamp is the group id. All of this depends on the
 * set of files, never on their order.
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
  /** Ids of groups that stay where they are, whatever files there are. */
  readonly fixedIds?: readonly string[];
}

/** What grouping looks at of a file. */
export type StampedFile = Pick<SubbandFile, "path" | "timestamp" | "unixMs" | "subbandIndex">;

/** The files around one anchor, by time. */
export interface Cluster<File extends StampedFile> {
  readonly groupId: string;
  readonly anchorUnixMs: number;
  readonly files: readonly File[];
}

/** Groups files given in any order; groups come in order of time. Pure. */
export function groupSubbands(
  files: readonly SubbandFile[],
  options: GroupingOptions = {},
): SubbandGroup[] {
  return clusterByAnchor(files, options).map(({ groupId, anchorUnixMs, files: near }) => ({
    groupId,
    anchorUnixMs,
    ...selectMembers(near, anchorUnixMs),
  }));
}

/** Files given in any order to their anchors, in order of time; none without a file. Pure. */
export function clusterByAnchor<File extends StampedFile>(
  files: readonly File[],
  options: GroupingOptions = {},
): Cluster<File>[] {
  const toleranceMs = (options.toleranceSeconds ?? GROUP_TOLERANCE_SECONDS) * 1000;
  const sorted = files.toSorted(byTime);
  const anchors = findAnchors(sorted, options.fixedIds ?? [], toleranceMs);
  const near = anchors.map((): File[] => []);
  // Files and anchors both ascend, so the nearest anchor never lies before the last one.
  let at = 0;
  for (const file of sorted) {
    const distanceMs = (index: number): number =>
      Math.abs((anchors[index]?.unixMs ?? Infinity) - file.unixMs);
    while (distanceMs(at + 1) < distanceMs(at)) at += 1;
    near[at]!.push(file);
  }
  return anchors
    .map(({ timestamp, unixMs }, index) => ({
      groupId: timestamp,
      anchorUnixMs: unixMs,
      files: near[index]!,
    }))
    .filter((cluster) => cluster.files.length > 0);
}

type Anchor = Pick<StampedFile, "timestamp" | "unixMs">;

/** @param sorted by time */
function findAnchors(
  sorted: readonly StampedFile[],
  fixedIds: readonly string[],
  toleranceMs: number,
): Anchor[] {
  const fixed = fixedIds
    .map((timestamp) => ({ timestamp, unixMs: Date.parse(`${timestamp}Z`) }))
    .toSorted((a, b) => a.unixMs - b.unixMs);
  const found: Anchor[] = [];
  let next = 0;
  for (const file of sorted) {
    while (next < fixed.length && fixed[next]!.unixMs < file.unixMs - toleranceMs) next += 1;
    const isNearFixed = next < fixed.length && fixed[next]!.unixMs <= file.unixMs + toleranceMs;
    const latest = found.at(-1);
    const isNearFound = latest !== undefined && file.unixMs - latest.unixMs <= toleranceMs;
    if (!isNearFixed && !isNearFound) found.push(file);
  }
  return [...fixed, ...found].toSorted((a, b) => a.unixMs - b.unixMs);
}

/**
 * One file a subband: the nearest to the anchor, unless one is a member for good; the earlier of
 * two that are equally near.
 */
export function selectMembers<File extends StampedFile>(
  files: readonly File[],
  anchorUnixMs: number,
  isMember: (file: File) => boolean = () => false,
): { members: File[]; duplicates: File[] } {
  const rank = (file: File): number => (isMember(file) ? 0 : 1);
  const distanceMs = (file: File): number => Math.abs(file.unixMs - anchorUnixMs);
  const members = new Map<number, File>();
  const duplicates: File[] = [];
  for (const file of files.toSorted(
    (a, b) => rank(a) - rank(b) || distanceMs(a) - distanceMs(b) || byTime(a, b),
  )) {
    if (members.has(file.subbandIndex)) duplicates.push(file);
    else members.set(file.subbandIndex, file);
  }
  return {
    members: [...members.values()].toSorted((a, b) => a.subbandIndex - b.subbandIndex),
    duplicates,
  };
}

/** A total order: two files of one folder differ in time or subband, two folders in path. */
function byTime(a: StampedFile, b: StampedFile): number {
  return (
    a.unixMs - b.unixMs ||
    a.subbandIndex - b.subbandIndex ||
    (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
  );
}

/** Codes of the subbands, of `expectedCount`, that the group lacks. */
export function missingSubbands(
  group: { readonly members: readonly Pick<StampedFile, "subbandIndex">[] },
  expectedCount = SUBBAND_COUNT,
): string[] {
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
