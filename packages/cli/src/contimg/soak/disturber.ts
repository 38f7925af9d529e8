/**
 * What happens to the processes during a soak: each disturbance waits for its occasion, a stage at
 * work on a late enough tile, and says what it hit.
 */
import { readdirSync, readFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Disturbance, Night, NightTile } from "./night.ts";
import type { NightState, TaskState } from "./night-state.ts";
import { LEASE_SECONDS, type Site, type SmallDisk } from "./site.ts";

/** What became of a disturbance. */
export interface Disturbed {
  readonly disturbance: Disturbance;
  /** - waiting: its occasion has not come; - skipped: this machine does not allow it. */
  readonly state: "waiting" | "done" | "skipped";
  readonly detail: string;
  readonly groupId: string | null;
  readonly taskId: string | null;
}

export interface DisturberOptions {
  readonly night: Night;
  readonly site: Site;
  /** Undefined where no disk can be filled. */
  readonly disk: SmallDisk | undefined;
  /** A fresh look; undefined while the database is away. */
  readonly look: () => Promise<NightState | undefined>;
  readonly signal: AbortSignal;
  readonly onDisturbed: (disturbed: Disturbed) => void;
}

const POLL_MS = 200;
/** How long a full disk or a stopped worker may go unnoticed. */
const NOTICED_MS_MAX = 180_000;
const FILLER_BYTES = 2 ** 22;

export class Disturber {
  readonly #options: DisturberOptions;
  readonly #disturbed: Disturbed[];

  constructor(options: DisturberOptions) {
    this.#options = options;
    this.#disturbed = options.night.disturbances.map((disturbance) => ({
      ...{ disturbance, state: "waiting", detail: "its occasion did not come" },
      ...{ groupId: null, taskId: null },
    }));
  }

  get disturbed(): readonly Disturbed[] {
    return this.#disturbed;
  }

  get isOver(): boolean {
    return this.#disturbed.every(({ state }) => state !== "waiting");
  }

  /** Those that hit stages, one after the other; ends when all are done, or with the signal. */
  async run(): Promise<void> {
    for (const [place, { disturbance }] of this.#disturbed.entries()) {
      const { stage } = disturbance;
      if (stage === null) continue;
      if (disturbance.kind === "fill-disk" && this.#options.disk === undefined) {
        this.#settle(place, "skipped", "this machine lets nobody mount a small disk");
        continue;
      }
      const task = await this.#occasion(stage, disturbance.fromTile);
      if (task === undefined) return;
      const detail = await this.#hit(disturbance, task);
      this.#settle(place, "done", detail, task);
    }
  }

  /** Called when half of a tile's files have arrived. */
  async atHalf(tile: NightTile): Promise<void> {
    const place = this.#disturbed.findIndex(
      ({ state, disturbance }) =>
        state === "waiting" && disturbance.stage === null && disturbance.fromTile <= tile.index,
    );
    if (place < 0) return;
    await this.#options.site.ingest.kill();
    const task = { group_id: tile.groupId, task_id: null };
    this.#settle(place, "done", "ingest was killed with 8 of 16 files there", task);
  }

  #settle(
    place: number,
    state: Disturbed["state"],
    detail: string,
    hit?: { group_id: string; task_id: string | null },
  ): void {
    const { disturbance } = this.#disturbed[place]!;
    const [groupId, taskId] = [hit?.group_id ?? null, hit?.task_id ?? null];
    const disturbed = { disturbance, state, detail, groupId, taskId };
    this.#disturbed[place] = disturbed;
    this.#options.onDisturbed(disturbed);
  }

  /** A run of the stage that has begun to work; undefined when the signal came first. */
  async #occasion(stage: string, fromTile: number): Promise<TaskState | undefined> {
    const { night, look, signal } = this.#options;
    const index = new Map(night.tiles.map((tile) => [tile.groupId, tile.index]));
    while (!signal.aborted) {
      const tasks = (await look())?.tasks ?? [];
      const found = tasks.find(
        (task) =>
          task.stage === stage &&
          task.status === "claimed" &&
          task.has_progress &&
          (index.get(task.group_id) ?? -1) >= fromTile,
      );
      if (found !== undefined) return found;
      await pause(POLL_MS);
    }
    return undefined;
  }

  async #hit({ kind }: Disturbance, task: TaskState): Promise<string> {
    const { site } = this.#options;
    const worker = site.workerNamed(task.worker ?? "");
    switch (kind) {
      case "kill-database":
        await site.killDatabase();
        return "PostgreSQL was killed and started again";
      case "kill-worker":
        await worker?.kill();
        return `${worker?.name ?? "no worker"} was killed`;
      case "kill-stage": {
        const pids = stageProcesses(worker?.pid);
        for (const pid of pids) process.kill(pid, "SIGKILL");
        return `${pids.length} process of the stage was killed`;
      }
      case "stop-worker": {
        worker?.signal("SIGSTOP");
        const how = await this.#untilTakenOver(task);
        worker?.signal("SIGCONT");
        return `${worker?.name ?? "no worker"} was stopped: ${how}; then it went on`;
      }
      case "fill-disk":
        return this.#fillDisk();
      case "kill-ingest":
        throw new RangeError("kill-ingest belongs to a tile, not to a stage");
    }
  }

  async #untilTakenOver(task: TaskState): Promise<string> {
    const isOver = (now: TaskState): boolean =>
      now.attempt > task.attempt || now.status !== "claimed";
    const taken = await this.#until((state) =>
      state.tasks.some((now) => now.task_id === task.task_id && isOver(now)),
    );
    return taken
      ? "the task was taken from it"
      : `nobody took the task from it; a lease is ${LEASE_SECONDS} s`;
  }

  async #fillDisk(): Promise<string> {
    const filler = join(this.#options.disk!.folder, "filler");
    const startMs = Date.now();
    const bytes = await writeUntilFull(filler);
    try {
      const isNoticed = await this.#until((state) =>
        state.tasks.some(({ error, status }) => error?.tag === "DiskFull" && status !== "failed"),
      );
      const seconds = ((Date.now() - startMs) / 1000).toFixed(0);
      const megabytes = (bytes / 1e6).toFixed(0);
      const how = isNoticed ? "a run said so" : "no run noticed";
      return `${megabytes} MB filled the disk for ${seconds} s; ${how}`;
    } finally {
      await rm(filler, { force: true });
    }
  }

  async #until(isSo: (state: NightState) => boolean): Promise<boolean> {
    const deadlineMs = Date.now() + NOTICED_MS_MAX;
    while (Date.now() < deadlineMs && !this.#options.signal.aborted) {
      const state = await this.#options.look();
      if (state !== undefined && isSo(state)) return true;
      await pause(POLL_MS);
    }
    return false;
  }
}

/** The processes of stages that a worker has started; proc(5). */
function stageProcesses(workerPid: number | undefined): number[] {
  if (workerPid === undefined) return [];
  return readdirSync(`/proc/${workerPid}/task`)
    .flatMap((thread) =>
      readFileSync(`/proc/${workerPid}/task/${thread}/children`, "utf8").trim().split(" "),
    )
    .filter((pid) => pid !== "" && commandLine(pid).includes("stage-process"))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // It has just ended.
  }
}

async function writeUntilFull(path: string): Promise<number> {
  const file = await open(path, "w");
  const chunk = Buffer.alloc(FILLER_BYTES, 1);
  let bytes = 0;
  try {
    while (true) bytes += (await file.write(chunk)).bytesWritten;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return bytes;
    throw error;
  } finally {
    await file.close();
  }
}
