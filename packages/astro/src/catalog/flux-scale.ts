/**
 * The flux density scale of Perley & Butler (2017): polynomials of log S in log ν for the standard
 * sources that are unresolved enough for a 2.6 km array at 1.4 GHz.
 *
 * Source: Perley & Butler (2017), ApJS 230, 7, eq. 1 and table 6, in the digits that CASA's own
 * copy of the scale has; a test holds them to CASA's values within 1e-6. 3C138 and 3C48 vary by
 * some percent over years (their §5): the polynomials are of epoch 2016.
 */

/** log10(S / Jy) = Σ coefficients[k] · log10(ν / GHz)^k, within the frequencies of the fit. */
export interface FluxPolynomial {
  readonly coefficients: readonly number[];
  readonly minHz: number;
  readonly maxHz: number;
}

const GHZ = 1e9;

export const PERLEY_BUTLER_2017: ReadonlyMap<string, FluxPolynomial> = new Map(
  (
    [
      ["3C48", [1.3253, -0.7553, -0.1914, 0.0498], 0.05],
      ["3C138", [1.0088, -0.4981, -0.1552, -0.0102, 0.0223], 0.2],
      ["3C147", [1.4516, -0.6961, -0.2007, 0.064, -0.0464, 0.0289], 0.05],
      ["3C196", [1.2872, -0.853, -0.1534, -0.02, 0.0201], 0.05],
      ["3C286", [1.2481, -0.4507, -0.1798, 0.0357], 0.05],
      ["3C295", [1.4701, -0.7658, -0.278, -0.0347, 0.0399], 0.05],
    ] as const
  ).map(([name, coefficients, minGhz]) => [
    name,
    { coefficients, minHz: minGhz * GHZ, maxHz: 50 * GHZ },
  ]),
);

/** @throws {RangeError} outside the frequencies that were fitted */
export function polynomialFluxJy(polynomial: FluxPolynomial, frequencyHz: number): number {
  const x = logGhz(polynomial, frequencyHz);
  return 10 ** polynomial.coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

/** The local spectral index α = d ln S / d ln ν. @throws {RangeError} as `polynomialFluxJy` */
export function polynomialIndex(polynomial: FluxPolynomial, frequencyHz: number): number {
  const x = logGhz(polynomial, frequencyHz);
  return polynomial.coefficients.reduce(
    (sum, coefficient, power) => (power === 0 ? sum : sum + power * coefficient * x ** (power - 1)),
    0,
  );
}

function logGhz({ minHz, maxHz }: FluxPolynomial, frequencyHz: number): number {
  if (frequencyHz >= minHz && frequencyHz <= maxHz) return Math.log10(frequencyHz / GHZ);
  throw new RangeError(
    `the flux scale holds from ${minHz / GHZ} to ${maxHz / GHZ} GHz, not at ${frequencyHz} Hz`,
  );
}
