/** A worker process that runs the probe stage and can be stopped and killed. Argument: JSON. */
import type { StageModule } from "./run-stage.ts";
import { withSiteStages } from "./site/site-config.ts";
import { startStageWorker } from "./stage-worker.ts";

const { url, connectionString, dataRoot, site } = JSON.parse(process.argv[2]!) as Record<
  string,
  string
>;
// The tests' own module: what it exports is known.
const { probeStage } = (await import(url!)) as { probeStage: StageModule["stage"] };
const module = { stage: probeStage, url: url! };
const worker = await startStageWorker({
  connectionString: connectionString!,
  dataRoot: dataRoot!,
  stages:
    site === undefined
      ? [module]
      : withSiteStages([module], { stages: { [probeStage.name]: JSON.parse(site) as unknown } }),
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
