import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { describe, test } from "vitest";

import { DEGREE_RAD, wrapHalfTurn } from "../angle.ts";
import { cellRad, pixelToSky, skyToPixel, wcsFromCards } from "./wcs.ts";

const REFEREE = fileURLToPath(new URL("./wcs.referee.py", import.meta.url));
const astropyExists = spawnSync("/usr/bin/python3", ["-c", "import astropy"]).status === 0;

type Cards = Record<string, string | number>;

const PIXELS: [number, number][] = [
  [0, 0],
  [2048, 2048],
  [4095, 0],
  [17.25, 4000.75],
  [2047.3, 3.9],
];

const CASES: { name: string; cards: Cards }[] = [
  { name: "SIN with a negative CRVAL1", cards: cards("SIN", -31.719627, 54.4748) },
  { name: "SIN at right ascension 0", cards: cards("SIN", 0.2, 16.15) },
  { name: "SIN near the pole", cards: cards("SIN", 200, 88.9) },
  { name: "TAN", cards: cards("TAN", 128.7, -20.5) },
  {
    name: "TAN by a rotated CD matrix",
    cards: { ...cards("TAN", 80, 50), ...matrix("CD", [-8e-4, 1e-4, 1.1e-4, 8.2e-4]) },
  },
  {
    name: "SIN by a PC matrix",
    cards: { ...cards("SIN", 80, 50), ...matrix("PC", [0.9, 0.1, -0.1, 0.95]) },
  },
];

describe("world coordinates", () => {
  test.skipIf(!astropyExists)("agree with astropy to 1e-9 degrees, in every projection", () => {
    const input = JSON.stringify(CASES.map((item) => ({ cards: item.cards, pixels: PIXELS })));
    const output = execFileSync("/usr/bin/python3", [REFEREE], { input }).toString();
    // The referee prints one list of [ra, dec] in degrees for each case.
    const answers = JSON.parse(output) as [number, number][][];

    for (const [index, { name, cards: given }] of CASES.entries()) {
      const wcs = wcsFromCards({ find: (keyword) => given[keyword] });
      for (const [at, [x, y]] of PIXELS.entries()) {
        const sky = pixelToSky(wcs, { x, y });
        assert.ok(sky, name);
        const [raDeg, decDeg] = answers[index]![at]!;
        const raOff = wrapHalfTurn(sky.raRad - raDeg * DEGREE_RAD) / DEGREE_RAD;
        const decOff = sky.decRad / DEGREE_RAD - decDeg;
        assert.ok(Math.abs(raOff) < 1e-9, `${name} at ${x},${y}: RA off by ${raOff}°`);
        assert.ok(Math.abs(decOff) < 1e-9, `${name} at ${x},${y}: Dec off by ${decOff}°`);
      }
    }
  });

  test.each(CASES)("$name: pixel to sky and back is the same pixel", ({ cards: given }) => {
    const wcs = wcsFromCards({ find: (keyword) => given[keyword] });
    for (const [x, y] of PIXELS) {
      const back = skyToPixel(wcs, pixelToSky(wcs, { x, y })!);
      assert.ok(back && Math.hypot(back.x - x, back.y - y) < 1e-6);
    }
  });

  test("of the far side of the sky are no pixel, and outside SIN's disk no sky", () => {
    const wcs = wcsFromCards({ find: (keyword) => cards("SIN", 10, 50)[keyword] });

    assert.equal(
      skyToPixel(wcs, { raRad: wcs.referenceRaRad + Math.PI, decRad: -0.87 }),
      undefined,
    );
    assert.equal(pixelToSky(wcs, { x: 1e6, y: 0 }), undefined);
    assert.ok(Math.abs(cellRad(wcs) / DEGREE_RAD - 3 / 3600) < 1e-12);
  });

  test("of a projection that is not ours are refused by name", () => {
    const given = cards("NCP", 10, 50);
    assert.throws(
      () => wcsFromCards({ find: (keyword) => given[keyword] }),
      /"RA---NCP DEC--NCP", expected RA and DEC in SIN or TAN/,
    );
  });
});

function cards(projection: string, raDeg: number, decDeg: number): Cards {
  return {
    CTYPE1: `RA---${projection}`,
    CTYPE2: `DEC--${projection}`,
    CRVAL1: raDeg,
    CRVAL2: decDeg,
    CRPIX1: 2049,
    CRPIX2: 2049,
    CDELT1: -3 / 3600,
    CDELT2: 3 / 3600,
    CUNIT1: "deg",
    CUNIT2: "deg",
  };
}

function matrix(prefix: string, values: readonly number[]): Cards {
  const names = ["1_1", "1_2", "2_1", "2_2"].map((name) => prefix + name);
  return Object.fromEntries(names.map((name, index) => [name, values[index]!]));
}
