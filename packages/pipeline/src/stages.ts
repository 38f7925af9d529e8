/** Every stage there is, with the module that a child process loads it from. */
import type { StageModule } from "./run-stage.ts";

export const STAGES: readonly StageModule[] = [];
