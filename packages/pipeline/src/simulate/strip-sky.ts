/**
 * A seeded sky of point sources: one sky, whichever tile looks at it.
 *
 * The sphere is cut into bands of 1° in declination, each drawn from its own stream, so that tiles
 * of one strip, and of neighboring strips, see the same sources. Counts follow N(>S) ∝ S^-0.8, near
 * the slope of real counts between 10 mJy and 1 Jy.
 */
import { DEGREE_RAD, ARCSEC_RAD, formatDegrees, formatHours } from "@contimg/astro";
import type { CatalogSource } from "@contimg/formats";
import { randomStream, type RandomStream } from "./random.ts";

const FLUX_MIN_JY = 0.012;
const FLUX_MAX_JY = 2;
const COUNT_SLOPE = 0.8;
/** Above 12 mJy. With the beam this leaves 20 to 30 sources above 30 mJy apparent in a tile. */
const SOURCES_PER_SQUARE_DEGREE = 5.5;
const REFERENCE_FREQUENCY_HZ = 1.4e9;
/** So that a beam of 30″ measures each source alone. */
const SEPARATION_MIN_RAD = 90 * ARCSEC_RAD;

/** A sinusoidal light curve: factor 1 + depth · sin(2π t / period + phase). */
export interface LightCurve {
  readonly depth: number;
  readonly periodDays: number;
  readonly phaseRad: number;
}

export interface SkySource extends CatalogSource {
  /** Absent for steady sources. */
  readonly lightCurve?: LightCurve;
}

/** All sources whose declination lies in the bands that touch the range. */
export function stripSources(
  seed: number,
  decMinRad: number,
  decMaxRad: number,
  variableFraction: number,
): SkySource[] {
  const first = Math.floor(decMinRad / DEGREE_RAD);
  const last = Math.floor(decMaxRad / DEGREE_RAD);
  const sources: SkySource[] = [];
  for (let bandDeg = Math.max(first, -90); bandDeg <= Math.min(last, 89); bandDeg++) {
    sources.push(...bandSources(seed, bandDeg, variableFraction));
  }
  return sources;
}

/** The light curve's factor at a time. */
export function variation(source: SkySource, mjd: number): number {
  const curve = source.lightCurve;
  if (curve === undefined) return 1;
  return 1 + curve.depth * Math.sin((2 * Math.PI * mjd) / curve.periodDays + curve.phaseRad);
}

function bandSources(seed: number, bandDeg: number, variableFraction: number): SkySource[] {
  const random = randomStream("sky", seed, bandDeg);
  // Half the least separation stays free at both edges, so neighbors in other bands keep away too.
  const sinMin = Math.sin(bandDeg * DEGREE_RAD + SEPARATION_MIN_RAD / 2);
  const sinMax = Math.sin((bandDeg + 1) * DEGREE_RAD - SEPARATION_MIN_RAD / 2);
  const squareDegrees = (360 / DEGREE_RAD) * (sinMax - sinMin);
  const count = Math.round(SOURCES_PER_SQUARE_DEGREE * squareDegrees);
  const sources: SkySource[] = [];
  while (sources.length < count) {
    const source = drawSource(random, sinMin, sinMax, variableFraction);
    if (!sources.some((other) => isTooClose(source, other))) sources.push(source);
  }
  return sources;
}

function drawSource(
  random: RandomStream,
  sinMin: number,
  sinMax: number,
  variableFraction: number,
): SkySource {
  const raRad = random.between(0, 2 * Math.PI);
  const decRad = Math.asin(random.between(sinMin, sinMax));
  const fluxJy = drawFluxJy(random);
  const spectralIndex = -0.75 + 0.2 * random.normal();
  // Drawn for every source, so that the fraction changes no position and no flux.
  const lightCurve = {
    depth: random.between(0.2, 0.5),
    periodDays: random.between(20, 120),
    phaseRad: random.between(0, 2 * Math.PI),
  };
  const isVariable = random.uniform() < variableFraction;
  const name = sourceName(raRad, decRad);
  const base = { name, raRad, decRad, fluxJy, spectralIndex };
  const source = { ...base, referenceFrequencyHz: REFERENCE_FREQUENCY_HZ };
  return isVariable ? { ...source, lightCurve } : source;
}

/** Inverse of the truncated power law's distribution. */
function drawFluxJy(random: RandomStream): number {
  const rarest = (FLUX_MAX_JY / FLUX_MIN_JY) ** -COUNT_SLOPE;
  return FLUX_MIN_JY * random.between(rarest, 1) ** (-1 / COUNT_SLOPE);
}

function sourceName(raRad: number, decRad: number): string {
  const ra = formatHours(raRad, 0).replaceAll(":", "");
  return `J${ra}${formatDegrees(decRad, 0).replaceAll(":", "")}`;
}

export function isTooClose(one: SkySource, other: SkySource): boolean {
  const dDec = one.decRad - other.decRad;
  if (Math.abs(dDec) > SEPARATION_MIN_RAD) return false;
  const turn = Math.abs(one.raRad - other.raRad);
  const dRa = Math.min(turn, 2 * Math.PI - turn) * Math.cos(one.decRad);
  return Math.hypot(dDec, dRa) < SEPARATION_MIN_RAD;
}
