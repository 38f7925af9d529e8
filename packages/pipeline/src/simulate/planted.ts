/**
 * Faint sources planted into one tile's view: what completeness near the limit is judged by. The
 * seeded sky alone has too few there, for it must stay affordable over a whole strip.
 */
import { DEGREE_RAD, earthOrientation, icrsOfHourAngleDec } from "@contimg/astro";

import { DSA_SITE } from "./array.ts";
import { observe } from "./observe.ts";
import { randomStream } from "./random.ts";
import { integrationCenters, type SimulateOptions, skyOf } from "./simulate-group.ts";
import { isTooClose, type SkySource } from "./strip-sky.ts";

export interface PlantOptions {
  readonly count: number;
  /** Apparent, at the middle of the band; evenly drawn between them. */
  readonly apparentMinJy: number;
  readonly apparentMaxJy: number;
}

/** Out to a third of the beam's response, as far as a tile is judged. */
const RADIUS_RAD = 1.6 * DEGREE_RAD;
const MID_BAND_HZ = 1.405e9;

/** Sources for `otherSources` of the same tile, none near another of its sky. */
export function plantFaint(
  tile: Omit<SimulateOptions, "folder">,
  options: PlantOptions,
): SkySource[] {
  const random = randomStream("planted", tile.seed, tile.startUnixMs);
  const timesMjd = integrationCenters(tile.startUnixMs);
  const sky = skyOf({ ...tile, folder: "" });
  const middle = earthOrientation((timesMjd[0]! + timesMjd.at(-1)!) / 2, DSA_SITE);
  const axis = icrsOfHourAngleDec(middle, 0, tile.pointingDecRad);
  const planted: SkySource[] = [];
  while (planted.length < options.count) {
    const [x, y] = [random.between(-1, 1), random.between(-1, 1)];
    const apparentJy = random.between(options.apparentMinJy, options.apparentMaxJy);
    if (Math.hypot(x, y) > 1) continue;
    const decRad = axis.decRad + RADIUS_RAD * y;
    const raRad = axis.raRad + (RADIUS_RAD * x) / Math.cos(decRad);
    const one = { name: `PLANTED${planted.length + 1}`, raRad, decRad, fluxJy: 1 };
    const source = { ...one, spectralIndex: -0.75, referenceFrequencyHz: MID_BAND_HZ };
    if ([...sky, ...planted].some((other) => isTooClose(source, other))) continue;
    const { sources } = observe({
      ...{ sky: [source], transmitters: [], timesMjd, site: DSA_SITE },
      pointingDecRad: tile.pointingDecRad,
    });
    planted.push({ ...source, fluxJy: apparentJy / sources[0]!.apparentFluxJy });
  }
  return planted;
}
