/** Figures of the dashboard's benchmark as lines of text. */

/** @param max the 95th percentile should not be above it */
export function say(what: string, valuesMs: readonly number[], max: number): void {
  const at = (share: number) => quantile(valuesMs, share).toFixed(1);
  const bound = quantile(valuesMs, 0.95) <= max ? `within ${max}` : `OVER ${max}`;
  console.log(`${what}: p50 ${at(0.5)}, p95 ${at(0.95)}, max ${at(1)} ms  ${bound}`);
}

/** The median of what was measured, and its ratio to that of the other build in the same rounds. */
export function sayPaired<Taken>(
  what: string,
  taken: readonly (readonly Taken[])[],
  valueOf: (each: Taken) => number,
  max = Infinity,
): void {
  const [own = [], other] = taken.map((each) => each.map(valueOf));
  const value = quantile(own, 0.5);
  const bound = max === Infinity ? "" : value <= max ? `  within ${max}` : `  OVER ${max}`;
  console.log(`${what}: ${value.toFixed(1)} ms${bound}`);
  if (!other) return;
  const ratio = quantile(
    own.map((each, round) => each / other[round]!),
    0.5,
  );
  const before = quantile(other, 0.5).toFixed(1);
  console.log(`    the other build: ${before} ms; median ratio of pairs ${ratio.toFixed(2)}`);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
