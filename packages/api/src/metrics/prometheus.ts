/** Every number that Prometheus is told, under the mission's names. */
import type { QueueView } from "@contimg/absurd";
import type { Metrics } from "@contimg/contract";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import { type HistogramLine, histogramText } from "./histograms.ts";

export interface Numbers {
  readonly metrics: Metrics;
  readonly queues: readonly QueueView[];
  /** By state. */
  readonly workers: Readonly<Record<string, number>>;
  readonly histograms: readonly HistogramLine[];
}

export interface Standing {
  readonly isAvailable: boolean;
  readonly latencyMs: number | null;
  readonly listenerCount: number;
}

const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const TOTALS = ["spawned", "claimed", "completed", "failed", "cancelled", "timed_out"] as const;
const WINDOWS = ["1min", "5min", "15min"] as const;
const QUANTILES = { "0.5": "p50", "0.95": "p95", "0.99": "p99" } as const;

export class Prometheus {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #totals: Counter<"status">;
  readonly #requests: Histogram<"method" | "route" | "status">;
  /** What the totals were the last time: history forgets, a counter must not. */
  readonly #before = new Map<string, number>();

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#totals = new Counter({
      name: "absurd_tasks_total",
      help: "Tasks that were spawned, claimed or ended.",
      labelNames: ["status"],
      registers,
    });
    this.#requests = new Histogram({
      name: "absurd_http_request_duration_seconds",
      help: "From a request to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: HTTP_BUCKETS,
      registers,
    });
  }

  countRequest(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  /** @param numbers undefined: the database is away */
  async text(standing: Standing, numbers: Numbers | undefined): Promise<string> {
    this.#set(
      "absurd_database_available",
      "1: the database answers.",
      standing.isAvailable ? 1 : 0,
    );
    this.#set("absurd_live_listeners", "Open event streams and sockets.", standing.listenerCount);
    if (standing.latencyMs !== null) {
      const help = "Round trip to the database.";
      this.#set("absurd_database_latency_seconds", help, standing.latencyMs / 1000);
    }
    if (numbers) this.#take(numbers);
    const text = await this.#registry.metrics();
    return numbers ? text + histogramsOf(numbers.histograms) : text;
  }

  #take({ metrics, queues, workers }: Numbers): void {
    for (const status of TOTALS) this.#grow(status, metrics[`total_${status}`]);
    const current = "absurd_tasks_current";
    const help = "Tasks that have not ended.";
    this.#set(current, help, metrics.current_pending, { status: "pending" });
    this.#set(current, help, metrics.current_claimed, { status: "claimed" });
    for (const window of WINDOWS) {
      const labels = { window: window.replace("in", "") };
      const throughput = metrics[`throughput_${window}`];
      this.#set("absurd_throughput_per_minute", "Ends a minute.", throughput, labels);
      const success = "Completed of what ended, 0 to 1.";
      this.#set("absurd_success_rate", success, metrics[`success_rate_${window}`], labels);
      const errors = "Failed of what ended, 0 to 1.";
      this.#set("absurd_error_rate", errors, metrics[`error_rate_${window}`], labels);
    }
    for (const [quantile, field] of Object.entries(QUANTILES)) {
      const wait = "Of the last day: from when a task could run to its claim.";
      this.#set("absurd_wait_time_seconds", wait, metrics[`${field}_wait_time_sec`], { quantile });
      const run = "Of the last day: of the last attempt.";
      const seconds = metrics[`${field}_execution_time_sec`];
      this.#set("absurd_execution_time_seconds", run, seconds, { quantile });
    }
    this.#takeQueues(queues);
    this.#forget("absurd_workers");
    for (const [state, count] of Object.entries(workers)) {
      this.#set("absurd_workers", "Registered workers.", count, { state });
    }
  }

  #takeQueues(queues: readonly QueueView[]): void {
    for (const name of ["absurd_queue_tasks", "absurd_queue_oldest_seconds", "absurd_queue_paused"])
      this.#forget(name);
    for (const view of queues) {
      const queue = view.name;
      for (const place of ["ready", "deferred", "waiting", "running"] as const) {
        const help = "Tasks of a queue that have not ended.";
        this.#set("absurd_queue_tasks", help, view[place], { queue, place });
      }
      const age = view.oldestAt ? Math.max(0, (Date.now() - view.oldestAt.getTime()) / 1000) : 0;
      this.#set("absurd_queue_oldest_seconds", "Age of the oldest ready task.", age, { queue });
      this.#set("absurd_queue_paused", "1: nothing begins.", view.paused ? 1 : 0, { queue });
    }
  }

  #grow(status: string, total: number): void {
    const before = this.#before.get(status) ?? 0;
    this.#before.set(status, total);
    this.#totals.inc({ status }, Math.max(0, total - before));
  }

  #set(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    let gauge = this.#gauges.get(name);
    if (!gauge) {
      const labelNames = Object.keys(labels);
      gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }

  /** A queue or a state that is gone leaves no number behind. */
  #forget(name: string): void {
    this.#gauges.get(name)?.reset();
  }
}

function histogramsOf(lines: readonly HistogramLine[]): string {
  return (
    histogramText(
      "absurd_task_wait_seconds",
      "From when a task could first run to its last claim, of all that ended.",
      lines,
      "wait",
    ) +
    histogramText(
      "absurd_task_run_seconds",
      "Of a task's last attempt, of all that ended.",
      lines,
      "run",
    )
  );
}
