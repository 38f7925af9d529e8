/** Fractions of flagged visibilities, over the cross-correlations of active antennas only. */
import { activeAntennas } from "./flag-counts.ts";
import { crossRows } from "./levels.ts";
import { REASONS, type FlagReason } from "./reasons.ts";
import type { TileFlags } from "./tile-flagger.ts";
import { cellCount } from "./tile-layout.ts";

/** Visibilities that the counts of a tile are parts of. */
export interface Population {
  /** Indices of the active antennas. */
  readonly antennas: readonly number[];
  /** Cross-correlations of active antennas in one integration. */
  readonly rowCount: number;
  /** [antenna]: of those, with this antenna. */
  readonly rowCountOf: readonly number[];
}

export function populationOf({ layout, dead }: TileFlags): Population {
  const isActive = activeAntennas(layout, dead);
  const rows = crossRows(layout).filter(
    (row) => isActive[layout.antenna1[row]!]! && isActive[layout.antenna2[row]!]!,
  );
  const rowCountOf = isActive.map(() => 0);
  for (const row of rows)
    for (const antenna of [layout.antenna1[row]!, layout.antenna2[row]!]) rowCountOf[antenna]! += 1;
  return {
    antennas: isActive.flatMap((active, antenna) => (active ? [antenna] : [])),
    rowCount: rows.length,
    rowCountOf,
  };
}

/** Of all cross-correlations of active antennas, 0…1, by reason; also those without any. */
export function fractionsByReason(flags: TileFlags): Record<FlagReason, number> {
  const { layout, counts } = flags;
  const total = populationOf(flags).rowCount * layout.timeCount * cellCount(layout);
  return Object.fromEntries(
    REASONS.map((reason, index) => {
      const first = index * layout.timeCount;
      const own = counts.byTime.subarray(first, first + layout.timeCount);
      return [reason, own.reduce((sum, count) => sum + count, 0) / Math.max(1, total)];
    }),
    // fromEntries forgets the keys.
  ) as Record<FlagReason, number>;
}

/** 1 when no antenna is active: then there is nothing to use. */
export function totalFraction(flags: TileFlags): number {
  if (populationOf(flags).rowCount === 0) return 1;
  return Object.values(fractionsByReason(flags)).reduce((sum, fraction) => sum + fraction, 0);
}
