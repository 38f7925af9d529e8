/** A flagger for the tile that a conversion makes. */
import type { FlagParams } from "../flagging/flag-params.ts";
import { TileFlagger } from "../flagging/tile-flagger.ts";
import type { TileLayout } from "../flagging/tile-layout.ts";
import type { ConversionPlan } from "./conversion-plan.ts";

/** @returns null when only the flags of the files are wanted */
export function createBandFlagger(
  plan: ConversionPlan,
  params: FlagParams | undefined,
  threadCount: number,
): TileFlagger | null {
  if (params === undefined || params.strategy === "off") return null;
  return new TileFlagger(layoutOf(plan), params, { shareCount: threadCount, inThreads: true });
}

function layoutOf({ files, axis }: ConversionPlan): TileLayout {
  const { header } = files[0]!;
  return {
    timeCount: header.timeCount,
    rowCount: header.baselineCount,
    channelCount: axis.frequencyHz.length,
    polarizationCount: header.polarizationCount,
    antennaCount: header.antennaNames.length,
    antenna1: header.antenna1Index,
    antenna2: header.antenna2Index,
    subbandStarts: axis.places.map(({ firstChannel }) => firstChannel),
  };
}
