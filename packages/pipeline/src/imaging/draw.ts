/** Marks on RGB pixels: lines, ellipses and a few characters. Row 0 is the top. */
import type { RgbImage } from "@contimg/formats";

export type Rgb = readonly [number, number, number];

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** 3×5 dots, rows from the top, the leftmost dot in the highest bit. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  "0": [7, 5, 5, 5, 7],
  "1": [2, 6, 2, 2, 7],
  "2": [7, 1, 7, 4, 7],
  "3": [7, 1, 7, 1, 7],
  "4": [5, 5, 7, 1, 1],
  "5": [7, 4, 7, 1, 7],
  "6": [7, 4, 7, 5, 7],
  "7": [7, 1, 1, 1, 1],
  "8": [7, 5, 7, 5, 7],
  "9": [7, 5, 7, 1, 7],
  "'": [2, 2, 0, 0, 0],
  '"': [5, 5, 0, 0, 0],
  ".": [0, 0, 0, 0, 2],
  x: [0, 5, 2, 5, 0],
  "+": [0, 2, 7, 2, 0],
  "-": [0, 0, 7, 0, 0],
  "/": [1, 1, 2, 4, 4],
  ":": [0, 2, 0, 2, 0],
  A: [2, 5, 7, 5, 5],
  B: [6, 5, 6, 5, 6],
  C: [3, 4, 4, 4, 3],
  D: [6, 5, 5, 5, 6],
  E: [7, 4, 6, 4, 7],
  F: [7, 4, 6, 4, 4],
  G: [3, 4, 5, 5, 3],
  H: [5, 5, 7, 5, 5],
  I: [7, 2, 2, 2, 7],
  J: [1, 1, 1, 5, 2],
  K: [5, 5, 6, 5, 5],
  L: [4, 4, 4, 4, 7],
  M: [5, 7, 7, 5, 5],
  N: [6, 5, 5, 5, 5],
  O: [2, 5, 5, 5, 2],
  P: [6, 5, 6, 4, 4],
  Q: [2, 5, 5, 6, 3],
  R: [6, 5, 6, 5, 5],
  S: [3, 4, 2, 1, 6],
  T: [7, 2, 2, 2, 2],
  U: [5, 5, 5, 5, 7],
  V: [5, 5, 5, 5, 2],
  W: [5, 5, 7, 7, 5],
  X: [5, 5, 2, 5, 5],
  Y: [5, 5, 2, 2, 2],
  Z: [7, 1, 2, 4, 7],
};
const GLYPH_WIDTH = 3;
const GLYPH_HEIGHT = 5;
const DOT_PIXELS = 3;

export function drawPixel(image: RgbImage, { x, y }: Point, color: Rgb): void {
  const [px, py] = [Math.round(x), Math.round(y)];
  if (px < 0 || py < 0 || px >= image.width || py >= image.height) return;
  image.rgb.set(color, 3 * (py * image.width + px));
}

export function fillBox(image: RgbImage, from: Point, to: Point, color: Rgb): void {
  for (let y = Math.round(from.y); y < Math.round(to.y); y++) {
    for (let x = Math.round(from.x); x < Math.round(to.x); x++) drawPixel(image, { x, y }, color);
  }
}

/** How wide and high a text is drawn. */
export function textSize(text: string): { width: number; height: number } {
  return {
    width: (text.length * (GLYPH_WIDTH + 1) - 1) * DOT_PIXELS,
    height: GLYPH_HEIGHT * DOT_PIXELS,
  };
}

/** Draws a text; letters without a glyph take the capital's, other characters stay blank. */
export function drawText(image: RgbImage, at: Point, text: string, color: Rgb): void {
  for (const [position, character] of Array.from(text).entries()) {
    const left = at.x + position * (GLYPH_WIDTH + 1) * DOT_PIXELS;
    const glyph = GLYPHS[character] ?? GLYPHS[character.toUpperCase()] ?? [];
    for (const [row, bits] of glyph.entries()) {
      for (let column = 0; column < GLYPH_WIDTH; column++) {
        if ((bits >> (GLYPH_WIDTH - 1 - column)) % 2 === 0) continue;
        const from = { x: left + column * DOT_PIXELS, y: at.y + row * DOT_PIXELS };
        fillBox(image, from, { x: from.x + DOT_PIXELS, y: from.y + DOT_PIXELS }, color);
      }
    }
  }
}

export interface Ellipse {
  readonly center: Point;
  readonly majorPixels: number;
  readonly minorPixels: number;
  /** Of the major axis, north (up) through east (left). */
  readonly positionAngleRad: number;
}

/** The outline of an ellipse given by its full axes. */
export function drawEllipse(image: RgbImage, ellipse: Ellipse, color: Rgb): void {
  const { center, majorPixels, minorPixels, positionAngleRad } = ellipse;
  const stepCount = Math.ceil(8 * majorPixels) + 16;
  const [sin, cos] = [Math.sin(positionAngleRad), Math.cos(positionAngleRad)];
  for (let step = 0; step < stepCount; step++) {
    const angle = (2 * Math.PI * step) / stepCount;
    const along = (majorPixels / 2) * Math.cos(angle);
    const across = (minorPixels / 2) * Math.sin(angle);
    const x = center.x - along * sin + across * cos;
    const y = center.y - along * cos - across * sin;
    drawPixel(image, { x, y }, color);
  }
}
