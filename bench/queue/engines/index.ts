/** The engines by name. Each is loaded only in the processes that run it. */
import type { Engine, EngineName } from "../engine.ts";

export async function loadEngine(name: EngineName): Promise<Engine> {
  switch (name) {
    case "absurd":
      return (await import("./absurd.ts")).absurd;
    case "graphile-worker":
      return (await import("./graphile-worker.ts")).graphileWorker;
    case "pg-boss":
      return (await import("./pg-boss.ts")).pgBoss;
    case "dbos":
      return (await import("./dbos.ts")).dbos;
    case "absurd-sdk":
      return (await import("./absurd-sdk.ts")).absurdSdk;
    case "openworkflow":
      return (await import("./openworkflow.ts")).openworkflow;
  }
}
