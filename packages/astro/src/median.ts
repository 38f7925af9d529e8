/** Medians; those in place by selection: O(n), no allocation. NaN must not be among the values. */

/** Scale from the median absolute deviation to the standard deviation of a normal distribution. */
export const SIGMA_PER_MAD = 1.482602218505602;

/**
 * The median of the first `count` values: the upper of the middle two when their number is even.
 * Reorders them. NaN when there are none.
 */
export function medianInPlace(values: Float32Array | Float64Array, count = values.length): number {
  if (count === 0) return Number.NaN;
  const middle = count >> 1;
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let left = low;
    let right = high;
    while (left <= right) {
      while (values[left]! < pivot) left += 1;
      while (values[right]! > pivot) right -= 1;
      if (left > right) break;
      const held = values[left]!;
      values[left] = values[right]!;
      values[right] = held;
      left += 1;
      right -= 1;
    }
    if (middle <= right) high = right;
    else if (middle >= left) low = left;
    else return values[middle]!;
  }
  return values[middle]!;
}

/**
 * The median absolute deviation from `center` of the first `count` values, which it overwrites.
 */
export function madInPlace(
  values: Float32Array | Float64Array,
  center: number,
  count = values.length,
): number {
  for (let index = 0; index < count; index += 1) values[index] = Math.abs(values[index]! - center);
  return medianInPlace(values, count);
}

/** The median of few values: the mean of the middle two when their number is even. */
export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
