import assert from "node:assert/strict";

import type { BandpassTable } from "@contimg/casacore";
import fc from "fast-check";
import { describe, test } from "vitest";

import { interpolateGains } from "./interpolate-gains.ts";

const DEGREE = Math.PI / 180;

/** Of each antenna amplitude and phase in degrees, null where flagged; one channel. */
function tableOf(
  antennas: readonly ([number, number] | null)[],
  changes: Partial<BandpassTable> = {},
): BandpassTable {
  const count = antennas.length;
  return {
    antennaCount: count,
    channelCount: 1,
    polarizationCount: 1,
    gains: Float32Array.from(
      antennas.flatMap((one) => {
        // What a flagged cell holds must not matter.
        if (one === null) return [Number.NaN, 7];
        const [size, degrees] = one;
        return [size * Math.cos(degrees * DEGREE), size * Math.sin(degrees * DEGREE)];
      }),
    ),
    error: new Float32Array(count).fill(0.1),
    snr: new Float32Array(count).fill(10),
    flags: Uint8Array.from(antennas, (one) => (one === null ? 1 : 0)),
    referenceAntenna: 0,
    timeMjd: 100,
    intervalSeconds: 300,
    antennaNames: antennas.map((_, antenna) => `a${antenna}`),
    frequencyHz: Float64Array.of(1.4e9),
    measurementSetName: "some.ms",
    ...changes,
  };
}

/** Amplitudes and phases, the phases against the first antenna's that has one. */
function gainsOf({ gains, flags }: BandpassTable): ([number, number] | null)[] {
  const phases = Array.from(flags, (_, at) => Math.atan2(gains[2 * at + 1]!, gains[2 * at]!));
  const zero = phases[flags.indexOf(0)] ?? 0;
  return Array.from(flags, (flag, at) => {
    if (flag !== 0) return null;
    const degrees = (phases[at]! - zero) / DEGREE;
    const turns = degrees - 360 * Math.round(degrees / 360);
    return [round(Math.hypot(gains[2 * at]!, gains[2 * at + 1]!)), Math.round(turns * 100) / 100];
  });
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

function between(a: BandpassTable, b: BandpassTable, share: number) {
  return interpolateGains([
    { table: a, weight: 1 - share },
    { table: b, weight: share },
  ]);
}

describe("gains between two solutions", () => {
  test("have phases on the shorter arc and amplitudes on the line, also across ±180°", () => {
    const a = tableOf([
      [1, 0],
      [1, 177],
      [2, 10],
      [1, 0],
    ]);
    const b = tableOf([
      [1, 0],
      [1, -163],
      [4, -10],
      [1, 0],
    ]);

    const { table, report } = between(a, b, 0.25);

    assert.deepEqual(gainsOf(table), [
      [1, 0],
      [1, -178],
      [2.5, 5],
      [1, 0],
    ]);
    assert.equal(report.interpolatedFraction, 1);
  });

  test("do not lose amplitude as a mean of complex numbers would", () => {
    const sizes = gainsOf(
      between(
        tableOf([
          [1, 0],
          [1, 40],
        ]),
        tableOf([
          [1, 0],
          [1, -40],
        ]),
        0.5,
      ).table,
    );

    assert.deepEqual(
      sizes.map((one) => one?.[0]),
      [1, 1],
    );
  });

  test("do not feel which antenna each solution calls zero", () => {
    const drift = [
      [1, 0],
      [1, 20],
      [1, -30],
      [1, 4],
    ] as [number, number][];
    const a = tableOf(drift);
    const b = tableOf(drift.map(([size, degrees]) => [size, degrees + 10 * Math.sign(degrees)]));
    const turnedB = tableOf(
      drift.map(([size, degrees]) => [size, degrees + 10 * Math.sign(degrees) + 137]),
    );

    assert.deepEqual(gainsOf(between(a, turnedB, 0.4).table), gainsOf(between(a, b, 0.4).table));
  });

  test("are the other's where one is flagged, in the frame of the first", () => {
    const a = tableOf([[1, 0], null, [1, 40], null]);
    const b = tableOf([[1, 90], [3, 100], null, null]);

    const { table, report } = between(a, b, 0.5);

    assert.deepEqual(gainsOf(table), [[1, 0], [3, 10], [1, 40], null]);
    assert.equal(round(report.oneSidedFraction), 0.6667);
  });

  test("are the heavier one's where a gain turned by more than a quarter", () => {
    const still: [number, number][] = [
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ];
    const { table, report } = between(
      tableOf([...still, [1, 0]]),
      tableOf([...still, [1, 150]]),
      0.4,
    );

    // The mean turn of the six is not zero, so the others move a little against the jumping one.
    assert.equal(gainsOf(table)[5]?.[0], 1);
    assert.equal(round(report.turnedFraction), 0.1667);
  });

  test("know antennas by name, and those that only one solution has", () => {
    const a = tableOf([
      [1, 0],
      [2, 10],
    ]);
    const b = tableOf(
      [
        [2, 30],
        [5, 50],
        [1, 0],
      ],
      { antennaNames: ["a1", "new", "a0"] },
    );

    const { table } = between(a, b, 0.5);

    assert.deepEqual(table.antennaNames, ["a0", "a1", "new"]);
    // The two that both have turned by 10° on average: in the first's frame the new one is at 40°,
    // and the first antenna half way between 0° and −10°.
    assert.deepEqual(gainsOf(table), [
      [1, 0],
      [2, 20],
      [5, 45],
    ]);
  });

  test("have the time, the error and the signal-to-noise ratio in between", () => {
    const a = tableOf([[1, 0]]);
    const b = tableOf([[1, 0]], { timeMjd: 101, error: Float32Array.of(0.3) });

    const { table } = between(a, b, 0.25);

    assert.equal(table.timeMjd, 100.25);
    assert.equal(round(table.error[0]!), round(Math.hypot(0.075, 0.075)));
    assert.equal(round(table.snr[0]!), round(1 / Math.hypot(0.075, 0.075)));
  });

  test("are not made between other channels", () => {
    const b = tableOf([[1, 0]], { frequencyHz: Float64Array.of(1.3e9) });

    assert.throws(() => between(tableOf([[1, 0]]), b, 0.5), {
      tag: "NoCalibration",
      message: /cannot be interpolated: that of some\.ms has 1 channels from 1400000000 Hz/,
    });
  });

  test("leave the tables that were read as they are", () => {
    const [a, b] = [
      tableOf([[1, 0], null]),
      tableOf([
        [1, 9],
        [1, 20],
      ]),
    ];
    const before = [Array.from(a.gains), Array.from(b.gains), Array.from(a.flags)];

    between(a, b, 0.5);

    assert.deepEqual([Array.from(a.gains), Array.from(b.gains), Array.from(a.flags)], before);
  });
});

test("of any gains that drift by less than a quarter, each baseline's phase is in between", () => {
  const antennas = fc.array(
    fc.record({
      size: fc.double({ min: 0.2, max: 5, noNaN: true }),
      degrees: fc.double({ min: -180, max: 180, noNaN: true }),
      drift: fc.double({ min: -40, max: 40, noNaN: true }),
    }),
    { minLength: 2, maxLength: 12 },
  );
  const angle = fc.double({ min: -180, max: 180, noNaN: true });
  fc.assert(
    fc.property(
      antennas,
      angle,
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (all, turn, share) => {
        const a = tableOf(all.map(({ size, degrees }) => [size, degrees]));
        const b = tableOf(all.map(({ size, degrees, drift }) => [size, degrees + drift + turn]));
        const { table } = between(a, b, share);
        for (const [at, one] of all.entries()) {
          const wanted = one.degrees - all[0]!.degrees + share * (one.drift - all[0]!.drift);
          const got = gainsOf(table)[at]![1];
          const off = (got - wanted) / 360;
          assert.ok(Math.abs(off - Math.round(off)) * 360 < 0.02, `${got} for ${wanted}`);
        }
      },
    ),
  );
});
