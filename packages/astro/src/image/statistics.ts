/** Order statistics of pixel values. NaN pixels are left out everywhere. */
import { madInPlace, medianInPlace, SIGMA_PER_MAD } from "../median.ts";

/** @returns NaN when there is no finite value */
export function median(values: ArrayLike<number>): number {
  return medianInPlace(finiteValues(values));
}

export interface RobustMoments {
  readonly median: number;
  /** 1.4826 · median|x − median|. */
  readonly rms: number;
  /** Finite values that stayed after clipping. */
  readonly count: number;
}

/**
 * Median and noise of values with outliers on top: median and MAD, clipped at 3 σ until nothing
 * more falls out (at most 5 times).
 *
 * The clip at ±3 σ of a pure Gaussian makes its MAD about 0.3 % too small, which is left so.
 */
export function robustMoments(values: ArrayLike<number>): RobustMoments {
  let kept = finiteValues(values);
  let moments = momentsOf(kept);
  for (let round = 0; round < 5; round++) {
    const { median: center, rms } = moments;
    const next = kept.filter((value) => Math.abs(value - center) <= 3 * rms);
    if (next.length === kept.length || next.length === 0) break;
    kept = next;
    moments = momentsOf(kept);
  }
  return moments;
}

/** Reorders `values` but keeps them. */
function momentsOf(values: Float64Array): RobustMoments {
  const center = medianInPlace(values);
  const rms = SIGMA_PER_MAD * madInPlace(values.slice(), center);
  return { median: center, rms, count: values.length };
}

function finiteValues(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).filter(Number.isFinite);
}
