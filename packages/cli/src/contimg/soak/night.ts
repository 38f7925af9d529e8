/**
 * A night to be played: which tiles the telescope takes, what is wrong with the data of some, and
 * what happens to the processes meanwhile. Pure: a seed gives one night.
 */
import { DEGREE_RAD, mjdFromUnixMs } from "@contimg/astro";
import {
  groupIdOf,
  isCalibratorTile,
  knownCalibrator,
  predictTransits,
  randomStream,
  type ScenarioTile,
  TILE_SECONDS,
  type TileSize,
  transitOf,
} from "@contimg/pipeline";

export const DATA_FAULTS = {
  "missing-subbands": "two subbands never come",
  "late-subbands": "two subbands come after the tile was run without them",
  "duplicate-subband": "a host writes its subband twice",
  "corrupt-subband": "a subband's header is overwritten",
  "truncated-subband": "a subband is cut short, and copied again after the tile was run",
  "too-few-subbands": "half of the subbands never come",
  "dead-calibrator": "the calibrator is not there",
  slew: "the telescope moves: half of the subbands say another declination",
  "no-calibration": "the telescope points where nothing was calibrated",
} as const;

export type DataFault = keyof typeof DATA_FAULTS;

/** How a tile ends. Open: not at all, which is a loss. */
export type Fate = "imaged" | "held" | "failed" | "refused" | "open";

export interface NightTile {
  readonly index: number;
  readonly groupId: string;
  readonly plan: ScenarioTile;
  readonly fault: DataFault | null;
  readonly expected: Fate;
}

export const DISTURBANCES = {
  "kill-worker": "kill -9 of the worker that runs the stage",
  "kill-database": "kill -9 of PostgreSQL, which is started again",
  "stop-worker": "SIGSTOP of the worker past its lease, then SIGCONT",
  "kill-ingest": "kill -9 of ingest when half of the tile's files have come",
  "kill-stage": "kill -9 of the stage's own process, as for want of memory",
  "fill-disk": "the disk of an area is full until a run says so",
} as const;

export type DisturbanceKind = keyof typeof DISTURBANCES;

export interface Disturbance {
  readonly kind: DisturbanceKind;
  /** It happens to the first run of this stage of this or a later tile; null: to the tile. */
  readonly stage: string | null;
  readonly fromTile: number;
}

export interface Night {
  readonly seed: number;
  readonly size: TileSize;
  readonly tiles: readonly NightTile[];
  readonly disturbances: readonly Disturbance[];
}

export interface NightOptions {
  readonly tileCount: number;
  readonly size: TileSize;
  readonly seed: number;
  readonly withFaults: boolean;
}

/** Transits at midnight of the telescope, at the declination where it often points. */
const CALIBRATOR = "0834+555";
const DATE_UNIX_MS = Date.UTC(2026, 0, 25);
const MS_PER_TILE = 1000 * TILE_SECONDS;
/** Solutions reach 2.5° in declination. */
const ELSEWHERE_DEG = [4, -4, 5, -5, 6, -6];
/** In longer nights tiles follow each other, and the calibrator comes later: many wait for it. */
const LONG_NIGHT = 8;
/** A short one leaves out those that see the calibrator drift through the edge of the beam. */
const LEFT_OUT = 8;

const EXPECTED: Readonly<Record<DataFault, Fate>> = {
  "missing-subbands": "imaged",
  "late-subbands": "imaged",
  "duplicate-subband": "imaged",
  "corrupt-subband": "imaged",
  "truncated-subband": "imaged",
  "too-few-subbands": "refused",
  "dead-calibrator": "imaged",
  slew: "failed",
  "no-calibration": "held",
};

export function planNight(options: NightOptions): Night {
  const { tileCount, size, seed, withFaults } = options;
  const calibratorIndex = tileCount < LONG_NIGHT ? Math.min(1, tileCount - 1) : tileCount >> 2;
  const calibrator = knownCalibrator(CALIBRATOR);
  const transit = transitOf(calibrator, DATE_UNIX_MS);
  const { pointingDecRad } = transit;
  const startOf = (index: number): number => {
    const place = index - calibratorIndex;
    const slot = tileCount < LONG_NIGHT ? place + LEFT_OUT * Math.sign(place) : place;
    return wholeSecond(transit.unixMs + (slot - 0.5) * MS_PER_TILE);
  };
  const isSolved = (index: number): boolean =>
    isCalibratorTile(middleMjd(startOf(index)), pointingDecRad);
  const solved = Array.from({ length: tileCount }, (_, index) => index).filter(isSolved);
  const faults = withFaults
    ? dealFaults({ ...options, solved, calibratorIndex })
    : new Map<number, DataFault>();
  const others = otherCalibrators(startOf(0), tileCount, pointingDecRad);
  const areDead = [...faults.values()].includes("dead-calibrator");
  const tiles = Array.from({ length: tileCount }, (_, index): NightTile => {
    const fault = faults.get(index) ?? null;
    const plan: ScenarioTile = {
      ...{ size, seed, calibrator, startUnixMs: startOf(index) },
      // The first tile's catalogue is that of the night, which knows nothing of their death.
      otherCalibrators: areDead && index > 0 ? [] : others,
      pointingDecRad:
        fault === "no-calibration" ? elsewhere(startOf(index), pointingDecRad) : pointingDecRad,
    };
    const expected = fault === null ? "imaged" : EXPECTED[fault];
    return { index, groupId: groupIdOf(plan), plan, fault, expected };
  });
  return { seed, size, tiles, disturbances: withFaults ? planDisturbances(tileCount) : [] };
}

/** The calibrators that cross the beam brightly enough to be solved with; the sky has them, too. */
function otherCalibrators(startUnixMs: number, tileCount: number, pointingDecRad: number) {
  const fromMjd = middleMjd(startUnixMs - 2 * MS_PER_TILE);
  const days = ((tileCount + 4) * TILE_SECONDS) / 86_400;
  return predictTransits({ fromMjd, days, pointingDecRad })
    .map(({ calibrator }) => calibrator)
    .filter(({ name }) => name !== knownCalibrator(CALIBRATOR).name);
}

interface Deal extends NightOptions {
  /** Tiles that ingest has solved. */
  readonly solved: readonly number[];
  readonly calibratorIndex: number;
}

/** In the order in which a short night has them. */
const DEALT: readonly DataFault[] = [
  "corrupt-subband",
  "too-few-subbands",
  "late-subbands",
  "missing-subbands",
  "duplicate-subband",
  "truncated-subband",
];

/** At most every third tile has bad data; the end of a long night points elsewhere. */
function dealFaults({ tileCount, seed, solved, calibratorIndex }: Deal): Map<number, DataFault> {
  const faults = new Map<number, DataFault>();
  for (const index of solved) if (index !== calibratorIndex) faults.set(index, "dead-calibrator");
  if (tileCount >= LONG_NIGHT) {
    faults.set(tileCount - 1, "no-calibration");
    faults.set(tileCount - 2, "slew");
  }
  const random = randomStream("night", seed);
  const free = Array.from({ length: tileCount }, (_, index) => index).filter(
    (index) => index > 0 && !solved.includes(index) && !faults.has(index),
  );
  const count = tileCount < LONG_NIGHT ? tileCount - 2 : Math.floor(tileCount / 3) - faults.size;
  for (let dealt = 0; dealt < count && free.length > 0; dealt++) {
    const [index] = free.splice(random.integer(free.length), 1);
    faults.set(index!, DEALT[dealt % DEALT.length]!);
  }
  return faults;
}

/** In the order in which they happen; a short night has the first ones. */
const DISTURBED: readonly (readonly [DisturbanceKind, string | null])[] = [
  ["kill-ingest", null],
  ["kill-worker", "imaging"],
  ["kill-database", "imaging"],
  ["stop-worker", "imaging"],
  ["kill-stage", "imaging"],
  ["fill-disk", "imaging"],
  ["kill-worker", "convert-uvh5-to-ms"],
  ["kill-database", "calibration-apply"],
  ["kill-worker", "calibration-apply"],
  ["kill-stage", "validation"],
  ["kill-database", "convert-uvh5-to-ms"],
  ["stop-worker", "photometry"],
];
const TILES_PER_DISTURBANCE = 2.5;

/** Evenly over the night; the end is left free, so that each finds its occasion. */
function planDisturbances(tileCount: number): Disturbance[] {
  const isShort = tileCount < LONG_NIGHT;
  const wanted = isShort ? tileCount - 1 : Math.floor(tileCount / TILES_PER_DISTURBANCE);
  const count = Math.min(DISTURBED.length, wanted);
  return DISTURBED.slice(0, count).map(([kind, stage], place) => ({
    ...{ kind, stage },
    fromTile: isShort ? 0 : Math.floor((place * (tileCount - 4)) / count),
  }));
}

function elsewhere(startUnixMs: number, pointingDecRad: number): number {
  const declinations = ELSEWHERE_DEG.map((degrees) => pointingDecRad + degrees * DEGREE_RAD);
  const found = declinations.find((decRad) => !isCalibratorTile(middleMjd(startUnixMs), decRad));
  if (found === undefined) throw new Error("every declination near has a calibrator");
  return found;
}

function middleMjd(startUnixMs: number): number {
  return mjdFromUnixMs(startUnixMs + MS_PER_TILE / 2);
}

/** File names carry whole seconds, so starts do too. */
function wholeSecond(unixMs: number): number {
  return Math.round(unixMs / 1000) * 1000;
}
