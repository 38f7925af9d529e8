/**
 * HDF5 files through the native addon.
 *
 * Values move between datasets and typed arrays of the caller; complex numbers are interleaved
 * re, im. Every error names file and dataset and says what libhdf5 said. Only one libhdf5 call runs
 * at a time, but asynchronous slabs run on libuv's threads, so reading overlaps JavaScript.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { CorrelationInput } from "../correlator/correlate.ts";
import type { SubtractionInput } from "../correlator/subtract-sources.ts";
import type { placeSubband } from "../placement/place-subband.ts";

const ADDON_PATH = fileURLToPath(new URL("../../build/hdf5.node", import.meta.url));

export type Hdf5Kind = "float" | "integer" | "boolean" | "string" | "complex" | "other";

/** Memory of a slab. Booleans need one-byte arrays, complex data floats of twice the items. */
export type SlabArray =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

export interface DatasetDescription {
  readonly kind: Hdf5Kind;
  /** Empty for a scalar. */
  readonly shape: readonly number[];
  /** -1 where the axis may grow without limit. */
  readonly maxShape: readonly number[];
  /** Null when the dataset is not chunked. */
  readonly chunk: readonly number[] | null;
  readonly itemBytes: number;
  /** Of the value, or of one part of a complex value. */
  readonly componentIsFloat: boolean;
  readonly isVariableLength: boolean;
  readonly filters: readonly { readonly id: number; readonly name: string }[];
}

/** What a slab of float32 data held; both 0 for other types. */
export interface Extremes {
  /** Largest magnitude; Infinity or NaN when any value is not finite. */
  readonly absMax: number;
  /** Smallest value; meaningless when absMax is not finite. */
  readonly min: number;
}

export interface NewDataset {
  readonly type:
    | "float32"
    | "float64"
    | "int32"
    | "int64"
    | "boolean"
    | "complex64"
    | "complex128"
    | "complex-int32"
    | "string";
  /** Fixed length of a string; variable length when absent. */
  readonly stringBytes?: number;
  /** Absent or empty: a scalar. */
  readonly shape?: readonly number[];
  /** -1 lets an axis grow without limit; needs chunks. */
  readonly maxShape?: readonly number[];
  readonly chunk?: readonly number[];
}

/** One open file. Every method throws an Error whose message starts with the path. */
export interface Hdf5File {
  close(): void;
  exists(path: string): boolean;
  /** Names of the links directly in a group, in alphabetical order. */
  names(group: string): string[];
  describe(dataset: string): DatasetDescription;
  /** A whole dataset as doubles, row-major; integers beyond 2^53 are refused. */
  readNumbers(dataset: string): Float64Array<ArrayBuffer>;
  /** A whole dataset of strings, without padding. */
  readStrings(dataset: string): string[];
  /** Reads a box into `out`, row-major; scalars take empty offset and count. */
  readSlab(
    dataset: string,
    offset: readonly number[],
    count: readonly number[],
    out: SlabArray,
  ): Extremes;
  /** As readSlab on another thread; `out` belongs to the read until it settles. */
  readSlabAsync(
    dataset: string,
    offset: readonly number[],
    count: readonly number[],
    out: SlabArray,
  ): Promise<Extremes>;
  createGroup(path: string): void;
  createDataset(path: string, dataset: NewDataset): void;
  resize(dataset: string, shape: readonly number[]): void;
  writeSlab(
    dataset: string,
    offset: readonly number[],
    count: readonly number[],
    values: SlabArray,
  ): void;
  writeStrings(dataset: string, values: readonly string[]): void;
}

interface Addon {
  Hdf5File: new (path: string, mode: "read" | "create") => Hdf5File;
  correlate(input: CorrelationInput): void;
  subtractSources(input: SubtractionInput): void;
  placeSubband: typeof placeSubband;
}

let addon: Addon | undefined;

/** Whether the addon was built; without it every open refuses. */
export function isHdf5Available(): boolean {
  return existsSync(ADDON_PATH);
}

/** Opens a file for reading, without taking a lock on it. */
export function openHdf5(path: string): Hdf5File {
  return new (loadAddon().Hdf5File)(path, "read");
}

/** Creates a file, replacing one of that name. */
export function createHdf5(path: string): Hdf5File {
  return new (loadAddon().Hdf5File)(path, "create");
}

/** @throws {Error} that names the Debian packages when the addon was not built */
export function loadAddon(): Addon {
  if (addon !== undefined) return addon;
  if (!isHdf5Available()) {
    throw new Error(
      "the HDF5 addon is not built: install Debian packages libhdf5-dev and liblzf-dev, " +
        "then run node scripts/build-addons.ts",
    );
  }
  // The addon's own C++ defines exactly this class.
  addon = createRequire(import.meta.url)(ADDON_PATH) as Addon;
  return addon;
}
