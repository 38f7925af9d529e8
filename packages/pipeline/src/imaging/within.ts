/** Numbers in a range, as params; what is refused is told with its value and the range. */
import { z } from "zod";

export function within(least: number, most: number, unit = ""): z.ZodNumber {
  const error = refusal(`a number from ${least} to ${most}${unit && ` ${unit}`}`);
  return z.number({ error }).min(least, { error }).max(most, { error });
}

export function wholeWithin(least: number, most: number, unit = ""): z.ZodNumber {
  const error = refusal(`a whole number from ${least} to ${most}${unit && ` ${unit}`}`);
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function refusal(wanted: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) =>
    `is ${typeof input === "string" ? `"${input}"` : String(input)}, expected ${wanted}`;
}
