/** uvw of antennas from the uvw of baselines, whatever antennas they join. */

export interface BaselineUvw {
  /** [row]. */
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
  /** [row, uvw], antenna1 − antenna2 as a Measurement Set of ours has it. */
  readonly uvwM: Float64Array;
}

/**
 * Positions P such that P[antenna1] − P[antenna2] is the row's uvw, with the first antenna of each
 * connected part at the origin. Rows are taken as consistent: no fit is made.
 * @returns [antenna, uvw] in meters; zeros for antennas in no row
 */
export function antennaUvwOfRows(rows: BaselineUvw, antennaCount: number): Float64Array {
  const positions = new Float64Array(3 * antennaCount);
  const isPlaced = new Uint8Array(antennaCount);
  const rowCount = rows.antenna1.length;
  for (let seed = 0; seed < rowCount; seed += 1) {
    const antenna = rows.antenna1[seed]!;
    if (isPlaced[antenna] === 1) continue;
    isPlaced[antenna] = 1;
    while (placeNeighbors(rows, positions, isPlaced) > 0);
  }
  return positions;
}

/** One pass over the rows; returns how many antennas it placed next to placed ones. */
function placeNeighbors(rows: BaselineUvw, positions: Float64Array, isPlaced: Uint8Array): number {
  let placed = 0;
  for (let row = 0; row < rows.antenna1.length; row += 1) {
    const p = rows.antenna1[row]!;
    const q = rows.antenna2[row]!;
    if (isPlaced[p] === isPlaced[q]) continue;
    const [from, to, sign] = isPlaced[p] === 1 ? [p, q, -1] : [q, p, 1];
    for (let axis = 0; axis < 3; axis += 1)
      positions[3 * to + axis] = positions[3 * from + axis]! + sign * rows.uvwM[3 * row + axis]!;
    isPlaced[to] = 1;
    placed += 1;
  }
  return placed;
}
