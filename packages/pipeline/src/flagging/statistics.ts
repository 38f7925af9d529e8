/**
 * What was flagged of a tile, and why, as a product: compact JSON with units and axes. All
 * fractions are of the cross-correlations of active antennas.
 */
import {
  fractionsByReason,
  type Population,
  populationOf,
  totalFraction,
} from "./flag-fractions.ts";
import { REASONS, type FlagReason } from "./reasons.ts";
import type { TileFlags } from "./tile-flagger.ts";

/** What the flags do not know about the tile. */
export interface TileDescription {
  readonly groupId: string;
  readonly antennaNames: readonly string[];
  /** Channel centers. */
  readonly frequencyHz: Float64Array;
  /** Middle of each integration. */
  readonly timesMjd: Float64Array;
}

type ByReason<Value> = Partial<Record<FlagReason, Value>>;

export interface FlagStatistics {
  readonly group_id: string;
  readonly unit: "fraction of the cross-correlations of active antennas";
  readonly axes: {
    /** Names; active ones only. */
    readonly antenna: readonly string[];
    readonly frequency_hz: readonly number[];
    readonly time_mjd: readonly number[];
  };
  readonly dead_antennas: readonly string[];
  readonly flagged_fraction: number;
  readonly by_reason: ByReason<number>;
  /** Only reasons that occur. */
  readonly by_antenna: ByReason<readonly number[]>;
  readonly by_channel: ByReason<readonly number[]>;
  readonly by_time: ByReason<readonly number[]>;
  /** [antenna][channel], percent. */
  readonly antenna_channel_percent: readonly (readonly number[])[];
  /** [time][channel], percent. */
  readonly time_channel_percent: readonly (readonly number[])[];
}

export function flagStatistics(flags: TileFlags, tile: TileDescription): FlagStatistics {
  const { layout, counts } = flags;
  const { timeCount, channelCount, polarizationCount, antennaCount } = layout;
  const population = populationOf(flags);
  const { antennas, rowCount, rowCountOf } = population;
  const perRow = channelCount * polarizationCount * timeCount;
  const byReason = fractionsByReason(flags);
  const occurring = REASONS.filter((reason) => byReason[reason] > 0);
  const lists = (all: Float64Array, length: number, parts: (at: number) => number) =>
    listsByReason(occurring, all, length, parts);
  const byAntenna = lists(counts.byAntenna, antennaCount, (at) => rowCountOf[at]! * perRow);
  return {
    group_id: tile.groupId,
    unit: "fraction of the cross-correlations of active antennas",
    axes: {
      antenna: antennas.map((antenna) => tile.antennaNames[antenna]!),
      frequency_hz: Array.from(tile.frequencyHz),
      time_mjd: Array.from(tile.timesMjd),
    },
    dead_antennas: deadAntennaNames(flags, tile, population),
    flagged_fraction: round(totalFraction(flags)),
    by_reason: Object.fromEntries(occurring.map((reason) => [reason, round(byReason[reason])])),
    by_antenna: mapValues(byAntenna, (list) => antennas.map((antenna) => list[antenna]!)),
    by_channel: lists(
      counts.byChannel,
      channelCount,
      () => rowCount * polarizationCount * timeCount,
    ),
    by_time: lists(counts.byTime, timeCount, () => rowCount * polarizationCount * channelCount),
    antenna_channel_percent: antennas.map((antenna) =>
      percents(counts.byAntennaChannel, antenna * channelCount, 1, channelCount, {
        of: rowCountOf[antenna]! * polarizationCount * timeCount,
      }),
    ),
    time_channel_percent: Array.from(tile.timesMjd, (_mjd, time) =>
      percents(counts.byChannelTime, time, timeCount, channelCount, {
        of: rowCount * polarizationCount,
      }),
    ),
  };
}

/** With its polarization when the other one lives. */
function deadAntennaNames(
  { layout, dead }: TileFlags,
  { antennaNames }: TileDescription,
  { antennas }: Population,
): string[] {
  const { polarizationCount } = layout;
  const present = new Set([...layout.antenna1, ...layout.antenna2]);
  return antennaNames.flatMap((name, antenna) => {
    if (!present.has(antenna)) return [];
    if (!antennas.includes(antenna)) return [name];
    const first = antenna * polarizationCount;
    return Array.from(dead.subarray(first, first + polarizationCount)).flatMap((is, pol) =>
      is === 0 ? [] : [`${name} polarization ${pol}`],
    );
  });
}

function listsByReason(
  reasons: readonly FlagReason[],
  all: Float64Array,
  length: number,
  of: (at: number) => number,
): ByReason<number[]> {
  return Object.fromEntries(
    reasons.map((reason) => {
      const first = REASONS.indexOf(reason) * length;
      const own = Array.from(all.subarray(first, first + length));
      return [reason, own.map((count, at) => round(count / Math.max(1, of(at))))];
    }),
  );
}

function mapValues<From, To>(record: ByReason<From>, change: (value: From) => To): ByReason<To> {
  return Object.fromEntries(
    Object.entries(record).map(([reason, value]) => [reason, change(value)]),
  );
}

function percents(
  counts: Float64Array,
  first: number,
  step: number,
  length: number,
  { of }: { readonly of: number },
): number[] {
  return Array.from({ length }, (_, at) =>
    Math.round((100 * counts[first + at * step]!) / Math.max(1, of)),
  );
}

/** A millionth is less than a visibility in most lists. */
function round(fraction: number): number {
  return Math.round(fraction * 1e6) / 1e6;
}
