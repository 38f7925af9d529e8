/** A process that runs the probe stage and can be killed; started by tests. Argument: JSON. */
import { PROBE_STAGE_URL, probeStage } from "@contimg/testkit";

import { runStageProcess } from "./run-stage.ts";
import type { Json } from "./stage.ts";

const { steps, folder } = JSON.parse(process.argv[2]!) as { steps: Json; folder: string };
await runStageProcess(
  { stage: probeStage, url: PROBE_STAGE_URL },
  { steps, outputs: {}, output_bytes: 0 },
  { stageFolder: folder, threadCount: 1 },
);
