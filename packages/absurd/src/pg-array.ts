/**
 * Array parameters as PostgreSQL's array text. pg's own serializer looks at the type of each
 * element and escapes it; in large batches that is most of what a checkpoint costs.
 */

/** Elements that need no quotes: numbers, and text made of digits. */
export function numberArray(values: readonly (number | string)[]): string {
  return `{${values.join(",")}}`;
}

/** Elements already quoted by quoteElement. */
export function quotedArray(values: readonly string[]): string {
  return `{${values.join(",")}}`;
}

export function quoteElement(value: string | null): string {
  if (value === null) return "NULL";
  return `"${/["\\]/.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
}
