/**
 * Loads the native addon and types its surface. Nothing else in the package touches `require`.
 *
 * casacore is not thread-safe and nearly every call blocks: use it from one thread of a process
 * that has nothing else to do meanwhile, such as a stage's child process. While putArrayAsync is
 * under way, no table may be touched; the one that is written refuses.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type ValueType =
  "bool" | "short" | "int" | "float" | "double" | "complex" | "dcomplex" | "string";

/** How casacore's elements are stored: bool as bytes 0 or 1, complex as interleaved re, im. */
export type NumericArray = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface ColumnInfo {
  readonly valueType: ValueType | "unsupported";
  readonly isScalar: boolean;
  /** 0 for a scalar; -1 where cells may differ in their number of axes. */
  readonly axisCount: number;
  /** Of every cell, fastest axis first; absent where cells may differ. */
  readonly shape?: readonly number[];
}

export interface ColumnDescription {
  readonly name: string;
  readonly valueType: ValueType;
  /** 0 for a scalar; -1 for any number of axes. */
  readonly axisCount: number;
  readonly shape?: readonly number[];
}

export interface NativeTable {
  rowCount(): number;
  columnNames(): string[];
  columnInfo(column: string): ColumnInfo;
  addRows(count: number): void;
  getScalars(column: string, startRow: number, rowCount: number, target?: NumericArray): unknown;
  putScalars(column: string, startRow: number, values: NumericArray | readonly string[]): void;
  getArray(column: string, startRow: number, rowCount: number, target: NumericArray): unknown;
  putArray(
    column: string,
    startRow: number,
    rowCount: number,
    cellShape: readonly number[],
    data: NumericArray,
  ): void;
  putArrayAsync(
    column: string,
    startRow: number,
    rowCount: number,
    cellShape: readonly number[],
    data: NumericArray,
  ): Promise<void>;
  cellShape(column: string, row: number): number[] | undefined;
  getCell(column: string, row: number): NumericArray | string[];
  putCell(
    column: string,
    row: number,
    shape: readonly number[],
    data: NumericArray | readonly string[],
  ): void;
  keywords(column?: string): Record<string, unknown>;
  putKeyword(name: string, value: unknown, column?: string): void;
  info(): { type: string; subType: string };
  flush(): void;
  close(): void;
}

interface Addon {
  Table: new (path: string, writable: boolean) => NativeTable;
  createTable(
    path: string,
    description: { type: string; subType: string; columns: readonly ColumnDescription[] },
  ): void;
  createMeasurementSet(
    path: string,
    options: {
      channelCount: number;
      polarizationCount: number;
      tileRows: number;
      weightSpectrum: boolean;
      correctedData: boolean;
    },
  ): void;
  copyTable(from: string, to: string): void;
}

const ADDON_PATH = join(dirname(fileURLToPath(import.meta.url)), "..", "build", "casacore.node");

let loaded: Addon | undefined;

/** Whether the addon was built on this machine. Does not load it. */
export function isCasacoreAvailable(): boolean {
  return existsSync(ADDON_PATH);
}

/** @throws {Error} naming the Debian packages, when the addon was not built */
export function addon(): Addon {
  if (loaded !== undefined) return loaded;
  if (!isCasacoreAvailable())
    throw new Error(
      `the casacore addon is missing at ${ADDON_PATH}: ` +
        "install Debian packages casacore-dev and casacore-data, then run the set-up again",
    );
  // The interface above is written beside native/table.h and native/create.h, and tests cross it.
  loaded = createRequire(import.meta.url)(ADDON_PATH) as Addon;
  return loaded;
}
