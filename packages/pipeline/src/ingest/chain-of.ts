/** Which chain a group goes through: the place where the choice of calibrators plugs in. */
import { isCalibratorTile } from "../calibrators/in-beam.ts";
import type { ChainName, ChainOptions } from "../chains.ts";

/** A group as it is about to be run. Times and declination are null when no file told them. */
export interface ReadyGroup {
  readonly groupId: string;
  readonly revision: number;
  /** By ascending subband. */
  readonly inputPaths: readonly string[];
  readonly missing: readonly number[];
  readonly startMjd: number;
  readonly endMjd: number;
  readonly declinationRad: number | null;
}

export interface ChainChoice {
  readonly chain: ChainName;
  /** Further params by stage; those that say which files there are win over them. */
  readonly params?: ChainOptions["params"];
  readonly priority?: number;
  readonly solveTaskId?: string;
}

export type ChainOf = (group: ReadyGroup) => ChainChoice | Promise<ChainChoice>;

/** Every group through the same chain. */
export function always(chain: ChainName): ChainOf {
  return () => ({ chain });
}

/**
 * Tiles that see a usable calibrator near its transit are solved, then imaged as the others; those
 * whose headers told no declination are science tiles.
 */
export const byCalibrators: ChainOf = ({ startMjd, endMjd, declinationRad }) => {
  const isSolved =
    declinationRad !== null && isCalibratorTile((startMjd + endMjd) / 2, declinationRad);
  return { chain: isSolved ? "standard-pipeline" : "target" };
};

/** Of a name that may have been given. */
export function chainOfName(chain: ChainName | undefined): ChainOf {
  return chain === undefined ? byCalibrators : always(chain);
}

/** The same choice with further params by stage, which win over those of the choice. */
export function withParams(chainOf: ChainOf, params: NonNullable<ChainOptions["params"]>): ChainOf {
  return async (group) => {
    const choice = await chainOf(group);
    const stages = new Set([...Object.keys(choice.params ?? {}), ...Object.keys(params)]);
    const merged = [...stages].map((stage) => [
      stage,
      { ...choice.params?.[stage], ...params[stage] },
    ]);
    return { ...choice, params: Object.fromEntries(merged) as NonNullable<ChainOptions["params"]> };
  };
}
