import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";

import { describe, test } from "vitest";

import { encodePng } from "./encode.ts";

describe("a PNG file", () => {
  test("holds the pixels that went in", () => {
    const rgb = Uint8Array.from({ length: 3 * 4 * 5 }, (_, index) => (index * 37) % 256);

    const png = encodePng({ width: 4, height: 5, rgb }, { Software: "contimg" });

    assert.deepEqual(decode(png), {
      width: 4,
      height: 5,
      rgb: [...rgb],
      text: "Software\0contimg",
    });
  });

  test("is not made of too few pixels", () => {
    assert.throws(
      () => encodePng({ width: 2, height: 2, rgb: new Uint8Array(11) }),
      /11 bytes do not fill 2 x 2/,
    );
  });
});

/** Written from the specification, apart from the encoder: chunks, then the Up filter undone. */
function decode(png: Buffer) {
  let [width, height, text] = [0, 0, ""];
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    const type = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (type === "IHDR") [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
    if (type === "tEXt") text = body.toString("latin1");
    if (type === "IDAT") data.push(body);
  }
  const raw = inflateSync(Buffer.concat(data));
  const rgb: number[] = [];
  for (let y = 0; y < height; y++) {
    const row = raw.subarray(y * (3 * width + 1), (y + 1) * (3 * width + 1));
    assert.equal(row[0], 2);
    for (const [index, byte] of row.subarray(1).entries()) {
      rgb.push((byte + (y === 0 ? 0 : rgb[(y - 1) * 3 * width + index]!)) % 256);
    }
  }
  return { width, height, rgb, text };
}
