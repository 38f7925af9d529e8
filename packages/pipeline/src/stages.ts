/** Every stage there is, with the module that a child process loads it from. */
import type { StageModule } from "./run-stage.ts";
import type { AnyStage } from "./stage.ts";
import { calibrationApplyStage } from "./stages/calibration-apply.ts";
import { calibrationSolveStage } from "./stages/calibration-solve.ts";
import { convertUvh5ToMsStage } from "./stages/convert-uvh5-to-ms.ts";
import { flagThoroughStage } from "./stages/flag-thorough.ts";
import { imagingStage } from "./stages/imaging.ts";
import { photometryStage } from "./stages/photometry.ts";
import { snapshotsStage } from "./stages/snapshots.ts";
import { validationStage } from "./stages/validation.ts";

/** In the order of the standard chain. A stage's file is named as its task. */
export const STAGES: readonly StageModule[] = [
  convertUvh5ToMsStage,
  flagThoroughStage,
  calibrationSolveStage,
  calibrationApplyStage,
  imagingStage,
  validationStage,
  photometryStage,
  snapshotsStage,
].map((stage: AnyStage) => ({
  stage,
  url: new URL(`./stages/${stage.name}.ts`, import.meta.url).href,
}));
