/** Finds the files of one group in the folder where the telescope delivers them. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { PipelineError } from "../errors.ts";
import { findGroup, groupSubbands, missingSubbands, SUBBAND_COUNT } from "./group-subbands.ts";
import type { SubbandGroup } from "./group-subbands.ts";
import { parseSubbandPath } from "./subband-file.ts";

export interface GroupSearch {
  readonly toleranceSeconds?: number;
  readonly expectedSubbands?: number;
  /** Gives out what there is of a group that lacks files. Default: such a group is refused. */
  readonly mayMiss?: boolean;
}

/** Every group that has a file in the folder, in order of time, whole or not; none without it. */
export async function listGroups(
  folder: string,
  search: GroupSearch = {},
): Promise<SubbandGroup[]> {
  const names = await namesIn(folder);
  const files = names.map((name) => parseSubbandPath(join(folder, name)));
  return groupSubbands(
    files.filter((file) => file !== undefined),
    search,
  );
}

/**
 * Paths of the group's files, by ascending subband index.
 * @throws {PipelineError} MissingProduct when no group is near that time, MissingSubband when one
 *   is but lacks files
 */
export async function findGroupFiles(
  folder: string,
  groupId: string,
  search: GroupSearch = {},
): Promise<string[]> {
  const group = findGroup(await listGroups(folder, search), groupId, search);
  if (group === undefined) {
    throw new PipelineError(
      "MissingProduct",
      `group ${groupId} has no subband files in ${folder}`,
      { groupId, folder },
    );
  }
  const expectedSubbands = search.expectedSubbands ?? SUBBAND_COUNT;
  const missing = missingSubbands(group, expectedSubbands);
  if (missing.length > 0 && search.mayMiss !== true) {
    throw new PipelineError(
      "MissingSubband",
      `group ${groupId} in ${folder} has ${group.members.length} of ${expectedSubbands} ` +
        `subbands, missing ${missing.join(", ")}`,
      { groupId, folder, missing, expectedSubbands },
    );
  }
  return group.members.map((member) => member.path);
}

/** A folder that the telescope has not made yet holds nothing. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
