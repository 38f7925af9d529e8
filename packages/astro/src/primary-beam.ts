/**
 * The antenna's power pattern: a uniformly lit circular aperture (Airy), 1 on axis.
 */

/** Measured diameter of the DSA-110 dishes, in meters. */
export const DISH_DIAMETER_M = 4.65;

export const SPEED_OF_LIGHT_M_S = 299_792_458;

// Where the two expansions of J1 are about equally good (both below 1e-10).
const SERIES_LIMIT = 12;

/**
 * Airy power response at an angle from the axis: A = (2 J1(x) / x)², x = π D sin θ ν / c.
 * Source: Born & Wolf, Principles of Optics, 7th ed., §8.5.2, eq. 14.
 */
export function airyPower(
  separationRad: number,
  frequencyHz: number,
  diameterM = DISH_DIAMETER_M,
): number {
  const x = (Math.PI * diameterM * Math.sin(separationRad) * frequencyHz) / SPEED_OF_LIGHT_M_S;
  if (Math.abs(x) < 1e-8) return 1;
  return ((2 * besselJ1(x)) / x) ** 2;
}

/**
 * Bessel function of the first kind, order one; absolute error below 1e-10.
 * Source: Abramowitz & Stegun (1964), 9.1.10 (power series) and 9.2.5 (Hankel's expansion).
 */
export function besselJ1(x: number): number {
  const size = Math.abs(x);
  const value = size < SERIES_LIMIT ? besselJ1Series(size) : besselJ1Hankel(size);
  return x < 0 ? -value : value;
}

function besselJ1Series(x: number): number {
  const quarterSquare = (x * x) / 4;
  let term = x / 2;
  let sum = term;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum) + 1e-300; k += 1) {
    term *= -quarterSquare / (k * (k + 1));
    sum += term;
  }
  return sum;
}

function besselJ1Hankel(x: number): number {
  let p = 0;
  let q = 0;
  let term = 1;
  for (let k = 0; k < 100; k += 1) {
    const sign = k % 4 < 2 ? 1 : -1;
    if (k % 2 === 0) p += sign * term;
    else q += sign * term;
    const next = (term * (4 - (2 * k + 1) ** 2)) / ((k + 1) * 8 * x);
    // The expansion diverges in the end: stop at its smallest term.
    if (Math.abs(next) >= Math.abs(term) || Math.abs(next) < 1e-17) break;
    term = next;
  }
  const phase = x - 0.75 * Math.PI;
  return Math.sqrt(2 / (Math.PI * x)) * (p * Math.cos(phase) - q * Math.sin(phase));
}
