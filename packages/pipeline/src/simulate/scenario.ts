/**
 * Ready-made observations: where to point, and when, for a calibrator tile and science tiles.
 */
import { mjdFromUnixMs, nextTransit, unixMsFromMjd } from "@contimg/astro";
import type { Calibrator } from "@contimg/formats";

import { DSA_SITE } from "../array-site.ts";
import { knownCalibrator } from "../calibrators/in-beam.ts";
import { TILE_SECONDS, type TileSize } from "./array.ts";
import { stampOf } from "./file-names.ts";
import type { SimulateOptions } from "./simulate-group.ts";

/** 8.8 Jy at 20 cm, unresolved to 100 kλ, at the declination where the telescope often points. */
const DEMO_CALIBRATOR = "0834+555";
const DEMO_DATE_UNIX_MS = Date.UTC(2026, 0, 25);
/** 46 and 52 minutes after transit the calibrator is 6.6° and 7.3° from the beam's axis. */
const DEMO_SCIENCE_TILES = [9, 10];

export interface Scenario {
  readonly calibrator: Calibrator;
  readonly pointingDecRad: number;
  readonly calibratorTile: ScenarioTile;
  readonly scienceTiles: readonly ScenarioTile[];
}

/** All that `simulateGroup` needs apart from the folder. */
export type ScenarioTile = Omit<SimulateOptions, "folder">;

/** The demo: 0834+555 in transit, and two tiles after it has left the beam. */
export function demoScenario(size: TileSize, seed: number): Scenario {
  const calibrator = knownCalibrator(DEMO_CALIBRATOR);
  const transit = transitOf(calibrator, DEMO_DATE_UNIX_MS);
  const { pointingDecRad } = transit;
  const firstStartMs = wholeSecond(transit.unixMs - (TILE_SECONDS / 2) * 1000);
  const tile = (index: number): ScenarioTile => ({
    size,
    seed,
    calibrator,
    pointingDecRad,
    startUnixMs: wholeSecond(firstStartMs + index * TILE_SECONDS * 1000),
  });
  return {
    calibrator,
    pointingDecRad,
    calibratorTile: tile(0),
    scienceTiles: DEMO_SCIENCE_TILES.map(tile),
  };
}

/** Groups are named after the start of their first integration. */
export function groupIdOf(tile: ScenarioTile): string {
  return stampOf(tile.startUnixMs);
}

/** When a calibrator next crosses the meridian, and at what apparent declination. */
export function transitOf(
  calibrator: Calibrator,
  afterUnixMs: number,
): { unixMs: number; pointingDecRad: number } {
  const { mjdUtc, decRad } = nextTransit(calibrator, DSA_SITE, mjdFromUnixMs(afterUnixMs));
  return { unixMs: unixMsFromMjd(mjdUtc), pointingDecRad: decRad };
}

/** File names carry whole seconds, so starts do too. */
function wholeSecond(unixMs: number): number {
  return Math.round(unixMs / 1000) * 1000;
}
