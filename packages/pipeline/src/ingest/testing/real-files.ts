/**
 * The telescope's real timestamps as files. How many files carry a stamp is known, which subbands
 * they were is not: those of one observation are numbered in order of time, as if every host wrote
 * once.
 */
import { readFileSync } from "node:fs";

import { subbandCode } from "../../groups/subband-file.ts";

export interface RealFile {
  readonly name: string;
  readonly isEmpty: boolean;
}

/** Observations start 309 s apart, so a longer gap than this is one between two of them. */
const GAP_MS = 150_000;
const SUBBAND_COUNT = 16;
/** As many as one stamp can have by its two digits. */
const NAMES_MAX = 100;

export function realTimestamps(): { stamp: string; unixMs: number; count: number }[] {
  const text = readFileSync(new URL("../real-timestamps.fixture.txt", import.meta.url), "utf8");
  let day = "";
  return text
    .split(/\s+/)
    .slice(0)
    .flatMap((word) => {
      if (/^\d{4}-\d\d-\d\d$/.test(word)) day = word;
      const match = /^(\d\d)(\d\d)(\d\d)(?:([a-p])|\((\d+)\))$/.exec(word);
      if (match === null) return [];
      const [, hour, minute, second, letter, many] = match;
      const stamp = `${day}T${hour}:${minute}:${second}`;
      const count = letter === undefined ? Number(many) : letter.charCodeAt(0) - 96;
      return [{ stamp, unixMs: Date.parse(`${stamp}Z`), count }];
    });
}

export function realFiles(): RealFile[] {
  let lastUnixMs = -Infinity;
  let next = 0;
  return realTimestamps().flatMap(({ stamp, unixMs, count }) => {
    if (unixMs - lastUnixMs > GAP_MS) next = 0;
    lastUnixMs = unixMs;
    const isEmpty = count > SUBBAND_COUNT;
    return Array.from({ length: Math.min(count, NAMES_MAX) }, (_, index) => {
      const subband = isEmpty ? index : next++ % SUBBAND_COUNT;
      return { name: `${stamp}_${subbandCode(subband)}.hdf5`, isEmpty };
    });
  });
}
