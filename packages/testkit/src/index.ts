/** Databases, clocks, factories and simulated skies for tests. */
export { type FreshDatabase, freshDatabase, setClock, until } from "./database.ts";
export { writeKnownGainsSet } from "./known-gains-set.ts";
export type { KnownGains, KnownGainsOptions } from "./known-gains-set.ts";
