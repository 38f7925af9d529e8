/**
 * Which recorded file belongs to which group, and which is its group's file of a subband. Pure.
 *
 * While a group's id can change, everything follows from the set of its files. Afterwards members
 * stay: a late file takes a subband that has none, or is a duplicate.
 */
import { clusterByAnchor, selectMembers } from "../groups/group-subbands.ts";
import { subbandCode } from "../groups/subband-file.ts";
import type { FileState, RecordedFile } from "./file-rows.ts";

export interface Placement {
  readonly fileId: string;
  readonly groupId: string;
  readonly state: FileState;
  readonly reason: string | null;
}

export interface FilesToPlace {
  /** Files without a group, and those of groups whose id can change. */
  readonly loose: readonly RecordedFile[];
  readonly fixedIds: readonly string[];
  /** Files of groups that are fixed and may gain one. */
  readonly settled: readonly RecordedFile[];
  readonly toleranceSeconds: number;
}

/** Only what is to change. */
export function placeFiles(files: FilesToPlace): Placement[] {
  const { loose, fixedIds, settled, toleranceSeconds } = files;
  const isFixed = new Set(fixedIds);
  const residents = Map.groupBy(settled, (file) => file.row.group_id ?? "");
  const clusters = clusterByAnchor(loose, { toleranceSeconds, fixedIds });
  const moved = clusters.flatMap(({ groupId, files: near }) =>
    isFixed.has(groupId)
      ? near.map((file) => placement(file, groupId, file.row.state, file.row.reason))
      : placeOpen(groupId, near),
  );
  const newcomers = new Map(
    clusters.filter(({ groupId }) => isFixed.has(groupId)).map((c) => [c.groupId, c.files]),
  );
  const fixedGroups = new Set([...residents.keys(), ...newcomers.keys()]);
  const late = [...fixedGroups].flatMap((groupId) =>
    placeFixed(groupId, [...(residents.get(groupId) ?? []), ...(newcomers.get(groupId) ?? [])]),
  );
  const byFile = new Map([...moved, ...late].map((each) => [each.fileId, each]));
  const rows = new Map([...loose, ...settled].map(({ row }) => [row.file_id, row]));
  return [...byFile.values()].filter((each) => {
    const row = rows.get(each.fileId)!;
    const isSame = row.group_id === each.groupId && row.state === each.state;
    return !isSame || row.reason !== each.reason;
  });
}

/** Judged good, and its group does not know it yet. */
function isNew({ row }: RecordedFile): boolean {
  return row.state === "arriving" && !row.is_pending;
}

function placeOpen(groupId: string, files: readonly RecordedFile[]): Placement[] {
  const isGood = (file: RecordedFile): boolean =>
    file.row.state === "whole" || file.row.state === "duplicate" || isNew(file);
  const chosen = choose(groupId, files.filter(isGood));
  const others = files.filter((file) => !isGood(file));
  return [
    ...chosen,
    ...others.map((file) => placement(file, groupId, file.row.state, file.row.reason)),
  ];
}

/** What was a duplicate stays one: the run that used the member would not know of the change. */
function placeFixed(groupId: string, files: readonly RecordedFile[]): Placement[] {
  return choose(
    groupId,
    files.filter((file) => file.row.state === "whole" || isNew(file)),
    (file) => file.row.state === "whole",
  );
}

function choose(
  groupId: string,
  files: readonly RecordedFile[],
  isMember?: (file: RecordedFile) => boolean,
): Placement[] {
  const { members, duplicates } = selectMembers(files, Date.parse(`${groupId}Z`), isMember);
  const pathOf = new Map(members.map((member) => [member.subbandIndex, member.path]));
  return [
    ...members.map((file) => placement(file, groupId, "whole", null)),
    ...duplicates.map((file) => {
      const code = subbandCode(file.subbandIndex);
      const reason = `${code} of the group is ${pathOf.get(file.subbandIndex)}`;
      return placement(file, groupId, "duplicate", reason);
    }),
  ];
}

function placement(
  { row }: RecordedFile,
  groupId: string,
  state: FileState,
  reason: string | null,
): Placement {
  return { fileId: row.file_id, groupId, state, reason };
}
