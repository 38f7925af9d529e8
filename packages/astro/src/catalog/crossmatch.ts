/**
 * Crossmatch of two lists of positions: nearest neighbor within a radius, each used once.
 *
 * Separations are great-circle, so right ascension may wrap and the poles are no
 * exception. Pairs are made nearest first: where two compete for one, the closer wins and the other
 * takes its next best.
 */
import { separationRad as separationBetween, wrapHalfTurn } from "../angle.ts";

export interface CatalogPosition {
  readonly raRad: number;
  readonly decRad: number;
}

export interface Match {
  readonly firstIndex: number;
  readonly secondIndex: number;
  readonly separationRad: number;
}

/** Cost: first.length × (entries of `second` in the same declination strip). */
export function crossmatch(
  first: readonly CatalogPosition[],
  second: readonly CatalogPosition[],
  radiusRad: number,
): Match[] {
  const byDeclination = second
    .map(({ decRad }, index) => ({ decRad, index }))
    .sort((a, b) => a.decRad - b.decRad);
  const candidates: Match[] = [];
  for (const [firstIndex, position] of first.entries()) {
    for (
      let at = lowerBound(byDeclination, position.decRad - radiusRad);
      at < byDeclination.length;
      at++
    ) {
      const { decRad, index: secondIndex } = byDeclination[at]!;
      if (decRad > position.decRad + radiusRad) break;
      const other = second[secondIndex]!;
      const separationRad = separationBetween(
        position.raRad,
        position.decRad,
        other.raRad,
        other.decRad,
      );
      if (separationRad <= radiusRad) candidates.push({ firstIndex, secondIndex, separationRad });
    }
  }
  return takeNearestFirst(candidates);
}

function takeNearestFirst(candidates: Match[]): Match[] {
  const firstTaken = new Set<number>();
  const secondTaken = new Set<number>();
  const matches: Match[] = [];
  for (const match of candidates.sort((a, b) => a.separationRad - b.separationRad)) {
    if (firstTaken.has(match.firstIndex) || secondTaken.has(match.secondIndex)) continue;
    firstTaken.add(match.firstIndex);
    secondTaken.add(match.secondIndex);
    matches.push(match);
  }
  return matches.sort((a, b) => a.firstIndex - b.firstIndex);
}

/** Offset of `to` from `from` along east (with cos δ) and north [rad]; for small separations. */
export function offsetRad(
  from: CatalogPosition,
  to: CatalogPosition,
): { eastRad: number; northRad: number } {
  const eastRad = wrapHalfTurn(to.raRad - from.raRad) * Math.cos(from.decRad);
  return { eastRad, northRad: to.decRad - from.decRad };
}

function lowerBound(sorted: readonly { decRad: number }[], decRad: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.decRad < decRad) low = middle + 1;
    else high = middle;
  }
  return low;
}
