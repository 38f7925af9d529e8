/**
 * An open casacore table.
 *
 * Shapes are given fastest axis first, as casacore has them: DATA is [polarization, channel]. Rows
 * follow one another in every typed array, so a range of DATA rows is [row, channel, polarization]
 * of interleaved complex numbers in C order. Typed arrays are read and written without a copy.
 * Every error names the table's path and the column.
 */
import { addon, type ColumnInfo, type NativeTable, type NumericArray } from "./addon.ts";

export type KeywordValue =
  | string
  | number
  | boolean
  | readonly string[]
  | Float64Array
  | Int32Array
  /** A 32-bit integer or a single-precision number; a plain number becomes a double. */
  | { readonly int: number }
  | { readonly float: number }
  /** A subtable by its path. */
  | { readonly table: string }
  | { readonly [name: string]: KeywordValue };

/** An array cell to be written. */
export interface Cell {
  /** Fastest axis first. */
  readonly shape: readonly number[];
  readonly data: NumericArray | readonly string[];
}

/** @throws {Error} naming the path when it is not a readable table */
export function openTable(path: string, options: { writable?: boolean } = {}): Table {
  const { Table: Native } = addon();
  return new Table(path, new Native(path, options.writable ?? false));
}

export class Table implements Disposable {
  readonly path: string;
  readonly #native: NativeTable;

  constructor(path: string, native: NativeTable) {
    this.path = path;
    this.#native = native;
  }

  get rowCount(): number {
    return this.#native.rowCount();
  }

  columnNames(): string[] {
    return this.#native.columnNames();
  }

  hasColumn(column: string): boolean {
    return this.columnNames().includes(column);
  }

  columnInfo(column: string): ColumnInfo {
    return this.#native.columnInfo(column);
  }

  /** Of one cell, fastest axis first; undefined where the cell was never written. */
  cellShape(column: string, row: number): number[] | undefined {
    return this.#native.cellShape(column, row);
  }

  addRows(count: number): void {
    this.#native.addRows(count);
  }

  /** Fills and returns `target`, whose kind and length must be those of the rows. */
  getScalars<T extends NumericArray>(
    column: string,
    startRow: number,
    rowCount: number,
    target: T,
  ): T {
    this.#native.getScalars(column, startRow, rowCount, target);
    return target;
  }

  getStrings(column: string, startRow = 0, rowCount = this.rowCount): string[] {
    if (this.columnInfo(column).valueType !== "string")
      throw new Error(`${this.path}: column ${column} holds no strings`);
    // A string column's scalars come as an array of strings (native/table.h).
    return this.#native.getScalars(column, startRow, rowCount) as string[];
  }

  putScalars(column: string, startRow: number, values: NumericArray | readonly string[]): void {
    this.#native.putScalars(column, startRow, values);
  }

  /**
   * Fills and returns `target` with the array cells of a row range. Works on columns of fixed and
   * of variable shape as long as the cells of the range share one.
   */
  getArray<T extends NumericArray>(
    column: string,
    startRow: number,
    rowCount: number,
    target: T,
  ): T {
    this.#native.getArray(column, startRow, rowCount, target);
    return target;
  }

  /** @param cellShape needed only where the column leaves it open */
  putArray(
    column: string,
    startRow: number,
    rowCount: number,
    data: NumericArray,
    cellShape?: readonly number[],
  ): void {
    const shape = cellShape ?? this.#fixedShape(column);
    this.#native.putArray(column, startRow, rowCount, shape, data);
  }

  /**
   * As putArray to a column of fixed shape, on another thread; `data` belongs to it until the
   * promise settles. Meanwhile no table of this process may be used: this one refuses every call.
   */
  async putArrayAsync(
    column: string,
    startRow: number,
    rowCount: number,
    data: NumericArray,
  ): Promise<void> {
    const shape = this.#fixedShape(column);
    await this.#native.putArrayAsync(column, startRow, rowCount, shape, data);
  }

  /** The flattened elements of an array cell, fastest axis first. */
  getCell(column: string, row: number): NumericArray | string[] {
    return this.#native.getCell(column, row);
  }

  /** `getCell` of a column of doubles. @throws {Error} when the column is of another type */
  getDoubles(column: string, row: number): Float64Array {
    const cell = this.getCell(column, row);
    if (cell instanceof Float64Array) return cell;
    throw new Error(`${this.path}: column ${column} holds no doubles`);
  }

  /** `getCell` of a column of 32-bit integers. @throws {Error} when it is of another type */
  getInts(column: string, row: number): Int32Array {
    const cell = this.getCell(column, row);
    if (cell instanceof Int32Array) return cell;
    throw new Error(`${this.path}: column ${column} holds no integers`);
  }

  /** Writes one cell: a scalar for a scalar column, shape and data for an array column. */
  putCell(column: string, row: number, value: Cell | string | number | boolean): void {
    if (typeof value === "object") this.#native.putCell(column, row, value.shape, value.data);
    else if (typeof value === "string") this.#native.putScalars(column, row, [value]);
    else this.#native.putScalars(column, row, this.#scalar(column, Number(value)));
  }

  keywords(column?: string): Record<string, unknown> {
    return column === undefined ? this.#native.keywords() : this.#native.keywords(column);
  }

  putKeyword(name: string, value: KeywordValue, column?: string): void {
    if (column === undefined) this.#native.putKeyword(name, value);
    else this.#native.putKeyword(name, value, column);
  }

  /** What table.info says, such as "Calibration" and "B Jones". */
  info(): { type: string; subType: string } {
    return this.#native.info();
  }

  flush(): void {
    this.#native.flush();
  }

  /** Flushes and releases the lock. A second call does nothing. */
  close(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #fixedShape(column: string): readonly number[] {
    const { shape } = this.columnInfo(column);
    if (shape !== undefined) return shape;
    throw new Error(`${this.path}: column ${column} has cells of any shape, a shape is needed`);
  }

  #scalar(column: string, value: number): NumericArray {
    const { valueType } = this.columnInfo(column);
    switch (valueType) {
      case "bool":
        return Uint8Array.of(value);
      case "short":
        return Int16Array.of(value);
      case "int":
        return Int32Array.of(value);
      case "float":
        return Float32Array.of(value);
      case "double":
        return Float64Array.of(value);
      case "complex":
      case "dcomplex":
      case "string":
      case "unsupported":
        throw new Error(`${this.path}: column ${column} of ${valueType} takes no plain number`);
    }
  }
}
