/** Whether a calibration table can be used: it exists, opens, has solutions, is of the channels. */
import { type BandpassTable, isCasacoreAvailable, readBandpassTable } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";
import type { OpenTable } from "./choose.ts";

export interface Band {
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
}

/** Share of a channel by which centers may differ. */
const CHANNEL_OFFSET_MAX = 0.1;

/**
 * What is wrong with a table, in words for a decision; undefined when nothing is. Reads all of it
 * (7 MB at most, tens of milliseconds), so a truncated column does not wait for the stage's run.
 */
export async function problemOf(
  tablePath: string,
  open: OpenTable,
  band?: Band,
): Promise<string | undefined> {
  // Without the addon nothing opens, which says nothing about tables either.
  if (!isCasacoreAvailable())
    throw new PipelineError(
      "MissingTool",
      "calibration tables cannot be opened: see casacore-dev",
      {
        debianPackage: "casacore-dev",
      },
    );
  let path: string;
  try {
    path = await open(tablePath);
  } catch (error) {
    // A database that does not answer says nothing about the table.
    if (error instanceof PipelineError) return error.message;
    throw error;
  }
  let table: BandpassTable;
  try {
    table = readBandpassTable(path);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (table.flags.every((flag) => flag !== 0)) return "all of its solutions are flagged";
  return band && bandProblem(table.frequencyHz, band);
}

function bandProblem(frequencyHz: Float64Array, band: Band): string | undefined {
  const same =
    frequencyHz.length === band.frequencyHz.length &&
    frequencyHz.every(
      (hz, channel) =>
        Math.abs(hz - band.frequencyHz[channel]!) < CHANNEL_OFFSET_MAX * band.channelWidthHz,
    );
  if (same) return undefined;
  return (
    `it has ${frequencyHz.length} channels from ${frequencyHz[0] ?? 0} Hz, the tile has ` +
    `${band.frequencyHz.length} from ${band.frequencyHz[0] ?? 0} Hz`
  );
}
