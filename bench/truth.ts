/**
 * What images are worth: seeded tiles through the real chain, each figure against its target.
 *
 *   npm run -s bench:truth -- [--tiles 20] [--size small|full] [--seed 1] [--json]
 *
 * Each seed is another sky and another instrument: a calibrator tile that is solved, and two
 * science tiles, each with faint sources planted between 4.5 and 9 σ. Ends with 1 when a figure
 * misses its target.
 */
import { parseArgs } from "node:util";

import { summarize } from "../packages/cli/src/contimg/demo/compare.ts";
import { atMost, type Figure, truthFigures } from "../packages/cli/src/contimg/demo/figures.ts";
import { type JudgedTile, judgeTiles } from "./truth/tiles.ts";

const NOISE_MAX = 1.5;
const GAIN_ERROR_MAX = 0.02;

const { values: flags } = parseArgs({
  options: {
    tiles: { type: "string", default: "20" },
    size: { type: "string", default: "small" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
if (flags.size !== "small" && flags.size !== "full")
  throw new Error(`--size is ${flags.size}, expected small or full`);
const tileCount = Number(flags.tiles);
if (!Number.isInteger(tileCount) || tileCount < 1)
  throw new Error(`--tiles is ${flags.tiles}, expected a whole number from 1`);

const tiles: JudgedTile[] = [];
for await (const tile of judgeTiles({ size: flags.size, seed: Number(flags.seed), tileCount })) {
  tiles.push(tile);
  const { comparison, ...rest } = tile;
  const { sources, faint, falseDetections } = comparison;
  const line = {
    ...rest,
    ...{ sources: sources.length, found: sources.filter(({ found }) => found).length },
    ...{ faint: faint.injected, foundFaint: faint.found, falseDetections },
  };
  console.error(`bench: ${JSON.stringify(line)}`);
  if (flags.json) console.log(JSON.stringify(line));
}
const figures = figuresOf(tiles);
if (flags.json) for (const figure of figures) console.log(JSON.stringify(figure));
else console.table(figures.map((each) => ({ ...each, value: each.value?.toFixed(4) ?? "none" })));
process.exitCode = figures.every(({ isMet }) => isMet) ? 0 : 1;

function figuresOf(judged: readonly JudgedTile[]): Figure[] {
  const worst = (of: (tile: JudgedTile) => number): number => Math.max(...judged.map(of));
  return [
    ...truthFigures(summarize(judged.map(({ comparison }) => comparison)), judged.length),
    atMost(
      "noise over the thermal noise, worst tile",
      worst((tile) => tile.noiseRatio),
      NOISE_MAX,
    ),
    atMost(
      "gain error, rms, worst tile",
      worst((tile) => tile.gainError),
      GAIN_ERROR_MAX,
    ),
  ];
}
