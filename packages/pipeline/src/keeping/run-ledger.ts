/**
 * The ledger of stage runs: reserves memory and disk before a run, records what it took after it,
 * and states the next one's needs from that.
 *
 * The database holds the reservations, so the workers of one machine share its memory and disks
 * without knowing of each other. A reservation ends with its run, or with its lease.
 */
import { join } from "node:path";

import type pg from "pg";

import { PipelineError } from "../errors.ts";
import { AREAS, stageFoldersOf } from "../products/paths.ts";
import { exists } from "../products/place.ts";
import { isAlive } from "@contimg/absurd/process-tree";
import { processOfRun } from "../products/run-id.ts";
import { sizeOf } from "./checksum.ts";
import {
  availableMemoryBytes,
  deviceOf,
  freeBytesOf,
  type Machine,
  readMachine,
} from "./machine.ts";
import { type Experience, NO_EXPERIENCE, type StageNeeds } from "./needs.ts";

export interface LedgerOptions {
  readonly dataRoot: string;
  readonly runId: string;
  readonly task?: { readonly taskId: string; readonly fence: string };
  /** Default: this one. */
  readonly machine?: Machine | undefined;
}

export interface RunToBegin {
  readonly stage: string;
  readonly groupId: string;
  /** Absolute. */
  readonly folder: string;
  readonly needs: StageNeeds;
  /** Outputs and scratch. */
  readonly diskBytes: number;
}

export interface Reservation {
  readonly memoryBytes: number;
  readonly machineBytes: number;
}

export interface RunEnd {
  readonly outcome: "completed" | "failed" | "out-of-memory";
  readonly peakMemoryBytes: number | null;
  readonly writtenBytes: number | null;
  readonly seconds: number | null;
}

export class RunLedger {
  readonly #pool: pg.Pool;
  readonly #options: LedgerOptions;
  readonly #machine: Machine;

  constructor(pool: pg.Pool, options: LedgerOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#machine = options.machine ?? readMachine();
  }

  /** @throws {PipelineError} MemoryBusy or DiskFull, naming what is needed and what is free */
  async begin(run: RunToBegin): Promise<Reservation> {
    const { host, memoryBytes: machineBytes } = this.#machine;
    const { task, runId } = this.#options;
    await this.#closeDeadHandRuns();
    const experience = await readExperience(this.#pool, run.stage);
    const stated = Math.min(run.needs.memoryBytes, machineBytes);
    const memoryBytes = Math.max(stated, await this.#memoryFor(run, experience));
    const diskBytes = Math.ceil(run.diskBytes * experience.diskFactor);
    const freeBytes = await freeBytesOf(run.folder);
    const device = await deviceOf(run.folder);
    const row = {
      run_id: runId,
      task_name: run.stage,
      group_id: run.groupId,
      task_id: task?.taskId ?? null,
      fence: task?.fence ?? null,
      host,
      device,
      stated_memory_bytes: Math.ceil(stated),
      stated_disk_bytes: Math.ceil(run.diskBytes),
      reserved_memory_bytes: Math.ceil(memoryBytes),
      reserved_disk_bytes: diskBytes,
    };
    const { rows } = await this.#pool.query<BeginRow>(
      `select * from contimg.begin_stage_run(
         jsonb_populate_record(null::contimg.stage_runs, $1), $2, $3, $4)`,
      [row, Math.floor(machineBytes), freeBytes, await this.#writtenByOthers(device)],
    );
    const begun = rows[0]!; // The function returns one row.
    const available = availableMemoryBytes();
    if (begun.has_begun && available >= memoryBytes) return { memoryBytes, machineBytes };
    if (begun.has_begun) {
      await this.end({ ...NOTHING, outcome: "failed" });
      throw memoryBusy(run.stage, memoryBytes, available, "the machine's other programs");
    }
    const othersDisk = Number(begun.others_disk_bytes);
    if (othersDisk + diskBytes > freeBytes) {
      throw diskReserved(run, { freeBytes, othersBytes: othersDisk, neededBytes: diskBytes });
    }
    const left = machineBytes - Number(begun.others_memory_bytes);
    throw memoryBusy(run.stage, memoryBytes, left, "other stages");
  }

  async end(end: RunEnd): Promise<void> {
    await this.#pool.query("select contimg.end_stage_run($1, $2, $3, $4, $5)", [
      this.#options.runId,
      end.outcome,
      end.peakMemoryBytes === null ? null : Math.round(end.peakMemoryBytes),
      end.writtenBytes,
      end.seconds,
    ]);
  }

  /** What the function says times experience, doubled for each attempt that ran out of it. */
  async #memoryFor({ needs }: RunToBegin, { memoryFactor }: Experience): Promise<number> {
    const { task } = this.#options;
    let bytes = needs.memoryBytes * memoryFactor;
    if (task) {
      const { rows } = await this.#pool.query<{ failure_count: number; reserved_bytes: string }>(
        "select * from contimg.memory_failures($1)",
        [task.taskId],
      );
      const { failure_count: count, reserved_bytes: had } = rows[0]!;
      if (count > 0) bytes = Math.max(bytes, 2 * Number(had));
    }
    return Math.min(bytes, this.#machine.memoryBytes);
  }

  /** A run by hand has no lease that ends with its process. */
  async #closeDeadHandRuns(): Promise<void> {
    const { rows } = await this.#pool.query<{ run_id: string }>(
      "select run_id from contimg.live_stage_runs($1) where fence is null",
      [this.#machine.host],
    );
    for (const { run_id: runId } of rows) {
      const process = processOfRun(runId);
      if (process && isAlive(process)) continue;
      await this.#pool.query("select contimg.end_stage_run($1, 'failed', null, null, null)", [
        runId,
      ]);
    }
  }

  async #writtenByOthers(device: string): Promise<number> {
    const { rows } = await this.#pool.query<{ run_id: string; reserved_disk_bytes: string }>(
      `select run_id, reserved_disk_bytes from contimg.live_stage_runs($1) where device = $2`,
      [this.#machine.host, device],
    );
    let bytes = 0;
    for (const row of rows) {
      const written = await writtenBytes(this.#options.dataRoot, row.run_id);
      bytes += Math.min(written, Number(row.reserved_disk_bytes));
    }
    return bytes;
  }
}

const NOTHING = { peakMemoryBytes: null, writtenBytes: null, seconds: null };

interface BeginRow {
  has_begun: boolean;
  others_memory_bytes: string;
  others_disk_bytes: string;
}

/** Files of a running stage come and go; one that is gone has no bytes. */
async function writtenBytes(dataRoot: string, runId: string): Promise<number> {
  for (const area of AREAS) {
    const folder = join(dataRoot, stageFoldersOf(area), runId);
    if (await exists(folder)) return sizeOf(folder).catch(() => 0);
  }
  return 0;
}

export async function readExperience(pool: pg.Pool, stage: string): Promise<Experience> {
  const { rows } = await pool.query<{ memory_factor: number; disk_factor: number }>(
    "select * from contimg.stage_experience($1)",
    [stage],
  );
  const row = rows[0];
  if (!row) return NO_EXPERIENCE;
  return { memoryFactor: row.memory_factor, diskFactor: row.disk_factor };
}

function memoryBusy(stage: string, needed: number, free: number, who: string): PipelineError {
  return new PipelineError(
    "MemoryBusy",
    `stage ${stage} needs ${mib(needed)} MiB of memory, ${who} leave ${mib(free)} MiB`,
    { stage, neededBytes: Math.ceil(needed), freeBytes: Math.floor(free) },
  );
}

function diskReserved(
  { folder, stage }: RunToBegin,
  bytes: { readonly freeBytes: number; readonly othersBytes: number; readonly neededBytes: number },
): PipelineError {
  const { freeBytes, othersBytes, neededBytes } = bytes;
  const others = othersBytes === 0 ? "" : `, of which running stages need ${mib(othersBytes)} MiB`;
  return new PipelineError(
    "DiskFull",
    `${folder} has ${mib(freeBytes)} MiB free${others}, ` +
      `the stage needs ${mib(neededBytes)} MiB`,
    { path: folder, stage, ...bytes },
  );
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
