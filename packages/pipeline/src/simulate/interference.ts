/**
 * Radio interference: transmitters on the horizon, strong and outside the primary beam.
 *
 * Two narrow-band carriers stand at fixed frequencies and are always on; one broad burst comes in
 * each group. A transmitter is a point source in the local frame, so it is coherent between
 * antennas, as real interference is. A channel that it fills in part sees it diluted.
 */
import type { Site } from "@contimg/astro";
import { INTEGRATION_SECONDS, TIME_COUNT } from "./array.ts";
import { randomStream } from "./random.ts";

const CARRIER_COUNT = 2;
const CARRIER_WIDTH_HZ = 0.3e6;
const CARRIER_FLUX_JY = { min: 300, max: 900 };
const BURST_WIDTH_HZ = 8e6;
const BURST_FLUX_JY = { min: 100, max: 300 };
const BURST_SECONDS_MAX = 2 * INTEGRATION_SECONDS;
const BAND_HZ = { min: 1.32e9, max: 1.49e9 };

export interface Transmitter {
  readonly kind: "carrier" | "burst";
  readonly centerHz: number;
  readonly widthHz: number;
  readonly fluxJy: number;
  /** Integrations during which it is on. */
  readonly firstTime: number;
  readonly timeCount: number;
  /** Unit vector in the local frame. */
  readonly direction: readonly [number, number, number];
}

export function drawTransmitters(seed: number, groupId: string, site: Site): Transmitter[] {
  const fixed = randomStream("carriers", seed);
  const passing = randomStream("burst", seed, groupId);
  const carriers = Array.from({ length: CARRIER_COUNT }, () => ({
    kind: "carrier" as const,
    centerHz: fixed.between(BAND_HZ.min, BAND_HZ.max),
    widthHz: CARRIER_WIDTH_HZ,
    fluxJy: fixed.between(CARRIER_FLUX_JY.min, CARRIER_FLUX_JY.max),
    firstTime: 0,
    timeCount: TIME_COUNT,
    direction: horizon(fixed.between(0, 2 * Math.PI), site),
  }));
  const timeCount = 1 + passing.integer(BURST_SECONDS_MAX / INTEGRATION_SECONDS);
  const burst = {
    kind: "burst" as const,
    centerHz: passing.between(BAND_HZ.min, BAND_HZ.max),
    widthHz: BURST_WIDTH_HZ,
    fluxJy: passing.between(BURST_FLUX_JY.min, BURST_FLUX_JY.max),
    firstTime: passing.integer(TIME_COUNT - timeCount),
    timeCount,
    direction: horizon(passing.between(0, 2 * Math.PI), site),
  };
  return [...carriers, burst];
}

/** Flux in a channel at an integration; 0 when off or out of the channel. */
export function transmitterFluxJy(
  transmitter: Transmitter,
  time: number,
  frequencyHz: number,
  channelWidthHz: number,
): number {
  const { firstTime, timeCount, centerHz, widthHz, fluxJy } = transmitter;
  if (time < firstTime || time >= firstTime + timeCount) return 0;
  const low = Math.max(frequencyHz - channelWidthHz / 2, centerHz - widthHz / 2);
  const high = Math.min(frequencyHz + channelWidthHz / 2, centerHz + widthHz / 2);
  return fluxJy * Math.max(0, (high - low) / channelWidthHz);
}

/** @param azimuthRad from north through east */
function horizon(azimuthRad: number, site: Site): [number, number, number] {
  const north = Math.cos(azimuthRad);
  const sinLatitude = Math.sin(site.latitudeRad);
  return [-sinLatitude * north, Math.sin(azimuthRad), Math.cos(site.latitudeRad) * north];
}
