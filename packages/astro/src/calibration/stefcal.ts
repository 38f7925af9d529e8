/**
 * Antenna gains of one channel and polarization by alternating direction implicit iteration.
 *
 * Minimizes Σ |V_pq − g_p conj(g_q) M_pq|² from the normal equations A = Σ V conj(M), B = Σ |M|²:
 * each step solves every antenna's gain with the others held, g_p = Σ_q A_pq g_q / Σ_q B_pq |g_q|²,
 * and every second step takes the mean of the last two, which makes it converge.
 * Source: Salvini & Wijnholds (2014), A&A 571, A97, algorithm 1 (StEFCal).
 */

/** One channel's matrices, Hermitian, with a zero diagonal. */
export interface GainMatrices {
  readonly antennaCount: number;
  /** [antenna, antenna]: real and imaginary parts of A, and B. */
  readonly re: Float32Array;
  readonly im: Float32Array;
  readonly power: Float32Array;
}

export interface Convergence {
  readonly iterations: number;
  readonly converged: boolean;
}

export function createGainMatrices(antennaCount: number): GainMatrices {
  const cells = antennaCount * antennaCount;
  return {
    antennaCount,
    re: new Float32Array(cells),
    im: new Float32Array(cells),
    power: new Float32Array(cells),
  };
}

/** Adds the cells of `part` to those of `sum`. */
export function addGainMatrices(sum: GainMatrices, part: GainMatrices): void {
  for (let at = 0; at < sum.power.length; at += 1) {
    sum.re[at] = sum.re[at]! + part.re[at]!;
    sum.im[at] = sum.im[at]! + part.im[at]!;
    sum.power[at] = sum.power[at]! + part.power[at]!;
  }
}

/**
 * Solves in place. An antenna without data (its row of B is zero) ends with gain 0.
 * @param gains [antenna] complex: the start, then the solution
 * @param tolerance on the relative change of the gain vector between averaged steps
 */
export function stefcal(
  matrices: GainMatrices,
  gains: Float64Array,
  tolerance: number,
  iterationsMax: number,
): Convergence {
  const next = new Float64Array(gains.length);
  const powers = new Float64Array(matrices.antennaCount);
  for (let iteration = 1; iteration <= iterationsMax; iteration += 1) {
    updateGains(matrices, gains, powers, next);
    if (iteration % 2 === 1) {
      gains.set(next);
    } else {
      const change = averageInto(gains, next);
      if (change < tolerance) return { iterations: iteration, converged: true };
    }
  }
  return { iterations: iterationsMax, converged: false };
}

function updateGains(
  { antennaCount, re, im, power }: GainMatrices,
  gains: Float64Array,
  powers: Float64Array,
  next: Float64Array,
): void {
  for (let q = 0; q < antennaCount; q += 1) powers[q] = gains[2 * q]! ** 2 + gains[2 * q + 1]! ** 2;
  for (let p = 0; p < antennaCount; p += 1) {
    const row = p * antennaCount;
    let sumRe = 0;
    let sumIm = 0;
    let norm = 0;
    for (let q = 0; q < antennaCount; q += 1) {
      const aRe = re[row + q]!;
      const aIm = im[row + q]!;
      const gRe = gains[2 * q]!;
      const gIm = gains[2 * q + 1]!;
      sumRe += aRe * gRe - aIm * gIm;
      sumIm += aRe * gIm + aIm * gRe;
      norm += power[row + q]! * powers[q]!;
    }
    next[2 * p] = norm > 0 ? sumRe / norm : 0;
    next[2 * p + 1] = norm > 0 ? sumIm / norm : 0;
  }
}

/** gains ← (gains + next) / 2; returns ‖change‖ / ‖gains‖. */
function averageInto(gains: Float64Array, next: Float64Array): number {
  let change = 0;
  let norm = 0;
  for (let index = 0; index < gains.length; index += 1) {
    const before = gains[index]!;
    const after = (before + next[index]!) / 2;
    gains[index] = after;
    change += (after - before) ** 2;
    norm += after ** 2;
  }
  // A vector of zeros has converged: there was no data.
  return norm === 0 ? 0 : Math.sqrt(change / norm);
}

/**
 * Start values: the dominant eigenvector of the matrix A / B of estimated gain products, scaled so
 * that products of its elements are those. It is right for any phases, where a start from ones
 * can end in a wrong minimum (seen on VLA data with dead antennas).
 * @param gains [antenna] complex; overwritten
 */
export function dominantEigenvector(matrices: GainMatrices, gains: Float64Array): void {
  const products = gainProducts(matrices);
  startFromStrongestRow(products, matrices.antennaCount, gains);
  let eigenvalue = 0;
  for (let iteration = 0; iteration < POWER_ITERATIONS; iteration += 1)
    eigenvalue = powerStep(products, matrices.antennaCount, gains);
  const scale = Math.sqrt(eigenvalue);
  for (let index = 0; index < gains.length; index += 1) gains[index] = gains[index]! * scale;
}

const POWER_ITERATIONS = 30;

/** [antenna, antenna] complex A / B, 0 where there is no data. */
function gainProducts({ re, im, power }: GainMatrices): Float64Array {
  const products = new Float64Array(2 * power.length);
  for (let cell = 0; cell < power.length; cell += 1) {
    if (!(power[cell]! > 0)) continue;
    products[2 * cell] = re[cell]! / power[cell]!;
    products[2 * cell + 1] = im[cell]! / power[cell]!;
  }
  return products;
}

/** gains_q = conj of the product of the strongest antenna with q: its phases are nearly right. */
function startFromStrongestRow(
  products: Float64Array,
  antennaCount: number,
  gains: Float64Array,
): void {
  let strongest = 0;
  let most = -1;
  for (let p = 0; p < antennaCount; p += 1) {
    let sum = 0;
    for (let at = 2 * p * antennaCount; at < 2 * (p + 1) * antennaCount; at += 1)
      sum += products[at]! ** 2;
    if (sum > most) [strongest, most] = [p, sum];
  }
  for (let q = 0; q < antennaCount; q += 1) {
    gains[2 * q] = products[2 * (strongest * antennaCount + q)]!;
    gains[2 * q + 1] = -products[2 * (strongest * antennaCount + q) + 1]!;
  }
}

/** gains ← X gains / ‖X gains‖; returns the norm, which tends to the eigenvalue. */
function powerStep(products: Float64Array, antennaCount: number, gains: Float64Array): number {
  const next = new Float64Array(gains.length);
  let norm = 0;
  for (let p = 0; p < antennaCount; p += 1) {
    for (let q = 0; q < antennaCount; q += 1) {
      const at = 2 * (p * antennaCount + q);
      next[2 * p] =
        next[2 * p]! + products[at]! * gains[2 * q]! - products[at + 1]! * gains[2 * q + 1]!;
      next[2 * p + 1] =
        next[2 * p + 1]! + products[at]! * gains[2 * q + 1]! + products[at + 1]! * gains[2 * q]!;
    }
    norm += next[2 * p]! ** 2 + next[2 * p + 1]! ** 2;
  }
  norm = Math.sqrt(norm);
  for (let index = 0; index < gains.length; index += 1)
    gains[index] = norm > 0 ? next[index]! / norm : 0;
  return norm;
}
