/**
 * What the fast flagger costs, step by step, beside the bandwidth of this machine's memory.
 *
 *   node bench/flagging.ts [--json]
 *
 * One thread and a quarter of a full tile: 96 antennas, 192 channels, 24 integrations of noise. CPU
 * time, the least of five rounds, so that a busy machine hardly matters. A visibility is read as
 * eight bytes and a flag, and one byte of it is kept.
 */
import { parseArgs } from "node:util";

import { FLAG_DEFAULTS } from "../packages/pipeline/src/flagging/flag-params.ts";
import { TileFlagger } from "../packages/pipeline/src/flagging/tile-flagger.ts";
import { cellCount, type TileLayout } from "../packages/pipeline/src/flagging/tile-layout.ts";

const ROUNDS = 5;
const ANTENNAS = 96;
const CHANNELS = 192;
/** Integrations that differ; the others repeat them. */
const DISTINCT_TIMES = 8;
/** Autocorrelations included. */
const FULL_TILE_COUNT = 111_744 * 768 * 2;

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const layout = layoutOf();
const rowCells = layout.rowCount * cellCount(layout);
const visibilityCount = layout.timeCount * rowCells;
const distinct = Array.from({ length: DISTINCT_TIMES }, () => noiseOf(2 * rowCells));
const noise = Array.from(
  { length: layout.timeCount },
  (_, time) => distinct[time % DISTINCT_TIMES]!,
);
const unflagged = new Uint8Array(rowCells);
const best = { encode: Infinity, decide: Infinity, write: Infinity, memory: Infinity };
for (let round = 0; round < ROUNDS; round += 1) await measure();
report();

async function measure(): Promise<void> {
  const options = { shareCount: 1, inThreads: false };
  await using flagger = new TileFlagger(layout, FLAG_DEFAULTS, options);
  await keepBest("encode", async () => {
    for (const [time, vis] of noise.entries()) await flagger.add(time, vis, unflagged);
  });
  await keepBest("decide", () => flagger.decide());
  const written = new Uint8Array(rowCells);
  await keepBest("write", async () => {
    for (let time = 0; time < layout.timeCount; time += 1) await flagger.write(time, written);
  });
  const target = new Float32Array(2 * rowCells);
  await keepBest("memory", () => {
    for (const vis of noise) target.set(vis);
    return Promise.resolve();
  });
}

async function keepBest(step: keyof typeof best, run: () => Promise<void>): Promise<void> {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  best[step] = Math.min(best[step], (1000 * (user + system)) / visibilityCount);
}

function report(): void {
  const total = best.encode + best.decide + best.write;
  const lines = {
    encodeNs: round(best.encode),
    decideNs: round(best.decide),
    writeNs: round(best.write),
    totalNs: round(total),
    /** To copy the eight bytes of a visibility. */
    copyNs: round(best.memory),
    copyGibPerSecond: round(8e9 / best.memory / 2 ** 30),
    fullTileCpuSeconds: round((total * FULL_TILE_COUNT) / 1e9),
  };
  if (flags.json) console.log(JSON.stringify(lines));
  else console.table(lines);
}

function layoutOf(): TileLayout {
  const pairs: [number, number][] = [];
  for (let p = 0; p < ANTENNAS; p += 1) for (let q = p; q < ANTENNAS; q += 1) pairs.push([p, q]);
  return {
    timeCount: 24,
    rowCount: pairs.length,
    channelCount: CHANNELS,
    polarizationCount: 2,
    antennaCount: ANTENNAS,
    antenna1: Int32Array.from(pairs, ([p]) => p),
    antenna2: Int32Array.from(pairs, ([, q]) => q),
    subbandStarts: Array.from({ length: 16 }, (_, subband) => (CHANNELS / 16) * subband),
  };
}

/** Normal by Box and Muller; σ is 1. */
function noiseOf(length: number): Float32Array {
  return new Float32Array(length).map(
    () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
  );
}

function round(value: number): number {
  return Math.round(100 * value) / 100;
}
