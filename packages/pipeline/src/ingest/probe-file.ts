/**
 * Looks into a subband file: whether HDF5 opens it, whether its header makes sense, and what tells
 * its content from another under the same name.
 *
 * The digest is over the size, both ends and evenly spread blocks: noise differs in every one of
 * them, and hashing 2.3 GB a group would cost more than converting it.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

import { mjdFromUnixMs, SECONDS_PER_DAY } from "@contimg/astro";
import { MalformedUvh5, UnphysicalUvh5, Uvh5File } from "@contimg/formats";

import { parseSubbandPath, subbandCode } from "../groups/subband-file.ts";

export interface WholeFile {
  readonly digest: string;
  readonly startMjd: number;
  readonly endMjd: number;
  /** Null when the data were never phased. */
  readonly declinationRad: number | null;
}

/** What a file holds, or why it is refused. */
export type Probe = (path: string) => Promise<WholeFile | { readonly refusal: string }>;

const END_BYTES = 65_536;
const BLOCK_BYTES = 4_096;
const BLOCK_COUNT = 16;
/** The clocks of 16 hosts differ by a minute; one that is hours off names another observation. */
const CLOCK_SECONDS_MAX = 3_600;

export const probeSubband: Probe = async (path) => {
  try {
    const facts = readHeader(path);
    const off = clockOffset(path, facts.startMjd);
    return off === undefined
      ? { ...facts, digest: await contentDigest(path) }
      : { refusal: `${path}: ${off}` };
  } catch (error) {
    if (error instanceof MalformedUvh5 || error instanceof UnphysicalUvh5) {
      return { refusal: error.message };
    }
    if (error instanceof Error && "code" in error && "path" in error) {
      return { refusal: error.message };
    }
    throw error;
  }
};

function readHeader(path: string): Omit<WholeFile, "digest"> {
  using file = new Uvh5File(path);
  const { timesMjd, integrationSeconds, phaseCenter } = file.header;
  const halfDays = (seconds: number): number => seconds / 2 / SECONDS_PER_DAY;
  return {
    startMjd: timesMjd[0]! - halfDays(integrationSeconds[0]!),
    endMjd: timesMjd.at(-1)! + halfDays(integrationSeconds.at(-1)!),
    declinationRad: phaseCenter.kind === "drift" ? phaseCenter.declinationRad : null,
  };
}

function clockOffset(path: string, startMjd: number): string | undefined {
  const named = parseSubbandPath(path);
  if (named === undefined) return undefined;
  const offSeconds = (startMjd - mjdFromUnixMs(named.unixMs)) * SECONDS_PER_DAY;
  if (Math.abs(offSeconds) <= CLOCK_SECONDS_MAX) return undefined;
  return (
    `time_array starts ${offSeconds.toFixed(0)} s after the time in its name, expected within ` +
    `${CLOCK_SECONDS_MAX} s`
  );
}

async function contentDigest(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const hash = createHash("sha256").update(`${size} bytes`);
    for (const [at, length] of samples(size)) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

/** Offsets and lengths. */
function samples(size: number): [number, number][] {
  if (size <= 2 * END_BYTES + BLOCK_COUNT * BLOCK_BYTES) return [[0, size]];
  const step = (size - 2 * END_BYTES) / BLOCK_COUNT;
  return [
    [0, END_BYTES],
    ...Array.from({ length: BLOCK_COUNT }, (_, block): [number, number] => [
      Math.floor(END_BYTES + block * step),
      BLOCK_BYTES,
    ]),
    [size - END_BYTES, END_BYTES],
  ];
}

/** The reason why a name's subband is none of the telescope's. */
export function strangeSubband(subband: number, expectedCount: number): string | undefined {
  if (subband < expectedCount) return undefined;
  const last = subbandCode(expectedCount - 1);
  return `${subbandCode(subband)} is no subband, expected sb00 to ${last}`;
}
