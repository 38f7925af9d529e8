/**
 * The settings of one image, from what its visibilities are and the tier that was asked for. Pure.
 *
 * Every setting says why it is what it is; a setting that was given wins over the rule and is
 * checked against the data, because a range alone cannot know that a cell is too coarse for the
 * longest baseline.
 */
import { airyPower, ARCSEC_RAD, DISH_DIAMETER_M, SPEED_OF_LIGHT_M_S } from "@contimg/astro";

import { PipelineError } from "../errors.ts";
import { type Tier, type TierName, TIERS } from "./tiers.ts";

/** What the visibilities say; see visibility-census.ts. */
export interface DataFacts {
  /** Longest baseline with a visibility that is not flagged, projected. */
  readonly longestBaselineM: number;
  readonly frequencyMinHz: number;
  readonly frequencyMaxHz: number;
  readonly channelCount: number;
  readonly dishDiameterM: number;
  /** Noise to expect of natural weighting [Jy/beam]; absent when the data cannot tell. */
  readonly expectedNoiseJy: number | undefined;
}

export interface ImageSettings {
  readonly cell_arcsec: number;
  readonly pixel_count: number;
  readonly robustness: number;
  readonly iterations_max: number;
  readonly major_gain: number;
  readonly auto_mask_sigma: number;
  readonly auto_threshold_sigma: number;
  /** CLEAN never goes below this, whatever it takes for noise; 0 for no such floor [Jy/beam]. */
  readonly threshold_jy: number;
  readonly channels_out: number;
}

export type SettingName = keyof ImageSettings;
/** Those that a person has chosen. */

export type GivenSettings = { [Name in SettingName]?: number };

const SETTING_NAMES: readonly SettingName[] = [
  "cell_arcsec",
  "pixel_count",
  "robustness",
  "iterations_max",
  "major_gain",
  "auto_mask_sigma",
  "auto_threshold_sigma",
  "threshold_jy",
  "channels_out",
];

/** The settings among the params of a stage, without those that are absent. */
export function givenSettings(params: {
  readonly [Name in SettingName]?: number | undefined;
}): GivenSettings {
  const given: GivenSettings = {};
  for (const name of SETTING_NAMES) {
    const value = params[name];
    if (value !== undefined) given[name] = value;
  }
  return given;
}

export interface ChosenSettings {
  readonly settings: ImageSettings;
  /** One phrase a setting. */
  readonly reasons: Readonly<Record<SettingName, string>>;
}

export const PIXEL_COUNT_MIN = 64;
export const PIXEL_COUNT_MAX = 16_384;
export const CELL_ARCSEC_MIN = 0.01;
export const CELL_ARCSEC_MAX = 600;
export const CHANNELS_OUT_MAX = 64;

/** @throws {PipelineError} InvalidParams for a given setting that these visibilities forbid */
export function chooseSettings(
  tierName: TierName,
  facts: DataFacts,
  given: GivenSettings,
): ChosenSettings {
  const tier = TIERS[tierName];
  const fringeArcsec = fringeOf(facts);
  const finestCell = cellOf(tier, fringeArcsec);
  const cell = given.cell_arcsec ?? finestCell;
  const rules: Rules = {
    cell_arcsec: [finestCell, cellReason(tier, facts, fringeArcsec)],
    pixel_count: pixelRule(tier, facts, cell),
    robustness: [
      tier.robustness,
      "the core of the T holds most baselines and would widen the beam",
    ],
    iterations_max: [tier.iterationsMax, "a stop for what never ends; thresholds end it before"],
    major_gain: [tier.majorGain, `tier ${tierName}`],
    auto_mask_sigma: [tier.autoMaskSigma, `tier ${tierName}`],
    auto_threshold_sigma: [tier.autoThresholdSigma, `tier ${tierName}`],
    threshold_jy: thresholdRule(
      given.auto_threshold_sigma ?? tier.autoThresholdSigma,
      facts.expectedNoiseJy,
    ),
    channels_out: channelRule(tier, facts),
  };
  const chosen = apply(rules, given);
  checkAgainstData(chosen.settings, facts, fringeArcsec);
  return chosen;
}

/** What DSA-110's whole array gives a tier: for estimates before the data are seen. */
export function nominalSettings(
  tierName: TierName,
  given: GivenSettings,
): Pick<ImageSettings, "pixel_count" | "channels_out"> {
  const tier = TIERS[tierName];
  const cell = given.cell_arcsec ?? cellOf(tier, fringeOf(DSA_FACTS));
  return {
    pixel_count: given.pixel_count ?? pixelRule(tier, DSA_FACTS, cell)[0],
    channels_out: given.channels_out ?? channelRule(tier, DSA_FACTS)[0],
  };
}

const DSA_FACTS: DataFacts = {
  longestBaselineM: 2500,
  frequencyMinHz: 1.311e9,
  frequencyMaxHz: 1.4985e9,
  channelCount: 192,
  dishDiameterM: DISH_DIAMETER_M,
  expectedNoiseJy: undefined,
};

/** Of the longest baseline at the highest frequency [arcsec]. */
function fringeOf({ frequencyMaxHz, longestBaselineM }: DataFacts): number {
  return SPEED_OF_LIGHT_M_S / frequencyMaxHz / longestBaselineM / ARCSEC_RAD;
}

type Rules = { readonly [Name in SettingName]: readonly [value: number, reason: string] };

function apply(rules: Rules, given: GivenSettings): ChosenSettings {
  const pick = (name: SettingName): number => given[name] ?? rules[name][0];
  const why = (name: SettingName): string =>
    given[name] === undefined ? rules[name][1] : `given; the rule says ${rules[name][0]}`;
  return { settings: mapSettings(pick), reasons: mapSettings(why) };
}

function mapSettings<Value>(of: (name: SettingName) => Value): Record<SettingName, Value> {
  return {
    cell_arcsec: of("cell_arcsec"),
    pixel_count: of("pixel_count"),
    robustness: of("robustness"),
    iterations_max: of("iterations_max"),
    major_gain: of("major_gain"),
    auto_mask_sigma: of("auto_mask_sigma"),
    auto_threshold_sigma: of("auto_threshold_sigma"),
    threshold_jy: of("threshold_jy"),
    channels_out: of("channels_out"),
  };
}

/**
 * Rounded down to steps that a lost outrigger seldom crosses, so that tiles share their pixels.
 */
function cellOf(tier: Tier, fringeArcsec: number): number {
  const wanted = fringeArcsec / tier.pixelsPerFringe;
  const step = wanted < 1 ? 0.1 : wanted < 10 ? 0.5 : wanted < 60 ? 5 : 60;
  const rounded = Math.floor(wanted / step + 1e-9) * step;
  return clamp(Number((rounded > 0 ? rounded : wanted).toPrecision(3)), {
    least: CELL_ARCSEC_MIN,
    most: CELL_ARCSEC_MAX,
  });
}

function cellReason(tier: Tier, facts: DataFacts, fringeArcsec: number): string {
  const [length, fringe] = [facts.longestBaselineM.toFixed(0), fringeArcsec.toFixed(2)];
  return (
    `${tier.pixelsPerFringe} pixels or more a fringe of ${fringe} arcsec, ` +
    `that of ${length} m at ${mhz(facts.frequencyMaxHz)} MHz`
  );
}

function pixelRule(tier: Tier, facts: DataFacts, cellArcsec: number): readonly [number, string] {
  const middleHz = (facts.frequencyMinHz + facts.frequencyMaxHz) / 2;
  const radiusRad = radiusOfResponse(tier.edgeResponse, middleHz, facts.dishDiameterM);
  const wanted = (2 * radiusRad) / (cellArcsec * ARCSEC_RAD);
  const count = fftFriendly(clamp(wanted, { least: PIXEL_COUNT_MIN, most: PIXEL_COUNT_MAX }));
  const degrees = ((2 * radiusRad * 180) / Math.PI).toFixed(2);
  return [
    count,
    `${degrees} deg, to where the beam of a ${facts.dishDiameterM} m dish is at ` +
      `${tier.edgeResponse}, in the nearest number that FFTs like`,
  ];
}

/** Where the beam's main lobe has fallen to a response, by bisection. */
export function radiusOfResponse(response: number, frequencyHz: number, diameterM: number): number {
  // The first null of the Airy pattern: sin θ = 1.21967 λ/D (Born & Wolf, §8.5.2).
  const firstNull = (1.21967 * SPEED_OF_LIGHT_M_S) / frequencyHz / diameterM;
  let [inside, outside] = [0, Math.asin(Math.min(1, firstNull))];
  for (let round = 0; round < 60; round++) {
    const middle = (inside + outside) / 2;
    if (airyPower(middle, frequencyHz, diameterM) >= response) inside = middle;
    else outside = middle;
  }
  return inside;
}

/** The nearest multiple of four without a prime factor above five; of two as near, the larger. */
export function fftFriendly(wanted: number): number {
  let above = Math.max(4, 4 * Math.ceil(wanted / 4));
  while (!isSmooth(above)) above += 4;
  let below = Math.max(4, 4 * Math.floor(wanted / 4));
  while (!isSmooth(below)) below -= 4;
  return wanted - below < above - wanted ? below : above;
}

function isSmooth(count: number): boolean {
  let rest = count;
  for (const prime of [2, 3, 5]) while (rest % prime === 0) rest /= prime;
  return rest === 1;
}

function thresholdRule(sigma: number, noiseJy: number | undefined): readonly [number, string] {
  if (noiseJy === undefined) return [0, "no floor: the polarizations do not tell the noise"];
  const floorJy = Number((sigma * noiseJy).toPrecision(3));
  const noise = (1e6 * noiseJy).toFixed(0);
  return [floorJy, `${sigma} times ${noise} uJy, the noise of XX-YY under natural weights`];
}

function channelRule(tier: Tier, facts: DataFacts): readonly [number, string] {
  const middleHz = (facts.frequencyMinHz + facts.frequencyMaxHz) / 2;
  const fraction = (facts.frequencyMaxHz - facts.frequencyMinHz) / middleHz;
  const wanted = Math.ceil(fraction / tier.channelFraction - 1e-9);
  const count = Math.max(1, Math.min(wanted, facts.channelCount, CHANNELS_OUT_MAX));
  const percent = (100 * fraction).toFixed(1);
  return [count, `a band of ${percent} % in parts of at most ${100 * tier.channelFraction} %`];
}

/** A cell of half a fringe is the coarsest that the longest baseline can be gridded with. */
function checkAgainstData(settings: ImageSettings, facts: DataFacts, fringeArcsec: number): void {
  const cellMax = fringeArcsec / 2;
  if (settings.cell_arcsec > cellMax) {
    throw invalid("cell_arcsec", settings.cell_arcsec, {
      range: `${CELL_ARCSEC_MIN} to ${cellMax.toFixed(2)}`,
      why: `half a fringe of the longest baseline, ${facts.longestBaselineM.toFixed(0)} m`,
    });
  }
  if (settings.channels_out > facts.channelCount) {
    throw invalid("channels_out", settings.channels_out, {
      range: `1 to ${facts.channelCount}`,
      why: "the channels that there are",
    });
  }
  const { auto_mask_sigma: mask, auto_threshold_sigma: threshold } = settings;
  if (threshold > mask) {
    throw invalid("auto_threshold_sigma", threshold, {
      range: `0 to ${mask}`,
      why: "auto_mask_sigma; CLEAN goes from the mask's level down to the threshold's",
    });
  }
}

function invalid(
  field: SettingName,
  value: number,
  wanted: { range: string; why: string },
): PipelineError {
  const message = `${field} is ${value}, expected ${wanted.range} (${wanted.why})`;
  return new PipelineError("InvalidParams", message, { field, value, range: wanted.range });
}

function clamp(value: number, { least, most }: { least: number; most: number }): number {
  return Math.min(Math.max(value, least), most);
}

function mhz(frequencyHz: number): string {
  return (frequencyHz / 1e6).toFixed(1);
}
