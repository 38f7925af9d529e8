/**
 * PNG files from 8-bit RGB pixels.
 *
 * PNG specification, 3rd edition (W3C 2025): signature, IHDR, optional text, one IDAT, IEND.
 * Rows are filtered with "Up", which suits images that vary slowly from row to row.
 */
import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOR_TYPE_RGB = 2;
const FILTER_UP = 2;

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** Shape [height, width, 3], row 0 on top. */
  readonly rgb: Uint8Array;
}

/**
 * @param texts Latin-1 pairs such as { Software: "contimg 0.1.0" }
 * @throws {RangeError} when the pixels do not fill the shape
 */
export function encodePng(image: RgbImage, texts: Readonly<Record<string, string>> = {}): Buffer {
  const { width, height, rgb } = image;
  if (rgb.length !== 3 * width * height) {
    throw new RangeError(`${rgb.length} bytes do not fill ${width} x ${height} RGB pixels`);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOR_TYPE_RGB, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    ...Object.entries(texts).map(([key, text]) =>
      chunk("tEXt", Buffer.from(`${key}\0${text}`, "latin1")),
    ),
    chunk("IDAT", deflateSync(filterRows(image))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function filterRows({ width, height, rgb }: RgbImage): Buffer {
  const rowBytes = 3 * width;
  const filtered = Buffer.alloc(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    const out = y * (rowBytes + 1);
    filtered[out] = FILTER_UP;
    for (let index = 0; index < rowBytes; index++) {
      const above = y === 0 ? 0 : rgb[(y - 1) * rowBytes + index]!;
      filtered[out + 1 + index] = rgb[y * rowBytes + index]! - above;
    }
  }
  return filtered;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "ascii"), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), bytes.length - 4);
  return bytes;
}
