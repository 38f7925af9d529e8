/**
 * A picture of an image for people: asinh stretch from just below the noise to the bright sources,
 * north up, east left, with coordinates, a color bar and a scale bar, and the brightest source
 * enlarged beside the beam.
 */
import { type ImagePlane, robustMoments, type Wcs } from "@contimg/astro";
import type { RgbImage } from "@contimg/formats";

import { drawEllipse, drawPixel, drawText, fillBox, type Rgb } from "./draw.ts";
import { colorOf, stretch } from "./preview-colors.ts";
import { addFrame } from "./preview-frame.ts";

export interface PreviewOptions {
  readonly cellArcsec: number;
  readonly beam: { majorArcsec: number; minorArcsec: number; positionAngleDeg: number };
  /** Where the pixels are on the sky, for the ticks. */
  readonly wcs: Wcs;
  /** Above the picture. */
  readonly caption: string;
}

const SIDE_PIXELS_MAX = 1400;
const SCALE_BAR_ARCMIN = 30;
const INSET_SOURCE_PIXELS = 56;
const INSET_ZOOM = 4;
const MARGIN_PIXELS = 16;
const WHITE: Rgb = [255, 255, 255];
const FRAME: Rgb = [150, 150, 150];
export function renderPreview(plane: ImagePlane, options: PreviewOptions): RgbImage {
  const factor = Math.ceil(Math.max(plane.width, plane.height) / SIDE_PIXELS_MAX);
  const small = bin(plane, factor);
  const { rms } = robustMoments(small.pixels);
  const picture = paint(small, rms);
  drawScaleBar(picture, options.cellArcsec * factor);
  drawInset(picture, plane, options);
  const { wcs, caption } = options;
  return addFrame(picture, { wcs, binFactor: factor, rmsJy: rms, caption });
}

/** Means of factor × factor blocks; a remainder at the far edges is left out. */
function bin(plane: ImagePlane, factor: number): ImagePlane {
  const width = Math.floor(plane.width / factor);
  const height = Math.floor(plane.height / factor);
  const pixels = new Float32Array(width * height);
  for (let y = 0; y < height * factor; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < width * factor; x++) {
      pixels[row + Math.floor(x / factor)]! += plane.pixels[y * plane.width + x]! / factor ** 2;
    }
  }
  return { width, height, pixels };
}

/** Colors by stretched value; rows turn over, because images begin in the south. */
function paint({ width, height, pixels }: ImagePlane, rms: number): RgbImage {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const out = 3 * (height - 1 - y) * width;
    for (let x = 0; x < width; x++) {
      rgb.set(colorOf(stretch(pixels[y * width + x]! / rms)), out + 3 * x);
    }
  }
  return { width, height, rgb };
}

function drawScaleBar(picture: RgbImage, pixelArcsec: number): void {
  const barPixels = (SCALE_BAR_ARCMIN * 60) / pixelArcsec;
  const right = picture.width - MARGIN_PIXELS;
  const bottom = picture.height - MARGIN_PIXELS;
  if (barPixels > picture.width / 2) return;
  fillBox(picture, { x: right - barPixels, y: bottom - 3 }, { x: right, y: bottom }, WHITE);
  drawText(picture, { x: right - barPixels, y: bottom - 24 }, `${SCALE_BAR_ARCMIN}'`, WHITE);
}

/** The brightest source in pixels of INSET_ZOOM screen pixels, and the beam at the same scale. */
function drawInset(picture: RgbImage, plane: ImagePlane, options: PreviewOptions): void {
  const side = INSET_SOURCE_PIXELS * INSET_ZOOM;
  if (picture.width < 3 * side || picture.height < 2 * side) return;
  const cut = cutAround(plane, brightestPixel(plane));
  const inset = paint(cut, robustMoments(plane.pixels.subarray(0, 200_000)).rms);
  const left = MARGIN_PIXELS;
  const top = picture.height - MARGIN_PIXELS - side;
  for (let y = -1; y <= side; y++) {
    for (let x = -1; x <= side; x++) {
      const edge = x < 0 || y < 0 || x === side || y === side;
      const from = 3 * (Math.floor(y / INSET_ZOOM) * cut.width + Math.floor(x / INSET_ZOOM));
      const color: Rgb = edge
        ? FRAME
        : [inset.rgb[from]!, inset.rgb[from + 1]!, inset.rgb[from + 2]!];
      drawPixel(picture, { x: left + x, y: top + y }, color);
    }
  }
  const { majorArcsec, minorArcsec, positionAngleDeg } = options.beam;
  const pixelsPerArcsec = INSET_ZOOM / options.cellArcsec;
  drawEllipse(
    picture,
    {
      center: { x: left + side / 5, y: top + (4 * side) / 5 },
      majorPixels: majorArcsec * pixelsPerArcsec,
      minorPixels: minorArcsec * pixelsPerArcsec,
      positionAngleRad: (positionAngleDeg * Math.PI) / 180,
    },
    WHITE,
  );
}

function brightestPixel({ width, pixels }: ImagePlane): { x: number; y: number } {
  let brightest = 0;
  for (let index = 1; index < pixels.length; index++) {
    if (!(pixels[index]! <= pixels[brightest]!)) brightest = index;
  }
  return { x: brightest % width, y: Math.floor(brightest / width) };
}

function cutAround(plane: ImagePlane, center: { x: number; y: number }): ImagePlane {
  const side = INSET_SOURCE_PIXELS;
  const pixels = new Float32Array(side * side).fill(NaN);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [px, py] = [center.x + x - side / 2, center.y + y - side / 2];
      if (px < 0 || py < 0 || px >= plane.width || py >= plane.height) continue;
      pixels[y * side + x] = plane.pixels[py * plane.width + px]!;
    }
  }
  return { width: side, height: side, pixels };
}
