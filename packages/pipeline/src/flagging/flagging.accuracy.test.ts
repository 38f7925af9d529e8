/** The fast flagger against what was injected into simulated tiles. */
import assert from "node:assert/strict";

import { isHdf5Available } from "@contimg/formats";
import { describe, test } from "vitest";

import { transmitterFluxJy } from "../simulate/interference.ts";
import { demoScenario } from "../simulate/scenario.ts";
import { planGroup, skyOf, type SimulateOptions } from "../simulate/simulate-group.ts";
import { baselines, subbandVis, type GroupPlan } from "../simulate/subband.ts";
import { FLAG_DEFAULTS } from "./flag-params.ts";
import { TileFlagger, type TileFlags } from "./tile-flagger.ts";
import { cellCount, type TileLayout } from "./tile-layout.ts";

/** An edge of subband 5 is loud, one of subband 9 all but deaf. */
const LOUD_EDGE = { subband: 5, channel: 0, factor: 3 };
const DEAF_EDGE = { subband: 9, channel: 3, factor: 0.05 };

describe.skipIf(!isHdf5Available())("the fast flagger (simulation needs the HDF5 addon)", () => {
  test("finds 95 % of interference above 6 σ and flags less than 1 % of the rest", async () => {
    const judged: Judged[] = [];
    for (const seed of [1, 2, 3]) {
      const plan = planOf(seed, {});
      const { tile, flags } = await flagTile(plan, [LOUD_EDGE, DEAF_EDGE]);
      judged.push(...judge(plan, tile, flags));
    }
    const [found, wrong, edges] = [
      fractionOf(judged, "loud"),
      fractionOf(judged, "clean"),
      fractionOf(judged, "edge"),
    ];
    assert.ok(found >= 0.95, `${found}`);
    assert.ok(wrong < 0.01, `${wrong}`);
    assert.ok(edges > 0.99, `${edges}`);
  });

  test("counts the antenna of zeros as dead, and no other", async () => {
    const plan = planOf(1, {});
    const { result } = await flagTile(plan, []);
    const zeros = [...plan.instrument.faults].filter(([, fault]) => fault === "zero");
    assert.ok(zeros.length > 0);
    const dead = Array.from(result.dead).flatMap((one, at) => (one === 1 ? [at] : []));
    assert.deepEqual(
      dead,
      zeros.map(([slot]) => slot).flatMap((slot) => [2 * slot, 2 * slot + 1]),
    );
  });

  test.each([
    ["a science tile", 1],
    ["a calibrator's transit", 0],
  ])("flags next to nothing of %s without noise, faults and interference", async (_what, index) => {
    const clean = { withNoise: false, withInterference: false, withFaults: false };
    const plan = planOf(1, clean, index);
    const { tile, flags } = await flagTile(plan, []);
    const flagged = judge(plan, tile, flags).reduce((sum, kind) => sum + kind.flagged, 0);
    // Sources that beat on a baseline make an outlier out of almost nothing, now and then.
    assert.ok(flagged <= 5, `${flagged} of 6 million`);
  });
});

function fractionOf(judged: readonly Judged[], truth: Judged["truth"]): number {
  const own = judged.filter((one) => one.truth === truth);
  const count = own.reduce((sum, one) => sum + one.count, 0);
  return own.reduce((sum, one) => sum + one.flagged, 0) / count;
}

/** @param index 0 for the calibrator's tile */
function planOf(seed: number, options: Partial<SimulateOptions>, index = 1): GroupPlan {
  const scenario = demoScenario("small", seed);
  const tile = [scenario.calibratorTile, ...scenario.scienceTiles][index]!;
  const all = { ...tile, folder: "/nowhere", ...options };
  return planGroup(all, skyOf(all));
}

interface Edge {
  readonly subband: number;
  readonly channel: number;
  readonly factor: number;
}

async function flagTile(
  plan: GroupPlan,
  edges: readonly Edge[],
): Promise<{ tile: TileLayout; flags: Uint8Array[]; result: TileFlags }> {
  const { first, second } = baselines(plan.array);
  const { channelCount } = plan.band;
  const subbandCount = plan.band.frequencyHz.length;
  const layout: TileLayout = {
    timeCount: plan.observation.timesMjd.length,
    rowCount: first.length,
    channelCount: channelCount * subbandCount,
    polarizationCount: 2,
    antennaCount: plan.array.antennaNames.length,
    antenna1: first,
    antenna2: second,
    subbandStarts: plan.band.frequencyHz.map((_, subband) => subband * channelCount),
  };
  const spectra = plan.band.frequencyHz.map((_, subband) => subbandVis(plan, subband));
  spoil(spectra, edges, channelCount);
  await using flagger = new TileFlagger(layout, FLAG_DEFAULTS, { shareCount: 1, inThreads: false });
  const none = new Uint8Array(layout.rowCount * cellCount(layout));
  for (let time = 0; time < layout.timeCount; time += 1)
    await flagger.add(time, integrationOf(layout, spectra, time), none);
  await flagger.decide();
  const flags: Uint8Array[] = [];
  for (let time = 0; time < layout.timeCount; time += 1) {
    flags.push(new Uint8Array(none.length));
    await flagger.write(time, flags[time]!);
  }
  return { tile: layout, flags, result: await flagger.flags() };
}

function spoil(
  spectra: readonly Float32Array[],
  edges: readonly Edge[],
  channelCount: number,
): void {
  for (const { subband, channel, factor } of edges) {
    const vis = spectra[subband]!;
    for (let at = 0; at < vis.length; at += 1)
      if (Math.floor(at / 4) % channelCount === channel) vis[at] = factor * vis[at]!;
  }
}

/** Subbands of [time, row, channel, …] side by side, in the order of the files. */
function integrationOf(
  { rowCount, channelCount }: TileLayout,
  spectra: readonly Float32Array[],
  time: number,
): Float32Array {
  const own = (4 * channelCount) / spectra.length;
  const vis = new Float32Array(4 * rowCount * channelCount);
  for (let row = 0; row < rowCount; row += 1)
    for (const [subband, spectrum] of spectra.entries()) {
      const from = (time * rowCount + row) * own;
      vis.set(spectrum.subarray(from, from + own), 4 * row * channelCount + subband * own);
    }
  return vis;
}

interface Judged {
  readonly truth: "loud" | "faint" | "clean" | "edge";
  readonly count: number;
  readonly flagged: number;
}

/** Cross-correlations of antennas without faults, by what was injected in their place. */
function judge(plan: GroupPlan, tile: TileLayout, flags: readonly Uint8Array[]): Judged[] {
  const faulty = (antenna: number): boolean => plan.instrument.faults.has(antenna);
  const rows = Array.from(tile.antenna1, (p, row) => ({ p, q: tile.antenna2[row]!, row })).filter(
    ({ p, q }) => p !== q && !faulty(p) && !faulty(q),
  );
  const judged: Judged[] = [];
  for (const [time, own] of flags.entries())
    for (let channel = 0; channel < tile.channelCount; channel += 1) {
      let flagged = 0;
      for (const { row } of rows)
        for (let pol = 0; pol < 2; pol += 1)
          flagged += own[(row * tile.channelCount + channel) * 2 + pol]!;
      judged.push({ truth: truthAt(plan, time, channel), count: 2 * rows.length, flagged });
    }
  return judged;
}

function truthAt(plan: GroupPlan, time: number, channel: number): Judged["truth"] {
  const subband = Math.floor(channel / plan.band.channelCount);
  const within = channel % plan.band.channelCount;
  const isEdge = [LOUD_EDGE, DEAF_EDGE].some(
    (edge) => edge.subband === subband && edge.channel === within,
  );
  if (isEdge) return "edge";
  const frequencyHz = plan.band.frequencyHz[subband]![within]!;
  const fluxes = plan.transmitters.map((transmitter) =>
    transmitterFluxJy(transmitter, time, frequencyHz, plan.band.channelWidthHz),
  );
  const fluxJy = Math.max(0, ...fluxes);
  if (fluxJy === 0) return "clean";
  return fluxJy > 6 * plan.noiseJy ? "loud" : "faint";
}
