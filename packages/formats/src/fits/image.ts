/**
 * FITS images: one plane of pixels with its header.
 *
 * Pixels are [y, x] row-major, row 0 first in the file (south when DEC grows with y), held as
 * float32 whatever the file's BITPIX. NaN marks pixels without a value.
 */
import { open, readFile } from "node:fs/promises";

import { formatSummedHeader, onesComplementSum } from "./checksum.ts";
import { BLOCK_BYTES, FitsError, FitsHeader, parseHeader, withoutStructure } from "./header.ts";

export interface FitsImage {
  readonly header: FitsHeader;
  readonly width: number;
  readonly height: number;
  /** Shape [height, width]. */
  readonly pixels: Float32Array;
}

const BYTES_PER_PIXEL: Readonly<Record<number, number>> = { 16: 2, [-32]: 4, [-64]: 8 };

/**
 * Reads the primary image. Axes beyond the second must have length 1.
 *
 * @throws {FitsError} when the file is not FITS, has another shape or BITPIX, or is cut short
 */
export async function readFitsImage(path: string): Promise<FitsImage> {
  const bytes = await readFile(path);
  const { header, dataOffset } = parseHeader(bytes, path);
  const { width, height } = planeShape(header, path);
  const bitpix = header.number("BITPIX");
  const pixelBytes = BYTES_PER_PIXEL[bitpix];
  if (pixelBytes === undefined) {
    throw new FitsError(path, `card BITPIX is ${bitpix}, expected 16, -32 or -64`);
  }
  const byteCount = width * height * pixelBytes;
  if (dataOffset + byteCount > bytes.length) {
    throw new FitsError(
      path,
      `${width} x ${height} pixels need ${dataOffset + byteCount} bytes, the file has ${bytes.length}`,
    );
  }
  const data = bytes.subarray(dataOffset, dataOffset + byteCount);
  return { header, width, height, pixels: decodePixels(data, bitpix, header) };
}

/** Reads the header only: for a look at WCS or beam without the pixels. */
export async function readFitsHeader(path: string): Promise<FitsHeader> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(20 * BLOCK_BYTES);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return parseHeader(bytes.subarray(0, bytesRead), path).header;
  } finally {
    await file.close();
  }
}

/**
 * Writes `pixels` as BITPIX −32 under the header's own cards, with DATASUM and CHECKSUM.
 * Overwrites what is there.
 */
export async function writeFitsImage(path: string, image: FitsImage): Promise<void> {
  const { header, width, height, pixels } = image;
  if (pixels.length !== width * height) {
    throw new FitsError(path, `${pixels.length} pixels do not fill ${width} x ${height}`);
  }
  const axes = [width, height, ...degenerateAxes(header)];
  const structure = [
    { keyword: "SIMPLE", value: true, comment: "file conforms to the FITS standard" },
    { keyword: "BITPIX", value: -32, comment: "IEEE single precision" },
    { keyword: "NAXIS", value: axes.length },
    ...axes.map((value, index) => ({ keyword: `NAXIS${index + 1}`, value })),
    { keyword: "EXTEND", value: true },
  ];
  const data = Buffer.alloc(Math.ceil((4 * pixels.length) / BLOCK_BYTES) * BLOCK_BYTES);
  data.set(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
  // Before the swap: sums are of the values of the words, not of their bytes.
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length);
  const cards = [...structure, ...withoutStructure(header.cards)];
  data.swap32();
  const file = await open(path, "w");
  try {
    await file.writev([formatSummedHeader(cards, onesComplementSum(words)), data]);
  } finally {
    await file.close();
  }
}

/** Frequency and Stokes axes of length 1 stay when the header describes them. */
function degenerateAxes(header: FitsHeader): number[] {
  let axisCount = 2;
  while (header.find(`CTYPE${axisCount + 1}`) !== undefined) axisCount += 1;
  return Array<number>(axisCount - 2).fill(1);
}

function planeShape(header: FitsHeader, path: string): { width: number; height: number } {
  const axisCount = header.number("NAXIS");
  const axes = Array.from({ length: axisCount }, (_, index) => header.number(`NAXIS${index + 1}`));
  const [width = 0, height = 0, ...others] = axes;
  const plain = axes.every((axis) => Number.isInteger(axis) && axis > 0);
  if (axisCount < 2 || !plain || others.some((axis) => axis !== 1)) {
    throw new FitsError(path, `axes are [${axes.join(", ")}], expected one image plane`);
  }
  return { width, height };
}

function decodePixels(data: Buffer, bitpix: number, header: FitsHeader): Float32Array {
  // A copy on its own buffer: swapping must not touch the reader's, and views must be aligned.
  const own = Buffer.from(new Uint8Array(data).buffer);
  const pixels = bytesToFloats(own, bitpix, header);
  const scale = header.find("BSCALE") ?? 1;
  const zero = header.find("BZERO") ?? 0;
  if (typeof scale !== "number" || typeof zero !== "number" || (scale === 1 && zero === 0)) {
    return pixels;
  }
  return pixels.map((pixel) => pixel * scale + zero);
}

function bytesToFloats(own: Buffer, bitpix: number, header: FitsHeader): Float32Array {
  if (bitpix === -32) {
    own.swap32();
    return new Float32Array(own.buffer, own.byteOffset, own.length / 4);
  }
  if (bitpix === -64) {
    own.swap64();
    return Float32Array.from(new Float64Array(own.buffer, own.byteOffset, own.length / 8));
  }
  own.swap16();
  const blank = header.find("BLANK");
  const integers = new Int16Array(own.buffer, own.byteOffset, own.length / 2);
  return Float32Array.from(integers, (value) => (value === blank ? NaN : value));
}
