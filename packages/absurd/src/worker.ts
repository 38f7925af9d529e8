/** Starting and stopping a worker. What it does is in worker-loop.ts. */
import { describeEnforcement } from "./outside/control-group.ts";
import { isOutside } from "./outside/outside-handlers.ts";
import { WorkerLoop } from "./worker-loop.ts";
import type { WorkerOptions } from "./worker-options.ts";

export interface WorkerHandle {
  /** Number and name of the registration; the number changes when the worker registers again. */
  readonly id: number;
  readonly name: string;
  /**
   * Claims nothing more, waits for what runs, gives back what does not end within the grace.
   * Resolves when all is reported and closed.
   */
  stop(options?: { graceSeconds?: number }): Promise<void>;
  /** Resolves when the worker has stopped; rejects on an error that it cannot go on from. */
  readonly finished: Promise<void>;
}

/** Registers a worker and starts it. The database must be there; later it may come and go. */
export async function startWorker(options: WorkerOptions): Promise<WorkerHandle> {
  const worker = new WorkerLoop(options);
  try {
    await worker.start();
  } catch (error) {
    await worker.close();
    throw error;
  }
  if (options.tasks.some((task) => isOutside(task.handler))) {
    const limits = describeEnforcement();
    worker.log.info({ worker: worker.name, limits }, "tasks run in processes of their own");
  }
  const finished = worker.run();
  // A caller may look at it only after stop().
  finished.catch(() => undefined);
  return {
    get id() {
      return worker.workerId;
    },
    name: worker.name,
    finished,
    async stop(stopOptions = {}) {
      worker.stop(stopOptions.graceSeconds ?? 30);
      await finished;
    },
  };
}
