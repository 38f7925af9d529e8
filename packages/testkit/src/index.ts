/** Databases, clocks, factories and simulated skies for tests. */
export { deadline, type FreshDatabase, freshDatabase, setClock, until } from "./database.ts";
export { auditGates } from "./gate-audit.ts";
export { addSource, createRandom, synthesizeImage, type TrueSource } from "./synthetic-image.ts";
export { writeKnownGainsSet } from "./known-gains-set.ts";
export type { KnownGains, KnownGainsOptions } from "./known-gains-set.ts";
export { canWriteSubbands, SITE, writePointSourceGroup } from "./point-source-group.ts";
export type { PointSource, PointSourceGroup } from "./point-source-group.ts";
export {
  type DriftingSource,
  type DriftingSkyOptions,
  DRIFTING_SKY_TABLE,
  type ResidualGain,
  writeDriftingSkySet,
} from "./drifting-sky-set.ts";
export { canMountDisks, mountSmallDisk } from "./small-disk.ts";
export * as sqlWorker from "./sql-worker.ts";
export { plansOf } from "./plans.ts";
export * as workflowWorker from "./workflow-worker.ts";
export { TcpProxy } from "./tcp-proxy.ts";
export { compareGains, compareWithTrueGains, readTrueGains } from "./gains-truth.ts";
export type { GainComparison, TrueGains } from "./gains-truth.ts";
