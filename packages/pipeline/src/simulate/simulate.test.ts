import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEGREE_RAD, separationRad, SPEED_OF_LIGHT_M_S } from "@contimg/astro";
import { isHdf5Available, Uvh5File } from "@contimg/formats";
import { canMountDisks, mountSmallDisk } from "@contimg/testkit";
import { afterAll, describe, test } from "vitest";
import { activePositionsM, band } from "./array.ts";
import { fileStamps } from "./file-names.ts";
import { driftAt } from "./instrument.ts";
import { apparentFluxes } from "./observe.ts";
import { demoScenario } from "./scenario.ts";
import { planGroup, simulateGroup, skyOf } from "./simulate-group.ts";
import { stripSources } from "./strip-sky.ts";
import { gainTable, subbandVis, type GroupPlan } from "./subband.ts";

const folder = mkdtempSync(join(tmpdir(), "simulate-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const scenario = demoScenario("small", 5);

function plan(settings: { withNoise: boolean }): GroupPlan {
  const options = { ...scenario.scienceTiles[0]!, folder, ...settings };
  return planGroup(options, skyOf(options));
}

describe("the band", () => {
  test("is the correlator's: 16 × 48 channels, subband 0 highest, all descending", () => {
    const { frequencyHz, channelWidthHz } = band("full");

    assert.equal(channelWidthHz, 244_140.625);
    assert.ok(Math.abs(frequencyHz[0]![0]! - 1_498_643_188.48) < 0.01);
    assert.ok(Math.abs(frequencyHz[15]![47]! - 1_311_387_329.1) < 0.01);
  });
});

describe("the strip's sky", () => {
  const sources = stripSources(5, 54 * DEGREE_RAD, 56.5 * DEGREE_RAD, 0);

  test("is the same for tiles that overlap, variables or not", () => {
    const narrow = stripSources(5, 55.1 * DEGREE_RAD, 55.2 * DEGREE_RAD, 0.5);

    const wide = new Map(sources.map((source) => [source.name, source.fluxJy]));
    assert.ok(narrow.every((source) => wide.get(source.name) === source.fluxJy));
    assert.ok(narrow.some((source) => source.lightCurve !== undefined));
  });

  test("keeps its sources 90″ apart", () => {
    const sorted = [...sources].sort((a, b) => a.decRad - b.decRad);
    let nearestRad = Infinity;
    sorted.forEach((one, index) => {
      for (let k = index + 1; k < sorted.length; k++) {
        const other = sorted[k]!;
        if (other.decRad - one.decRad > 0.001) break;
        const apart = separationRad(one.raRad, one.decRad, other.raRad, other.decRad);
        nearestRad = Math.min(nearestRad, apart);
      }
    });

    assert.ok(nearestRad > (89.9 / 3600) * DEGREE_RAD, `${nearestRad / DEGREE_RAD} deg`);
  });
});

describe("the demo", () => {
  test("has the calibrator in transit, then more than 6° away, and 20 to 30 bright sources", () => {
    for (const [index, tile] of [scenario.calibratorTile, ...scenario.scienceTiles].entries()) {
      const options = { ...tile, folder };
      const { sources } = planGroup(options, skyOf(options)).observation;
      const calibrator = sources.find(({ source }) => source.name === "0834+555")!;
      const bright = sources.filter(({ apparentFluxJy }) => apparentFluxJy > 0.03).length;

      const separationDeg = calibrator.separationRad / DEGREE_RAD;
      assert.ok(index === 0 ? separationDeg < 0.05 : separationDeg > 6, `${separationDeg} deg`);
      assert.ok(bright >= 18 && bright <= 35, `${bright} sources above 30 mJy`);
    }
  });
});

describe("file stamps", () => {
  test("spread as on the telescope, and the earliest is the group's", () => {
    const starts = Array.from({ length: 400 }, (_, k) => Date.UTC(2026, 0, 25) + k * 309_000);
    const spreads = starts.map((start) => {
      const stamps = fileStamps(start, "typical", 1).map((stamp) => Date.parse(`${stamp}Z`));
      assert.equal(Math.min(...stamps), start);
      return (Math.max(...stamps) - start) / 1000;
    });

    const share = (low: number, high: number): number =>
      spreads.filter((spread) => spread >= low && spread <= high).length / spreads.length;
    assert.ok(Math.abs(share(1, 1) - 0.77) < 0.07 && Math.abs(share(13, 19) - 0.08) < 0.04);
  });
});

describe("the instrument", () => {
  test("drifts so slowly that a solution 50 minutes old loses less than 0.5 % of the flux", () => {
    const { instrument, array, observation } = plan({ withNoise: false });
    const mjd = observation.timesMjd[0]!;
    const changes = array.activeIndices.flatMap((slot) =>
      instrument.receivers[slot]!.map(
        (receiver) => driftAt(receiver, mjd) - driftAt(receiver, mjd - 50 / 1440),
      ),
    );

    const variance = changes.reduce((sum, change) => sum + change * change, 0) / changes.length;
    assert.ok(1 - Math.exp(-variance) < 0.005, `${100 * variance} %`);
  });
});

describe.skipIf(!isHdf5Available())("simulated data (need the HDF5 addon)", () => {
  test("equal the direct sum over sources, baseline by baseline", () => {
    const noiseless = plan({ withNoise: false });
    const vis = subbandVis(noiseless, 3);

    for (const [time, i, j, channel, polarization] of SAMPLES) {
      const [re, im] = directSum(noiseless, 3, { time, i, j, channel, polarization });
      const at = itemOf(noiseless, { time, i, j, channel, polarization });
      const scale = Math.hypot(re, im) + 1e-4;
      const error = Math.hypot(vis[2 * at]! - re, vis[2 * at + 1]! - im) / scale;
      // float32 sums of 180 sources.
      assert.ok(error < 1e-4, `baseline ${i}-${j}: ${vis[2 * at]} ${re}, ${vis[2 * at + 1]} ${im}`);
    }
  });

  test("have a median magnitude of 0.05 and, where an antenna is dead, zeros", () => {
    const noisy = plan({ withNoise: true });
    const vis = subbandVis(noisy, 8);

    const magnitudes: number[] = [];
    let zeroCount = 0;
    const count = noisy.array.activeIndices.length;
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        const at = itemOf(noisy, { time: 5, i, j, channel: 1, polarization: 0 });
        const magnitude = Math.hypot(vis[2 * at]!, vis[2 * at + 1]!);
        if (magnitude === 0) zeroCount++;
        else magnitudes.push(magnitude);
      }
    }
    const median = magnitudes.sort((a, b) => a - b)[magnitudes.length >> 1]!;
    assert.ok(median > 0.035 && median < 0.075, `median ${median}`);
    assert.equal(zeroCount, count - 1);
  });

  test("are the same bytes for the same seed, with the truth beside them", async () => {
    const tile = scenario.scienceTiles[0]!;
    const first = await simulateGroup({ ...tile, folder: join(folder, "first") });
    const again = await simulateGroup({ ...tile, folder: join(folder, "again"), threadCount: 1 });

    assert.equal(first.files.length, 16);
    const sameBytes = (a: string, b: string): boolean => readFileSync(a).equals(readFileSync(b));
    assert.ok(sameBytes(first.files[4]!, again.files[4]!));
    assert.ok(sameBytes(first.truthPath, again.truthPath));
    assert.ok(readdirSync(join(folder, "first")).every((name) => !name.includes("incomplete")));
    using file = new Uvh5File(first.files[15]!);
    assert.equal(file.header.baselineCount, (63 * 64) / 2);
    assert.equal(file.header.antennaNames.length, 117);
    assert.ok(file.header.frequencyHz[0]! > file.header.frequencyHz[3]!);
  });
});

test.skipIf(!isHdf5Available() || !canMountDisks())(
  "a group that the disk has no room for is given up whole (needs root)",
  async () => {
    const full = join(folder, "full");
    mkdirSync(full);
    using disk = mountSmallDisk(full, 20 * 2 ** 20);

    await assert.rejects(simulateGroup({ ...scenario.scienceTiles[0]!, folder: full }), {
      tag: "DiskFull",
      message: /full has .* MiB free, the stage needs 112\.5 MiB/,
    });
    assert.deepEqual(readdirSync(disk.folder), []);
  },
);

interface Place {
  readonly time: number;
  readonly i: number;
  readonly j: number;
  readonly channel: number;
  readonly polarization: number;
}

/** [time, antenna i, antenna j, channel, polarization] */
const SAMPLES = [
  [0, 0, 1, 0, 0],
  [7, 3, 62, 2, 1],
  [23, 50, 61, 3, 0],
  [12, 5, 30, 1, 1],
] as const;

function itemOf({ array, band: { channelCount } }: GroupPlan, place: Place): number {
  const count = array.activeIndices.length;
  const { time, i, j, channel, polarization } = place;
  const baseline = i * count - (i * (i - 1)) / 2 + (j - i);
  const row = (time * count * (count + 1)) / 2 + baseline;
  return (row * channelCount + channel) * 2 + polarization;
}

/** The slow truth: one exponential a source and baseline. */
function directSum(plan: GroupPlan, subband: number, place: Place): [number, number] {
  const { observation, transmitters, array } = plan;
  const { time, i, j, channel, polarization } = place;
  const frequencyHz = plan.band.frequencyHz[subband]!;
  const channelCount = frequencyHz.length;
  const flux = apparentFluxes(observation, transmitters, frequencyHz, plan.band.channelWidthHz);
  const positions = activePositionsM(array);
  const columnCount = observation.sources.length + transmitters.length;
  let [re, im] = [0, 0];
  for (let column = 0; column < columnCount; column++) {
    const cell = time * columnCount + column;
    let pathM = 0;
    for (let k = 0; k < 3; k++) {
      const baselineM = positions[3 * j + k]! - positions[3 * i + k]!;
      pathM += baselineM * observation.directions[3 * cell + k]!;
    }
    const phase = (2 * Math.PI * frequencyHz[channel]! * pathM) / SPEED_OF_LIGHT_M_S;
    re += flux[cell * channelCount + channel]! * Math.cos(phase);
    im += flux[cell * channelCount + channel]! * Math.sin(phase);
  }
  const silent = [i, j].some((k) => plan.instrument.faults.has(array.activeIndices[k]!));
  if (silent) return [0, 0];
  const gains = gainTable(plan, frequencyHz);
  const gainAt = (antenna: number): [number, number] => {
    const cell = ((time * channelCount + channel) * 2 + polarization) * array.activeIndices.length;
    return [gains[2 * (cell + antenna)]!, gains[2 * (cell + antenna) + 1]!];
  };
  const [[ar, ai], [br, bi]] = [gainAt(i), gainAt(j)];
  const [gr, gi] = [ar * br + ai * bi, ar * bi - ai * br];
  return [gr * re - gi * im, gr * im + gi * re];
}
