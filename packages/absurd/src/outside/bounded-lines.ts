/**
 * Lines out of a stream of which nothing is known: whatever it sends, no more than one line of the
 * allowed length is kept.
 */
import type { Readable } from "node:stream";

export interface Line {
  readonly text: string;
  /** Only the beginning of it is here. */
  readonly isCut: boolean;
}

const NEWLINE = 0x0a;

export function readBoundedLines(
  stream: Readable,
  bytesMax: number,
  onLine: (line: Line) => void,
): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  const keep = (chunk: Buffer): void => {
    const room = bytesMax - bytes;
    if (chunk.length > room) isCut = true;
    // A copy: a slice would keep the whole chunk of the stream.
    if (room > 0 && chunk.length > 0) parts.push(Buffer.from(chunk.subarray(0, room)));
    bytes += Math.min(chunk.length, Math.max(room, 0));
  };
  const flush = (): void => {
    const text = withoutReturn(Buffer.concat(parts).toString("utf8"));
    const line = { text, isCut };
    parts = [];
    bytes = 0;
    isCut = false;
    onLine(line);
  };
  stream.on("data", (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (bytes === 0 && !isCut && at - from <= bytesMax) {
        // The common case, without a copy.
        onLine({ text: withoutReturn(chunk.toString("utf8", from, at)), isCut: false });
      } else {
        keep(chunk.subarray(from, at));
        flush();
      }
      from = at + 1;
    }
    keep(chunk.subarray(from));
  });
  stream.on("end", () => {
    if (bytes > 0) flush();
  });
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
