/** What the tasks of a history ask for beyond running: limits, room, conditions on parents. */
import type { Dependency } from "@contimg/absurd";

import type { Chance } from "./random.ts";
import type { Requirement, Wish, WishedEdge } from "./record.ts";

type Demand = NonNullable<Wish["demand"]>;

/** Few and narrow, so that tasks get into each other's way. */
const DEMANDS: readonly ((chance: Chance) => Demand)[] = [
  () => ({ concurrency: [{ key: "bus", limit: 2 }] }),
  () => ({ concurrency: [{ key: "dish", limit: 1 }] }),
  (chance) => ({ locks: [lock(chance, "set")] }),
  (chance) => ({ locks: [lock(chance, "set"), lock(chance, "table")] }),
  (chance) => ({ locks: [lock(chance, "table")], concurrency: [{ key: "bus", limit: 2 }] }),
  () => ({ rate: [{ key: "archive", count: 2, periodSeconds: 0.4 }] }),
  (chance) => ({ resources: { cpu: chance.between(1, 4) } }),
  (chance) => ({ resources: { cpu: chance.between(1, 3) }, locks: [lock(chance, "set")] }),
];

function lock(chance: Chance, name: string): NonNullable<Demand["locks"]>[number] {
  return { name, mode: chance.happens(0.6) ? "shared" : "exclusive" };
}

export function chooseDemand(chance: Chance): Demand | undefined {
  return chance.happens(0.3) ? chance.pick(DEMANDS)(chance) : undefined;
}

/** @param isPlain the parent must complete, or the task is cancelled */
export function chooseRequirement(
  chance: Chance,
  parents: readonly string[],
  isPlain: boolean,
): Requirement {
  const when = (): WishedEdge["when"] =>
    isPlain
      ? "success"
      : chance.pick<WishedEdge["when"]>([
          ...(["success", "failure", "always"] as const),
          ...[{ fluxAbove: 0.5 }, { fluxAbove: 0.5 }],
        ]);
  const otherwise = isPlain ? "cancel" : chance.pick(["cancel", "skip", "continue"] as const);
  return { anyOf: parents.map((on) => ({ on, when: when() })), otherwise };
}

export function wireRequirement(
  { anyOf, otherwise }: Requirement,
  idOf: (token: string) => string | number,
): Dependency {
  const edges = anyOf.map(({ on, when }) => ({
    on: idOf(on),
    when: typeof when === "object" ? { resultMatches: `$.flux > ${String(when.fluxAbove)}` } : when,
  }));
  const [edge] = edges;
  return edges.length === 1 ? { ...edge!, otherwise } : { anyOf: edges, otherwise };
}
