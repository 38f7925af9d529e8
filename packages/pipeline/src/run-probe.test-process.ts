/** A process that runs the probe stage and can be killed; started by tests. Argument: JSON. */
import { runStageProcess } from "./run-stage.ts";
import type { AnyStage, Json } from "./stage.ts";

const { url, steps, folder } = JSON.parse(process.argv[2]!) as Record<string, string>;
// The tests' own module: what it exports is known.
const { probeStage } = (await import(url!)) as { probeStage: AnyStage };
await runStageProcess(
  { stage: probeStage, url: url! },
  { steps: JSON.parse(steps!) as Json, outputs: {}, output_bytes: 0 },
  { stageFolder: folder!, threadCount: 1 },
);
