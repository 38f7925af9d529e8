/** Databases, clocks, factories and simulated skies for tests. */
export { PROBE_STAGE_URL, probeStage } from "./probe-stage.ts";
export { SITE, writePointSourceGroup } from "./point-source-group.ts";
export type { PointSource, PointSourceGroup } from "./point-source-group.ts";
