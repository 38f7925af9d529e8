/** Refuses a subband whose every visibility is zero: its host was running, its receiver was not. */
import type { Uvh5File } from "@contimg/formats";

import { PipelineError } from "../errors.ts";

/** What the data of one file turned out to hold, over all integrations. */
export interface SubbandTally {
  hasSignal: boolean;
  isWhollyFlagged: boolean;
  flaggedCount: number;
  sampleCount: number;
}

/**
 * A file that flags all its samples may be zero: it says itself that nothing was measured.
 * @throws {PipelineError} UnphysicalData
 */
export function checkSignal(files: readonly Uvh5File[], tallies: readonly SubbandTally[]): void {
  for (const [index, { hasSignal, isWhollyFlagged }] of tallies.entries()) {
    if (hasSignal || isWhollyFlagged) continue;
    const { path } = files[index]!;
    throw new PipelineError(
      "UnphysicalData",
      `${path}: visdata is zero in every sample, expected noise at least`,
      { path, field: "visdata", value: 0 },
    );
  }
  if (tallies.every(({ isWhollyFlagged }) => isWhollyFlagged)) {
    throw new PipelineError(
      "UnphysicalData",
      `${files[0]!.path}: flags are set on every sample of the group, expected some good data`,
      { path: files[0]!.path, field: "flags" },
    );
  }
}
