/**
 * From the ICRS to the true equator and equinox of date: frame bias, precession (IAU 2006) and
 * nutation (the larger terms of IAU 2000), and the equation of the equinoxes.
 *
 * What is left out of the nutation series adds up to about 0.01″.
 */
import { ARCSEC_RAD } from "./angle.ts";

/** Row-major 3×3. */
export type Matrix3 = Float64Array;

export interface Equinox {
  /** Turns an ICRS vector into the frame of the true equator and equinox of date. */
  readonly fromIcrs: Matrix3;
  /** Apparent minus mean sidereal time, radians. */
  readonly equationOfEquinoxesRad: number;
}

// Multiples of l, l′, F, D, Ω; then the sine term of longitude and the cosine term of obliquity,
// in 0.1 µas. Source: McCarthy & Luzum (2003), Cel. Mech. 85, 37, table 1 (IAU 2000B), terms
// above 2.5 mas.
const NUTATION_TERMS: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 1, -172_064_161, 92_052_331],
  [0, 0, 2, -2, 2, -13_170_906, 5_730_336],
  [0, 0, 2, 0, 2, -2_276_413, 978_459],
  [0, 0, 0, 0, 2, 2_074_554, -897_492],
  [0, 1, 0, 0, 0, 1_475_877, 73_871],
  [0, 1, 2, -2, 2, -516_821, 224_386],
  [1, 0, 0, 0, 0, 711_159, -6_750],
  [0, 0, 2, 0, 1, -387_298, 200_728],
  [1, 0, 2, 0, 2, -301_461, 129_025],
  [0, -1, 2, -2, 2, 215_829, -95_929],
  [0, 0, 2, -2, 1, 128_227, -68_982],
  [-1, 0, 2, 0, 2, 123_457, -53_311],
  [-1, 0, 0, 2, 0, 156_994, -1_235],
  [1, 0, 0, 0, 1, 63_110, -33_228],
  [-1, 0, 0, 0, 1, -57_976, 31_429],
  [-1, 0, 2, 2, 2, -59_641, 25_543],
  [1, 0, 2, 0, 1, -51_613, 26_366],
  [-2, 0, 2, 0, 1, 45_893, -24_236],
  [0, 0, 0, 2, 0, 63_384, -1_220],
  [0, 0, 2, 2, 2, -38_571, 16_452],
  [0, -2, 2, -2, 2, 32_481, -13_870],
  [-2, 0, 0, 2, 0, -47_722, 477],
  [2, 0, 2, 0, 2, -31_046, 13_238],
  [1, 0, 2, -2, 2, 28_593, -12_338],
  [2, 0, 0, 0, 0, 29_243, -609],
  [0, 0, 2, 0, 0, 25_887, -550],
];

/** The equinox of a date. @param centuriesTt Julian centuries of TT since J2000.0 */
export function trueEquinox(centuriesTt: number): Equinox {
  const t = centuriesTt;
  const { longitudeRad, obliquityRad } = nutation(t);
  // Fukushima–Williams angles with frame bias: Wallace & Capitaine (2006), A&A 459, 981, eq. 37.
  const gamma = -0.052_928 + t * (10.556_378 + t * (0.493_204_4 + t * -0.000_312_38));
  const phi = 84_381.412_819 + t * (-46.811_016 + t * (0.051_126_8 + t * 0.000_532_89));
  const psi = -0.041_775 + t * (5_038.481_484 + t * (1.558_417_5 + t * -0.000_185_22));
  const epsilon = 84_381.406 + t * (-46.836_769 + t * (-0.000_183_1 + t * 0.002_003_4));
  const meanObliquityRad = epsilon * ARCSEC_RAD;
  const fromIcrs = multiply(
    turnAboutX(-(meanObliquityRad + obliquityRad)),
    multiply(
      turnAboutZ(-(psi * ARCSEC_RAD + longitudeRad)),
      multiply(turnAboutX(phi * ARCSEC_RAD), turnAboutZ(gamma * ARCSEC_RAD)),
    ),
  );
  const node = fundamentalArguments(t)[4]!;
  // The two largest complementary terms: IERS Conventions (2010), TN 36, table 5.2e.
  const complementaryArcsec = 0.002_640_96 * Math.sin(node) + 0.000_063_52 * Math.sin(2 * node);
  const equationOfEquinoxesRad =
    longitudeRad * Math.cos(meanObliquityRad) + complementaryArcsec * ARCSEC_RAD;
  return { fromIcrs, equationOfEquinoxesRad };
}

/** The matrix times a column vector, written into `result`, which may be `vector`. */
export function apply(matrix: Matrix3, vector: Float64Array, result: Float64Array): void {
  const [x, y, z] = [vector[0]!, vector[1]!, vector[2]!];
  for (let row = 0; row < 3; row += 1) {
    const at = 3 * row;
    result[row] = matrix[at]! * x + matrix[at + 1]! * y + matrix[at + 2]! * z;
  }
}

export function transpose(m: Matrix3): Matrix3 {
  return Float64Array.of(m[0]!, m[3]!, m[6]!, m[1]!, m[4]!, m[7]!, m[2]!, m[5]!, m[8]!);
}

export function multiply(left: Matrix3, right: Matrix3): Matrix3 {
  const product = new Float64Array(9);
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      let sum = 0;
      for (let k = 0; k < 3; k += 1) sum += left[3 * row + k]! * right[3 * k + column]!;
      product[3 * row + column] = sum;
    }
  }
  return product;
}

/** Turns the axes about x: coordinates of a fixed vector in the turned frame. */
export function turnAboutX(angleRad: number): Matrix3 {
  const cos = Math.cos(angleRad);
  const sin = Math.sin(angleRad);
  return Float64Array.of(1, 0, 0, 0, cos, sin, 0, -sin, cos);
}

export function turnAboutY(angleRad: number): Matrix3 {
  const cos = Math.cos(angleRad);
  const sin = Math.sin(angleRad);
  return Float64Array.of(cos, 0, -sin, 0, 1, 0, sin, 0, cos);
}

export function turnAboutZ(angleRad: number): Matrix3 {
  const cos = Math.cos(angleRad);
  const sin = Math.sin(angleRad);
  return Float64Array.of(cos, sin, 0, -sin, cos, 0, 0, 0, 1);
}

function nutation(t: number): { longitudeRad: number; obliquityRad: number } {
  const fundamental = fundamentalArguments(t);
  let longitude = -174_666 * t * Math.sin(fundamental[4]!);
  let obliquity = 0;
  for (const term of NUTATION_TERMS) {
    let argument = 0;
    for (let k = 0; k < 5; k += 1) argument += term[k]! * fundamental[k]!;
    longitude += term[5]! * Math.sin(argument);
    obliquity += term[6]! * Math.cos(argument);
  }
  const unitRad = 1e-7 * ARCSEC_RAD;
  return { longitudeRad: longitude * unitRad, obliquityRad: obliquity * unitRad };
}

/** l, l′, F, D, Ω in radians. Simon et al. (1994), A&A 282, 663, §3.5; linear terms. */
function fundamentalArguments(t: number): readonly number[] {
  return [
    485_868.249_036 + t * 1_717_915_923.217_8,
    1_287_104.793_05 + t * 129_596_581.048_1,
    335_779.526_232 + t * 1_739_527_262.847_8,
    1_072_260.703_69 + t * 1_602_961_601.209,
    450_160.398_036 - t * 6_962_890.543_1,
  ].map((arcsec) => (arcsec % 1_296_000) * ARCSEC_RAD);
}
