/**
 * Typed access to the fields of a UVH5 header: presence, shape and finiteness are checked here, so
 * that the header parser reads like the header.
 */
import type { Hdf5File } from "../hdf5/file.ts";
import { MalformedUvh5 } from "./errors.ts";

export class HeaderFields {
  readonly path: string;
  private readonly file: Hdf5File;

  constructor(path: string, file: Hdf5File) {
    this.path = path;
    this.file = file;
  }

  has(field: string): boolean {
    return this.file.exists(field);
  }

  /** A scalar, or the first value of an array that holds one value only. */
  number(field: string): number {
    const values = this.numbers(field);
    const value = values[0];
    if (value === undefined || values.some((other) => other !== value)) {
      return this.fail(field, `holds ${values.length} values, expected one`);
    }
    return value;
  }

  count(field: string): number {
    const value = this.number(field);
    if (!Number.isInteger(value) || value < 1) {
      return this.fail(field, `is ${value}, expected a positive integer`);
    }
    return value;
  }

  optionalNumber(field: string): number | undefined {
    return this.has(field) ? this.number(field) : undefined;
  }

  /** All values, finite; of exactly `length` when given. */
  numbers(field: string, length?: number): Float64Array<ArrayBuffer> {
    this.require(field);
    if (this.file.describe(field).kind === "string") {
      // Some early writers stored numbers of extra_keywords as text.
      return this.fail(field, "is text, expected numbers");
    }
    if (length !== undefined) this.requireLength(field, length);
    const values = this.file.readNumbers(field);
    // A loop: a callback for each of a million values took half of the time to open a file.
    for (let index = 0; index < values.length; index++) {
      if (Number.isFinite(values[index])) continue;
      return this.fail(field, `is ${values[index]} at index ${index}, expected a finite number`);
    }
    return values;
  }

  /** For a field whose values nobody needs; they are not read. */
  requireLength(field: string, length: number): void {
    this.require(field);
    const { shape } = this.file.describe(field);
    if (shape.reduce((product, edge) => product * edge, 1) === length) return;
    this.fail(
      field,
      `has shape [${shape.join(", ")}], expected ${length} values as the counts in the header say`,
    );
  }

  text(field: string): string {
    this.require(field);
    const value = this.file.readStrings(field)[0];
    return value ?? this.fail(field, "is empty, expected text");
  }

  optionalText(field: string): string | undefined {
    return this.has(field) ? this.text(field) : undefined;
  }

  texts(field: string, length: number): string[] {
    this.require(field);
    const values = this.file.readStrings(field);
    if (values.length !== length) {
      return this.fail(field, `holds ${values.length} strings, expected ${length}`);
    }
    return values;
  }

  fail(field: string, problem: string): never {
    throw new MalformedUvh5({ path: this.path, field, problem });
  }

  private require(field: string): void {
    if (!this.file.exists(field)) this.fail(field, "is missing");
  }
}
