import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { fractionsByReason } from "./flag-fractions.ts";
import { FLAG_DEFAULTS, type FlagParams } from "./flag-params.ts";
import { reasonCode, type FlagReason } from "./reasons.ts";
import { cellCount, type TileLayout } from "./tile-layout.ts";
import { TileFlagger, type TileFlags } from "./tile-flagger.ts";

const ANTENNAS = 12;
const TIMES = 24;
const CHANNELS = 32;

describe("the fast flagger", () => {
  test("leaves noise alone and finds one loud visibility", async () => {
    const tile = noiseTile();
    setAmplitude(tile, { time: 7, row: 20, channel: 5, pol: 0 }, 15);

    const { flags, total } = await flag(tile);

    assert.equal(flags[7]![cell(tile, 20, 5, 0)], 1);
    // Of 101,376 visibilities; a MAD of 24 times is sometimes far too small.
    assert.ok(total("time-outlier") + total("baseline-outlier") <= 15);
    // The other polarization goes with it.
    assert.equal(flags[7]![cell(tile, 20, 5, 1)], 1);
  });

  test("flags zeros, what is not a number, and nothing else of clean data", async () => {
    const tile = cleanTile();
    setAmplitude(tile, { time: 1, row: 20, channel: 3, pol: 1 }, 0);
    setAmplitude(tile, { time: 2, row: 21, channel: 4, pol: 0 }, Number.NaN);
    setAmplitude(tile, { time: 3, row: 22, channel: 4, pol: 0 }, Infinity);

    const { flags, total } = await flag(tile);

    assert.equal(total("unusable"), 3);
    assert.equal(flags[1]![cell(tile, 20, 3, 1)], 1);
    assert.equal(countCross(tile, flags), 3);
  });

  test("flags autocorrelations whole", async () => {
    const tile = cleanTile();
    const { flags } = await flag(tile);
    const auto = tile.layout.antenna1.findIndex((p, row) => p === tile.layout.antenna2[row]);
    const from = auto * cellCount(tile.layout);
    assert.ok(flags[0]!.subarray(from, from + cellCount(tile.layout)).every((one) => one === 1));
  });

  test("closes a channel that is loud on all baselines at all times", async () => {
    const tile = noiseTile();
    for (const visibility of everyVisibility(tile))
      if (visibility.channel === 9) addAmplitude(tile, visibility, 3);

    const { flags } = await flag(tile);

    assert.equal(channelFraction(tile, flags, 9), 1);
    assert.ok(channelFraction(tile, flags, 12) < 0.01);
  });

  test("closes what a burst hits, and no other time", async () => {
    const tile = noiseTile();
    for (const visibility of everyVisibility(tile))
      if (visibility.time === 4 && visibility.channel >= 10 && visibility.channel < 14)
        addAmplitude(tile, visibility, 3);

    const { flags } = await flag(tile);

    assert.equal(timeFraction(tile, flags, 4, 11), 1);
    assert.ok(timeFraction(tile, flags, 5, 11) < 0.05);
  });

  test("finds an antenna of zeros and one that is far too weak, by polarization", async () => {
    const tile = noiseTile();
    for (const visibility of everyVisibility(tile)) {
      const pair = [tile.layout.antenna1[visibility.row], tile.layout.antenna2[visibility.row]];
      if (pair.includes(3)) setAmplitude(tile, visibility, 0);
      if (pair.includes(5) && visibility.pol === 1) scale(tile, visibility, 0.02);
    }

    const { result } = await flag(tile);

    const dead = Array.from(result.dead).flatMap((one, at) => (one === 1 ? [at] : []));
    assert.deepEqual(dead, [6, 7, 11]);
    // Antenna 3 does not count; antenna 5 does, with 10 of 55 baselines and half of each.
    const fractions = fractionsByReason(result);
    assert.equal(fractions.unusable, 0);
    assert.ok(Math.abs(fractions["dead-antenna"] - 10 / 55 / 2) < 1e-12);
  });

  test("flags the edges of subbands that it is told to", async () => {
    const tile = cleanTile({ subbandStarts: [0, 16] });
    const { flags } = await flag(tile, { edge_channels: 1 });
    const flagged = Array.from({ length: CHANNELS }, (_, channel) => channel).filter(
      (channel) => channelFraction(tile, flags, channel) === 1,
    );
    assert.deepEqual(flagged, [0, 15, 16, 31]);
  });

  test("flags what is above an absolute limit", async () => {
    const tile = noiseTile();
    setAmplitude(tile, { time: 7, row: 20, channel: 5, pol: 0 }, 5.1);
    const { flags, total } = await flag(tile, { amplitude_max: 5 });
    assert.ok(total("clip") >= 1);
    assert.equal(flags[7]![cell(tile, 20, 5, 0)], 1);
  });

  test("gives up a channel of a baseline of which most stands out", async () => {
    const tile = noiseTile();
    for (let time = 0; time < TIMES; time += 1)
      setAmplitude(tile, { time, row: 20, channel: 5, pol: 0 }, time % 3 === 0 ? 1 : 40);
    const { flags, total } = await flag(tile);
    assert.equal(total("occupancy"), TIMES / 3);
    assert.ok(flags.every((own) => own[cell(tile, 20, 5, 0)] === 1));
  });

  test("closes a channel that is loud on a seventh of the baselines, when told so", async () => {
    const tile = noiseTile();
    for (const visibility of everyVisibility(tile))
      if (visibility.channel === 9 && visibility.row % 7 === 0) addAmplitude(tile, visibility, 30);
    const closed = await flag(tile, { channel_occupancy_max: 0.1 });
    const open = await flag(tile);
    assert.equal(channelFraction(tile, closed.flags, 9), 1);
    assert.ok(channelFraction(tile, open.flags, 9) < 0.2);
  });

  test("extends flags by as many neighbors as it is told to, and bridges single ones", async () => {
    const tile = noiseTile();
    for (const time of [7, 9]) setAmplitude(tile, { time, row: 20, channel: 5, pol: 0 }, 40);
    const bridged = await flag(tile);
    assert.equal(bridged.flags[8]![cell(tile, 20, 5, 0)], 1);
    const extended = await flag(tile, { extend_times: 2, extend_channels: 1 });
    for (const time of [5, 6, 7, 8, 9, 10, 11])
      assert.equal(extended.flags[time]![cell(tile, 20, 5, 0)], 1, `${time}`);
    assert.equal(extended.flags[7]![cell(tile, 20, 6, 0)], 1);
    const alone = await flag(tile, { extend_polarizations: false });
    assert.equal(alone.flags[7]![cell(tile, 20, 5, 1)], 0);
  });

  test("is not upset by a source that drifts into the beam", async () => {
    const tile = noiseTile();
    for (const visibility of everyVisibility(tile))
      addAmplitude(tile, visibility, 0.4 * visibility.time);
    const { total } = await flag(tile);
    assert.equal(total("burst") + total("channel"), 0);
  });

  test.each([
    ["one time, channel and polarization", { times: 1, channels: 1, pols: 1 }],
    ["rows that are no whole words", { times: 24, channels: 3, pols: 1 }],
    ["four polarizations", { times: 4, channels: 5, pols: 4 }],
  ])("takes %s", async (_what, { times, channels, pols }) => {
    const layout = layoutOf({
      timeCount: times,
      channelCount: channels,
      polarizationCount: pols,
    });
    for (const value of [0, 1, Number.NaN]) {
      const tile = tileOf(layout, (at) => (at % 2 === 0 ? value : 0));
      const { flags } = await flag(tile);
      const expected = value === 1 ? 0 : tile.vis.length * cellCount(layout) * 66;
      assert.equal(countCross(tile, flags), expected);
    }
  });

  test("only adds to the flags of the file, and the same in any number of shares", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 2, max: 9 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        async (seed, shareCount, share) => {
          const tile = noiseTile(seed);
          const random = createRandom(seed);
          for (const own of tile.flags)
            for (const at of own.keys()) own[at] = random() < share ? 1 : 0;
          for (let k = 0; k < 20; k += 1)
            setAmplitude(
              tile,
              {
                time: Math.floor(random() * TIMES),
                row: Math.floor(random() * tile.layout.rowCount),
                channel: Math.floor(random() * CHANNELS),
                pol: k % 2,
              },
              [0, 100, Number.NaN, 20][k % 4]!,
            );
          const one = await flag(tile, {}, 1);
          const many = await flag(tile, {}, shareCount);
          assert.deepEqual(many.flags, one.flags);
          assert.deepEqual(many.result.counts, one.result.counts);
          for (const [time, own] of tile.flags.entries())
            assert.ok(own.every((before, at) => before === 0 || one.flags[time]![at] === 1));
        },
      ),
      { numRuns: 15 },
    );
  });

  test("does not care in which units amplitudes are", async () => {
    const tile = noiseTile();
    setAmplitude(tile, { time: 7, row: 20, channel: 5, pol: 0 }, 15);
    const before = await flag(tile);
    for (const vis of tile.vis) for (const at of vis.keys()) vis[at] = vis[at]! * 2 ** 20;
    const after = await flag(tile);
    assert.deepEqual(after.flags, before.flags);
  });

  test("is the same in threads", async () => {
    const tile = noiseTile();
    setAmplitude(tile, { time: 7, row: 20, channel: 5, pol: 0 }, 15);
    const here = await flag(tile);
    const there = await flag(tile, {}, 2, true);
    assert.deepEqual(there.flags, here.flags);
  });
});

interface Tile {
  readonly layout: TileLayout;
  readonly vis: Float32Array[];
  readonly flags: Uint8Array[];
}

interface Place {
  readonly time: number;
  readonly row: number;
  readonly channel: number;
  readonly pol: number;
}

function layoutOf(changes: Partial<TileLayout> = {}): TileLayout {
  const pairs: [number, number][] = [];
  for (let p = 0; p < ANTENNAS; p += 1) for (let q = p; q < ANTENNAS; q += 1) pairs.push([p, q]);
  return {
    timeCount: TIMES,
    rowCount: pairs.length,
    channelCount: CHANNELS,
    polarizationCount: 2,
    antennaCount: ANTENNAS,
    antenna1: Int32Array.from(pairs, ([p]) => p),
    antenna2: Int32Array.from(pairs, ([, q]) => q),
    subbandStarts: [0],
    ...changes,
  };
}

function tileOf(layout: TileLayout, value: (place: number) => number): Tile {
  const count = layout.rowCount * cellCount(layout);
  return {
    layout,
    vis: Array.from({ length: layout.timeCount }, (_, time) =>
      new Float32Array(new SharedArrayBuffer(8 * count)).map((__, at) =>
        value(2 * count * time + at),
      ),
    ).map(inSharedMemory),
    flags: Array.from(
      { length: layout.timeCount },
      () => new Uint8Array(new SharedArrayBuffer(count)),
    ),
  };
}

/** `map` answers in memory of its own. */
function inSharedMemory(values: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

/** σ of each part is 1. */
function noiseTile(seed = 7): Tile {
  const random = createRandom(seed);
  return tileOf(layoutOf(), () => {
    let sum = -6;
    for (let k = 0; k < 12; k += 1) sum += random();
    return sum;
  });
}

/** One source at the phase center, no noise. */
function cleanTile(changes: Partial<TileLayout> = {}): Tile {
  return tileOf(layoutOf(changes), (at) => (at % 2 === 0 ? 2 : 0));
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function cell({ layout }: Tile, row: number, channel: number, pol: number): number {
  return (row * layout.channelCount + channel) * layout.polarizationCount + pol;
}

function setAmplitude(tile: Tile, { time, row, channel, pol }: Place, value: number): void {
  const at = 2 * cell(tile, row, channel, pol);
  tile.vis[time]!.set([value, 0], at);
}

function addAmplitude(tile: Tile, { time, row, channel, pol }: Place, value: number): void {
  const at = 2 * cell(tile, row, channel, pol);
  tile.vis[time]![at] = tile.vis[time]![at]! + value;
}

function scale(tile: Tile, { time, row, channel, pol }: Place, factor: number): void {
  const at = 2 * cell(tile, row, channel, pol);
  const vis = tile.vis[time]!;
  vis[at] = vis[at]! * factor;
  vis[at + 1] = vis[at + 1]! * factor;
}

function* everyVisibility({ layout }: Tile): Generator<Place> {
  for (let time = 0; time < TIMES; time += 1)
    for (let row = 0; row < layout.rowCount; row += 1)
      for (let channel = 0; channel < CHANNELS; channel += 1)
        for (let pol = 0; pol < 2; pol += 1) yield { time, row, channel, pol };
}

async function flag(
  tile: Tile,
  changes: Partial<FlagParams> = {},
  shareCount = 1,
  inThreads = false,
): Promise<{ flags: Uint8Array[]; result: TileFlags; total: (reason: FlagReason) => number }> {
  const params = { ...FLAG_DEFAULTS, ...changes };
  await using flagger = new TileFlagger(tile.layout, params, { shareCount, inThreads });
  for (const [time, vis] of tile.vis.entries()) await flagger.add(time, vis, tile.flags[time]!);
  await flagger.decide();
  const flags: Uint8Array[] = [];
  for (const time of tile.vis.keys()) {
    const own = new Uint8Array(new SharedArrayBuffer(tile.flags[time]!.length));
    await flagger.write(time, own);
    flags.push(own);
  }
  const result = await flagger.flags();
  const total = (reason: FlagReason): number => {
    const first = reasonCode(reason) * CHANNELS;
    return result.counts.byChannel
      .subarray(first, first + CHANNELS)
      .reduce((sum, one) => sum + one, 0);
  };
  return { flags, result, total };
}

function crossPlaces(tile: Tile): number[] {
  const { layout } = tile;
  return Array.from({ length: layout.rowCount }, (_, row) => row).filter(
    (row) => layout.antenna1[row] !== layout.antenna2[row],
  );
}

function countCross(tile: Tile, flags: readonly Uint8Array[]): number {
  let sum = 0;
  for (const own of flags)
    for (const row of crossPlaces(tile))
      for (let at = 0; at < cellCount(tile.layout); at += 1)
        sum += own[row * cellCount(tile.layout) + at]!;
  return sum;
}

function timeFraction(
  tile: Tile,
  flags: readonly Uint8Array[],
  time: number,
  channel: number,
): number {
  const rows = crossPlaces(tile);
  const flagged = rows.filter((row) => flags[time]![cell(tile, row, channel, 0)] === 1);
  return flagged.length / rows.length;
}

function channelFraction(tile: Tile, flags: readonly Uint8Array[], channel: number): number {
  return (
    flags.reduce((sum, _own, time) => sum + timeFraction(tile, flags, time, channel), 0) / TIMES
  );
}
