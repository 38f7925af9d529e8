/** The main thread's side of the heartbeat: starts its thread, hears requests, judges freshness. */
import { Worker as Thread } from "node:worker_threads";

export interface HeartbeatData {
  readonly connectionString: string;
  readonly workerId: number;
  readonly epoch: bigint;
  readonly beatSeconds: number;
  readonly leaseSeconds: number;
  /** One signed 64-bit number: monotonic nanoseconds at the last acknowledged beat. */
  readonly shared: SharedArrayBuffer;
}

export type HeartbeatMessage =
  | { readonly kind: "dead" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "drain"; readonly isAsked: boolean }
  /** With every beat while one of the worker's queues is paused. */
  | { readonly kind: "paused" }
  | { readonly kind: "stop"; readonly graceSeconds: number }
  | {
      readonly kind: "cancel" | "deadline";
      readonly taskNumber: string;
      readonly claimNo: number;
      readonly reason: string;
    };

/** Beyond this part of the lease without an acknowledged beat, others may soon own our tasks. */
const FRESH_FRACTION = 2 / 3;

export class Heartbeat {
  readonly #acknowledged: BigInt64Array;
  readonly #freshNs: bigint;
  readonly #thread: Thread;

  constructor(
    options: Omit<HeartbeatData, "shared">,
    onMessage: (message: HeartbeatMessage) => void,
  ) {
    const shared = new SharedArrayBuffer(8);
    this.#acknowledged = new BigInt64Array(shared);
    // Registration counts as the first beat.
    this.#acknowledged[0] = process.hrtime.bigint();
    this.#freshNs = BigInt(Math.floor(options.leaseSeconds * FRESH_FRACTION * 1e9));
    const workerData: HeartbeatData = { ...options, shared };
    this.#thread = new Thread(new URL("./heartbeat-thread.ts", import.meta.url), {
      workerData,
      execArgv: [],
      name: "absurd heartbeat",
    });
    this.#thread.on("message", onMessage);
    this.#thread.on("error", (error) => {
      onMessage({ kind: "failed", message: `heartbeat thread ended: ${String(error)}` });
    });
    this.#thread.unref();
  }

  isFresh(): boolean {
    return process.hrtime.bigint() - Atomics.load(this.#acknowledged, 0) < this.#freshNs;
  }

  beatNow(): void {
    this.#thread.postMessage("now");
  }

  /** Nothing is heard of it any more. */
  async stop(): Promise<void> {
    this.#thread.removeAllListeners("message");
    await this.#thread.terminate();
  }
}
