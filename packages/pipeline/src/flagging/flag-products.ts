/** The statistics of a tile's flags as files: JSON, and the same drawn. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { flagStatisticsPath, type TileRole } from "../products/paths.ts";
import type { Output } from "../stage.ts";
import { drawFlags } from "./draw-flags.ts";
import type { FlagStatistics } from "./statistics.ts";

/** Writes both into the stage folder. */
export async function writeFlagProducts(
  statistics: FlagStatistics,
  role: TileRole,
  stageFolder: string,
): Promise<Output[]> {
  const { group_id: groupId } = statistics;
  const files = [
    { kind: "flag-statistics", extension: "json", text: `${JSON.stringify(statistics)}\n` },
    { kind: "flag-plot", extension: "svg", text: drawFlags(statistics) },
  ] as const;
  const metadata = {
    flagged_fraction: statistics.flagged_fraction,
    by_reason: statistics.by_reason,
    dead_antennas: [...statistics.dead_antennas],
  };
  return Promise.all(
    files.map(async ({ kind, extension, text }) => {
      const stagePath = `${groupId}.flags.${extension}`;
      await writeFile(join(stageFolder, stagePath), text);
      const finalPath = flagStatisticsPath(groupId, role, extension);
      return { kind, stagePath, finalPath, metadata };
    }),
  );
}
