/** Databases, clocks, factories and simulated skies for tests. */
export { PROBE_STAGE_URL, probeStage } from "./probe-stage.ts";
