/** Stages, chains and products of the continuum pipeline. */
export {
  calibratorsInBeam,
  isCalibratorTile,
  knownCalibrator,
  type InBeamOptions,
} from "./calibrators/in-beam.ts";
export { predictTransits } from "./calibrators/predict-transits.ts";
export type { PredictedTransit, TransitOptions } from "./calibrators/predict-transits.ts";
export { CALIBRATOR_LIMITS, qualityLetter } from "./calibrators/rank.ts";
export type { CalibratorLimits, RankedCalibrator } from "./calibrators/rank.ts";
export { CHAINS, isChainName, spawnChain } from "./chains.ts";
export type { ChainName, ChainOptions, SpawnedChain } from "./chains.ts";
export { entryOf, ERRORS, isPipelineErrorTag, PipelineError } from "./errors.ts";
export type { ErrorEntry, PipelineErrorTag } from "./errors.ts";
export { stageOf } from "./execute-stage.ts";
export { chainOfName, type ChainChoice, type ChainOf } from "./ingest/chain-of.ts";
export { always, byCalibrators, type ReadyGroup, withParams } from "./ingest/chain-of.ts";
export { INGEST_TASK, ingestScanTask, ingestSchedule, reportAsJson } from "./ingest/ingest-task.ts";
export { Ingester, type IngestOptions, type LookReport } from "./ingest/ingester.ts";
export { type IngestPolicy, ingestPolicySchema } from "./ingest/policy.ts";
export { watchFolder, type WatchOptions } from "./ingest/watch-folder.ts";
export { audit, type AuditReport } from "./keeping/audit.ts";
export type { Finding as AuditFinding, FindingKind, Remedy } from "./keeping/finding.ts";
export { housekeep, type HousekeepingReport } from "./keeping/housekeeping.ts";
export {
  HOUSEKEEPING,
  housekeepingTask,
  scheduleHousekeeping,
} from "./keeping/housekeeping-task.ts";
export { type Lineage, type LineageNode, readLineage } from "./keeping/lineage.ts";
export { type Experience, resourcesOf } from "./keeping/needs.ts";
export { previewRedo, REDO_PRIORITY, type Redone, spawnRedo } from "./keeping/redo.ts";
export type { RedoPlan } from "./keeping/redo-plan.ts";
export { repair, type Repaired } from "./keeping/repair.ts";
export { type RetentionPolicy, retentionSchema } from "./keeping/retention.ts";
export { readExperience } from "./keeping/run-ledger.ts";
export { migrateAll } from "./migrate.ts";
export { listProducts } from "./products/list-products.ts";
export type { ProductFilter, ProductRow } from "./products/list-products.ts";
export {
  calibratedMeasurementSetPath,
  calibrationTablePath,
  imagePath,
  incomingFolder,
  isGroupId,
  measurementSetPath,
  photometryPath,
  referenceCatalogPath,
  validationPath,
} from "./products/paths.ts";
export { decide } from "./quality/decide.ts";
export type { Decided, Decision } from "./quality/decide.ts";
export type { Finding, GateVerdict, Verdict } from "./quality/gate.ts";
export { listQuality } from "./quality/report.ts";
export type { MetricInHistory, QualityFilter, StageQuality } from "./quality/report.ts";
export { parseThresholds } from "./quality/thresholds.ts";
export type { Thresholds } from "./quality/thresholds.ts";
export { ProductRegistry } from "./products/registry.ts";
export { reconcile } from "./reconcile.ts";
export type { ReconcileReport } from "./reconcile.ts";
export { explainProduct } from "./registry/explain.ts";
export { recordText, roundText } from "./self-calibration/record.ts";
export type { Explanation, LineageStep, RecordedDecision } from "./registry/explain.ts";
export { listHolds, type OpenHold } from "./registry/hold.ts";
export { assignCalibration, listCalibrations, retireCalibration } from "./registry/list.ts";
export type { CalibrationFilter, ListedCalibration } from "./registry/list.ts";
export { settleCalibrations, wakeHeld } from "./registry/settle.ts";
export { affectedTiles, supersede, SUPERSEDE_BUDGET } from "./registry/supersede.ts";
export type { AffectedTile, SupersedeBudget, SupersedeReport } from "./registry/supersede.ts";
export { runByHand } from "./run-by-hand.ts";
export type { HandRun, HandRunOptions } from "./run-by-hand.ts";
export { runStageProcess } from "./run-stage.ts";
export type { StageModule, StageRun, StageRunOptions } from "./run-stage.ts";
export { withSiteStages } from "./site/site-config.ts";
export { classifyStageError, stageTask, stageTasks } from "./stage-task.ts";
export type { StageTaskOptions } from "./stage-task.ts";
export { startStageWorker } from "./stage-worker.ts";
export type { StageWorkerOptions } from "./stage-worker.ts";
export { STAGES } from "./stages.ts";
export type {
  AnyStage,
  Json,
  Output,
  ProductKind,
  ProductLookup,
  QualityVerdict,
  RunContext,
  Stage,
  StageResult,
  Transaction,
} from "./stage.ts";
export { SUBBAND_COUNT, TILE_SECONDS, type TileSize } from "./simulate/array.ts";
export type { HostClocks } from "./simulate/file-names.ts";
export {
  demoScenario,
  groupIdOf,
  transitOf,
  type Scenario,
  type ScenarioTile,
} from "./simulate/scenario.ts";
export { plantFaint, type PlantOptions } from "./simulate/planted.ts";
export { randomStream } from "./simulate/random.ts";
export {
  simulateGroup,
  type SimulatedGroup,
  type SimulateOptions,
} from "./simulate/simulate-group.ts";
