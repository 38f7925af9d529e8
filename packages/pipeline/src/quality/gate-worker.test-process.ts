/** A worker process of the gated stages that can be killed. Argument: JSON. */
import { startStageWorker } from "../stage-worker.ts";
import { parseThresholds } from "./thresholds.ts";
import { flagStage, GATED_STAGES_URL, nextStage, solveStage } from "./gated-stages.test-stage.ts";

const { connectionString, dataRoot, thresholds } = JSON.parse(process.argv[2]!) as {
  readonly connectionString: string;
  readonly dataRoot: string;
  readonly thresholds: unknown;
};
const worker = await startStageWorker({
  connectionString,
  dataRoot,
  thresholds: parseThresholds(thresholds),
  stages: [flagStage, solveStage, nextStage].map((stage) => ({ stage, url: GATED_STAGES_URL })),
  queue: "gates",
  threadCount: 1,
  leaseSeconds: 1,
});
process.send?.("ready");
await worker.finished;
process.disconnect();
