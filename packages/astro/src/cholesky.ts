/** Small symmetric positive definite systems: the normal equations of fits. */

/**
 * Solves M x = b for symmetric positive definite M by Cholesky factorization.
 *
 * @param matrix shape [n, n]; its lower triangle is overwritten with the factor
 * @param right shape [n]; overwritten with x
 * @returns false when M is not positive definite; `right` is then undefined
 */
export function solveInPlace(matrix: Float64Array, right: Float64Array): boolean {
  const order = right.length;
  for (let row = 0; row < order; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * order + column]!;
      for (let k = 0; k < column; k++) {
        sum -= matrix[row * order + k]! * matrix[column * order + k]!;
      }
      if (row !== column) matrix[row * order + column] = sum / matrix[column * order + column]!;
      else if (sum > 0) matrix[row * order + row] = Math.sqrt(sum);
      else return false;
    }
  }
  for (let row = 0; row < order; row++) {
    for (let k = 0; k < row; k++) right[row]! -= matrix[row * order + k]! * right[k]!;
    right[row]! /= matrix[row * order + row]!;
  }
  for (let row = order - 1; row >= 0; row--) {
    for (let k = row + 1; k < order; k++) right[row]! -= matrix[k * order + row]! * right[k]!;
    right[row]! /= matrix[row * order + row]!;
  }
  return true;
}
