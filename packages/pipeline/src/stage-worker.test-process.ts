/** A worker process that runs the probe stage and can be stopped and killed. Argument: JSON. */
import type { StageModule } from "./run-stage.ts";
import { startStageWorker } from "./stage-worker.ts";

const { url, connectionString, dataRoot } = JSON.parse(process.argv[2]!) as Record<string, string>;
// The tests' own module: what it exports is known.
const { probeStage } = (await import(url!)) as { probeStage: StageModule["stage"] };
const worker = await startStageWorker({
  connectionString: connectionString!,
  dataRoot: dataRoot!,
  stages: [{ stage: probeStage, url: url! }],
  queue: "probe",
  threadCount: 1,
  leaseSeconds: 1,
});
process.on("SIGTERM", () => {
  void worker.stop({ graceSeconds: 5 });
});
process.send?.("ready");
await worker.finished;
process.disconnect();
