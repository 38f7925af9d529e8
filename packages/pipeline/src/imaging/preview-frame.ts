/**
 * What stands around a preview: ticks with right ascension and declination, a color bar in mJy a
 * beam, and a caption. Pure.
 */
import { pixelToSky, type SkyPosition, type Wcs } from "@contimg/astro";
import type { RgbImage } from "@contimg/formats";

import { drawText, fillBox, type Point, type Rgb, textSize } from "./draw.ts";
import { BLACK_SIGMA, colorOf, stretch, WHITE_SIGMA } from "./preview-colors.ts";

export interface FrameOptions {
  /** Of the image that was binned into the picture. */
  readonly wcs: Wcs;
  readonly binFactor: number;
  /** One σ of the picture's pixels. */
  readonly rmsJy: number;
  readonly caption: string;
}

const BACKGROUND: Rgb = [16, 16, 20];
const INK: Rgb = [214, 214, 214];
const MARGIN = { left: 92, right: 132, top: 34, bottom: 40 };
const TICK_PIXELS = 7;
const BAR = { gap: 14, width: 22 };
/** Where the color bar has numbers [σ]. */
const BAR_SIGMAS = [0, 5, 10, 30, 100, 300];
const TICKS_MAX = 7;
const DEGREE = Math.PI / 180;
const ARCMIN = DEGREE / 60;
/** A minute of right ascension. */
const TIME_MINUTE = DEGREE / 4;

export function addFrame(picture: RgbImage, options: FrameOptions): RgbImage {
  const width = MARGIN.left + picture.width + MARGIN.right;
  const height = MARGIN.top + picture.height + MARGIN.bottom;
  const framed: RgbImage = { width, height, rgb: new Uint8Array(3 * width * height) };
  fillBox(framed, { x: 0, y: 0 }, { x: width, y: height }, BACKGROUND);
  for (let y = 0; y < picture.height; y++) {
    const row = picture.rgb.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
    framed.rgb.set(row, 3 * ((MARGIN.top + y) * width + MARGIN.left));
  }
  drawText(framed, { x: MARGIN.left, y: 10 }, fitting(options.caption, picture.width), INK);
  drawRightAscensions(framed, picture, options);
  drawDeclinations(framed, picture, options);
  drawColorBar(framed, picture, options.rmsJy);
  return framed;
}

/** Along the bottom, which is the image's first row. */
function drawRightAscensions(
  framed: RgbImage,
  { width, height }: RgbImage,
  options: FrameOptions,
): void {
  const places = Array.from({ length: width }, (_, x) => skyAt(options, { x, y: 0 })?.raRad);
  const bottom = MARGIN.top + height;
  for (const { at, value } of ticks(places, [1, 2, 5, 10, 20, 30, 60], TIME_MINUTE)) {
    const x = MARGIN.left + at;
    fillBox(framed, { x: x - 1, y: bottom }, { x: x + 1, y: bottom + TICK_PIXELS }, INK);
    const label = hourLabel(value);
    const left = x - textSize(label).width / 2;
    drawText(framed, { x: left, y: bottom + TICK_PIXELS + 5 }, label, INK);
  }
}

/** Along the left side. */
function drawDeclinations(framed: RgbImage, { height }: RgbImage, options: FrameOptions): void {
  const places = Array.from({ length: height }, (_, y) => skyAt(options, { x: 0, y })?.decRad);
  for (const { at, value } of ticks(places, [1, 2, 5, 10, 15, 30, 60, 120], ARCMIN)) {
    const y = MARGIN.top + height - 1 - at;
    const right = MARGIN.left;
    fillBox(framed, { x: right - TICK_PIXELS, y: y - 1 }, { x: right, y: y + 1 }, INK);
    const label = degreeLabel(value);
    const size = textSize(label);
    const left = right - TICK_PIXELS - 4 - size.width;
    drawText(framed, { x: left, y: y - size.height / 2 }, label, INK);
  }
}

/** The middle of a picture's pixel; y counts from the image's first row. */
function skyAt({ wcs, binFactor }: FrameOptions, { x, y }: Point): SkyPosition | undefined {
  const middle = (binFactor - 1) / 2;
  return pixelToSky(wcs, { x: x * binFactor + middle, y: y * binFactor + middle });
}

/** Where a coordinate passes a multiple of the smallest step that gives few enough of them. */
function ticks(
  places: readonly (number | undefined)[],
  steps: readonly number[],
  unit: number,
): { at: number; value: number }[] {
  let found: { at: number; value: number }[] = [];
  for (const step of steps) {
    found = crossings(places, step * unit);
    if (found.length <= TICKS_MAX) break;
  }
  return found;
}

function crossings(places: readonly (number | undefined)[], step: number) {
  const found: { at: number; value: number }[] = [];
  for (let at = 1; at < places.length; at++) {
    const [before, here] = [places[at - 1], places[at]];
    if (before === undefined || here === undefined) continue;
    const [low, high] = [Math.floor(before / step), Math.floor(here / step)];
    // Right ascension begins again at 24 h.
    const wraps = Math.abs(here - before) > Math.PI;
    if (low !== high) found.push({ at, value: wraps ? 0 : Math.max(low, high) * step });
  }
  return found;
}

/** Hours and minutes. */
function hourLabel(raRad: number): string {
  const minutes = Math.round(raRad / TIME_MINUTE);
  return `${pad(Math.floor(minutes / 60) % 24)}:${pad(minutes % 60)}`;
}

/** Degrees and arc minutes. */
function degreeLabel(decRad: number): string {
  const arcmin = Math.round(Math.abs(decRad) / ARCMIN);
  return `${decRad < 0 ? "-" : "+"}${pad(Math.floor(arcmin / 60))}:${pad(arcmin % 60)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function drawColorBar(framed: RgbImage, { width, height }: RgbImage, rmsJy: number): void {
  const left = MARGIN.left + width + BAR.gap;
  const bottom = MARGIN.top + height;
  for (let step = 0; step < height; step++) {
    const y = bottom - 1 - step;
    const color = colorOf(step / (height - 1));
    fillBox(framed, { x: left, y }, { x: left + BAR.width, y: y + 1 }, color);
  }
  for (const sigma of BAR_SIGMAS.filter((value) => value > BLACK_SIGMA && value <= WHITE_SIGMA)) {
    const y = bottom - 1 - stretch(sigma) * (height - 1);
    const right = left + BAR.width;
    fillBox(framed, { x: right, y: y - 1 }, { x: right + TICK_PIXELS, y: y + 1 }, INK);
    const label = fluxLabel(1e3 * sigma * rmsJy);
    const top = Math.max(MARGIN.top, y - textSize(label).height / 2);
    drawText(framed, { x: right + TICK_PIXELS + 4, y: top }, label, INK);
  }
  drawText(framed, { x: left, y: 10 }, "mJy/beam", INK);
}

function fluxLabel(mjy: number): string {
  return mjy === 0 ? "0" : mjy >= 100 ? mjy.toFixed(0) : mjy.toPrecision(2);
}

/** As much of a text as fits. */
function fitting(text: string, width: number): string {
  let kept = text;
  while (kept !== "" && textSize(kept).width > width) kept = kept.slice(0, -1);
  return kept;
}
