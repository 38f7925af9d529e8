/**
 * FITS binary tables, written only: source lists that TOPCAT, CASA and astropy open.
 *
 * FITS standard 4.0 (2018), section 7.3: big-endian rows of fixed width after an empty primary
 * header. Missing numbers are NaN.
 */
import { writeFile } from "node:fs/promises";

import type { Card } from "./card.ts";
import { formatSummedHeader, onesComplementSum, wordsOf } from "./checksum.ts";
import { BLOCK_BYTES, FitsError } from "./header.ts";

export type TableColumn =
  | { readonly name: string; readonly unit?: string; readonly values: Float64Array }
  | { readonly name: string; readonly unit?: string; readonly values: readonly string[] };

/** @throws {FitsError} when columns differ in length or a text is not plain ASCII */
export async function writeFitsTable(
  path: string,
  extensionName: string,
  columns: readonly TableColumn[],
): Promise<void> {
  const rowCount = columns[0]?.values.length ?? 0;
  for (const { name, values } of columns) {
    if (values.length !== rowCount) {
      throw new FitsError(path, `column ${name} has ${values.length} rows, expected ${rowCount}`);
    }
  }
  const widths = columns.map(columnBytes);
  const rowBytes = widths.reduce((sum, width) => sum + width, 0);
  const data = Buffer.alloc(Math.ceil((rowBytes * rowCount) / BLOCK_BYTES) * BLOCK_BYTES);
  let columnOffset = 0;
  for (const [index, column] of columns.entries()) {
    writeColumn(data, column, { columnOffset, rowBytes, width: widths[index]! });
    columnOffset += widths[index]!;
  }
  await writeFile(
    path,
    Buffer.concat([
      formatSummedHeader(PRIMARY, 0),
      formatSummedHeader(
        tableCards(extensionName, columns, { rowBytes, rowCount, widths }),
        onesComplementSum(wordsOf(data)),
      ),
      data,
    ]),
  );
}

const PRIMARY: readonly Card[] = [
  { keyword: "SIMPLE", value: true, comment: "file conforms to the FITS standard" },
  { keyword: "BITPIX", value: 8 },
  { keyword: "NAXIS", value: 0 },
  { keyword: "EXTEND", value: true },
];

function tableCards(
  extensionName: string,
  columns: readonly TableColumn[],
  shape: { rowBytes: number; rowCount: number; widths: readonly number[] },
): Card[] {
  const cards: Card[] = [
    { keyword: "XTENSION", value: "BINTABLE" },
    { keyword: "BITPIX", value: 8 },
    { keyword: "NAXIS", value: 2 },
    { keyword: "NAXIS1", value: shape.rowBytes },
    { keyword: "NAXIS2", value: shape.rowCount },
    { keyword: "PCOUNT", value: 0 },
    { keyword: "GCOUNT", value: 1 },
    { keyword: "TFIELDS", value: columns.length },
    { keyword: "EXTNAME", value: extensionName },
  ];
  for (const [index, column] of columns.entries()) {
    const number = index + 1;
    const form = column.values instanceof Float64Array ? "1D" : `${shape.widths[index]!}A`;
    cards.push({ keyword: `TTYPE${number}`, value: column.name });
    cards.push({ keyword: `TFORM${number}`, value: form });
    if (column.unit !== undefined) cards.push({ keyword: `TUNIT${number}`, value: column.unit });
  }
  return cards;
}

function columnBytes({ values }: TableColumn): number {
  if (values instanceof Float64Array) return 8;
  return values.reduce((longest, text) => Math.max(longest, text.length), 1);
}

function writeColumn(
  data: Buffer,
  { values }: TableColumn,
  place: { columnOffset: number; rowBytes: number; width: number },
): void {
  for (const [row, value] of values.entries()) {
    const offset = row * place.rowBytes + place.columnOffset;
    if (typeof value === "number") data.writeDoubleBE(value, offset);
    else data.write(value, offset, place.width, "ascii");
  }
}
