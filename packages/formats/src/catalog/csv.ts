/**
 * Comma-separated tables with a header line and no quoting, as our data files are.
 *
 * Every error names file, line and column.
 */
import { readFileSync } from "node:fs";

export class CsvRow {
  private readonly path: string;
  private readonly line: number;
  private readonly cells: ReadonlyMap<string, string>;

  constructor(path: string, line: number, cells: ReadonlyMap<string, string>) {
    this.path = path;
    this.line = line;
    this.cells = cells;
  }

  text(column: string): string {
    return this.cells.get(column) ?? this.fail(column, "is missing");
  }

  number(column: string): number {
    const text = this.text(column);
    const value = Number(text);
    if (text === "" || !Number.isFinite(value)) {
      return this.fail(column, `is "${text}", expected a number`);
    }
    return value;
  }

  fail(column: string, problem: string): never {
    throw new Error(`${this.path}: line ${this.line}, column ${column} ${problem}`);
  }
}

/** @throws {Error} when a wanted column is absent or a line has another number of cells */
export function readCsv(path: string, columns: readonly string[]): CsvRow[] {
  const [header, ...lines] = readFileSync(path, "utf8").trimEnd().split(/\r?\n/);
  const names = (header ?? "").split(",");
  const absent = columns.filter((column) => !names.includes(column));
  if (absent.length > 0) {
    throw new Error(`${path}: has no column ${absent.join(", ")} in its header line`);
  }
  return lines.map((text, index) => {
    const cells = text.split(",");
    const line = index + 2;
    if (cells.length !== names.length) {
      throw new Error(`${path}: line ${line} has ${cells.length} cells, expected ${names.length}`);
    }
    return new CsvRow(path, line, new Map(names.map((name, column) => [name, cells[column]!])));
  });
}
