/** Records as CSV (RFC 4180): a header line, quotes only where a text needs them. */

export type CsvValue = string | number | boolean | null;

/** @param columns in the order they are written; a missing number is an empty field */
export function toCsv<Row extends Readonly<Record<string, CsvValue>>>(
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): string {
  const lines = rows.map((row) => columns.map((column) => field(row[column] ?? null)).join(","));
  return [columns.join(","), ...lines, ""].join("\n");
}

function field(value: CsvValue): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
