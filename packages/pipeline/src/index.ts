/** Stages, chains and products of the continuum pipeline. */
export { SUBBAND_COUNT, TILE_SECONDS, type TileSize } from "./simulate/array.ts";
export type { HostClocks } from "./simulate/file-names.ts";
export {
  demoScenario,
  knownCalibrator,
  transitOf,
  type Scenario,
  type ScenarioTile,
} from "./simulate/scenario.ts";
export {
  simulateGroup,
  type SimulatedGroup,
  type SimulateOptions,
} from "./simulate/simulate-group.ts";
