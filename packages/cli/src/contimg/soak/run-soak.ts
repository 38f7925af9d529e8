/** The course of a soak: services, telescope and disturbances at once, then the reckoning. */
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";

import { type TileSize } from "@contimg/pipeline";

import { Disturber, type Disturbed } from "./disturber.ts";
import {
  compareWithTruth,
  findDuplicates,
  findLostFiles,
  readAttempts,
  readFindings,
  readStageTimes,
  readWaited,
} from "./evidence.ts";
import { type Night, type NightTile, planNight } from "./night.ts";
import { endOf, type NightState, readNightState } from "./night-state.ts";
import { Punctuality } from "./punctuality.ts";
import type { SoakReport } from "./report.ts";
import { Site, SmallDisk } from "./site.ts";
import { type ReadyTile, Telescope } from "./telescope.ts";
import { judgeNight, type TileOutcome } from "./verdict.ts";

/**
 * Seconds between two tiles; when the pipeline has taken the last ones; or each when the one before
 * has ended, all simulated beforehand, so that the pipeline has the machine for itself.
 */
export type Pace = number | "as-taken" | "back-to-back";

export interface SoakOptions {
  /** Empty, or absent. */
  readonly folder: string;
  readonly size: TileSize;
  readonly tileCount: number;
  readonly seed: number;
  readonly withFaults: boolean;
  readonly pace: Pace;
  readonly workerCount: number;
  readonly threadCount: number;
  readonly params: object;
  readonly signal: AbortSignal;
  /** One line of what happens. */
  readonly onEvent: (line: string) => void;
}

/** Tiles that may be in work when the next one comes, where no rate is given. */
const AHEAD = 3;
const POLL_MS = 500;
/** When nothing happens for so long, what is open stays open. */
const IDLE_MS_MAX = 600_000;
/** The area that lies on a small disk: its products are small, the stage's needs are not. */
const SMALL_AREA = "validation";
const DISK_BYTES = 2 ** 27;

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const night = planNight(options);
  const disk = night.disturbances.some(({ kind }) => kind === "fill-disk")
    ? SmallDisk.mount(smallDiskFolder(options.folder), DISK_BYTES)
    : undefined;
  try {
    const site = await Site.start(options);
    try {
      return await new Soak(options, night, site, disk).play();
    } finally {
      await site.stop();
    }
  } finally {
    await disk?.unmount();
  }
}

/** In a soak's folder. */
export function smallDiskFolder(folder: string): string {
  return join(folder, "data-root", SMALL_AREA);
}

class Soak {
  readonly #options: SoakOptions;
  readonly #night: Night;
  readonly #site: Site;
  readonly #telescope: Telescope;
  readonly #disturber: Disturber;
  readonly #punctuality = new Punctuality();
  readonly #truthPaths = new Map<string, string>();
  readonly #late = new Map<string, readonly string[]>();
  readonly #told = new Map<string, string>();
  readonly #over = new AbortController();
  #state: NightState | undefined;
  #changedMs = Date.now();

  constructor(options: SoakOptions, night: Night, site: Site, disk: SmallDisk | undefined) {
    const { folder, seed, threadCount, signal, onEvent } = options;
    this.#options = options;
    this.#night = night;
    this.#site = site;
    this.#telescope = new Telescope({
      ...{ seed, threadCount, dataRoot: site.dataRoot, folder: join(folder, "telescope") },
    });
    this.#disturber = new Disturber({
      ...{ night, site, disk, look: () => this.#look() },
      signal: AbortSignal.any([signal, this.#over.signal]),
      onDisturbed: (disturbed) => {
        onEvent(describeDisturbed(disturbed));
      },
    });
  }

  async play(): Promise<SoakReport> {
    const watching = this.#watch().finally(() => {
      this.#over.abort();
    });
    const parts = [this.#observe(), watching, this.#disturber.run()];
    try {
      await Promise.all(parts);
    } finally {
      this.#over.abort();
      await Promise.allSettled(parts);
    }
    await this.#site.stopServices();
    return this.#reckon();
  }

  /** Undefined while the database is away. */
  async #look(): Promise<NightState | undefined> {
    try {
      this.#state = await readNightState(this.#site.pool);
      return this.#state;
    } catch {
      return undefined;
    }
  }

  async #observe(): Promise<void> {
    const simulated = this.#simulate();
    const tiles = this.#options.pace === "back-to-back" ? await allOf(simulated) : simulated;
    for await (const ready of tiles) {
      await this.#untilDue(ready.tile);
      if (this.#over.signal.aborted) return;
      await this.#deliver(ready);
    }
  }

  async *#simulate(): AsyncGenerator<ReadyTile> {
    for (const tile of this.#night.tiles) {
      if (this.#over.signal.aborted) return;
      const ready = await this.#telescope.simulate(tile);
      this.#changedMs = Date.now();
      this.#truthPaths.set(tile.groupId, ready.truthPath);
      this.#options.onEvent(`tile ${tile.index} ${tile.groupId} is simulated`);
      yield ready;
    }
  }

  async #deliver({ tile, prompt, late }: ReadyTile): Promise<void> {
    await this.#telescope.deliver(prompt, () => this.#disturber.atHalf(tile));
    this.#late.set(tile.groupId, late);
    this.#punctuality.delivered(tile.groupId);
    const fault = tile.fault === null ? "" : `: ${tile.fault}`;
    this.#options.onEvent(`tile ${tile.index} ${tile.groupId} has come${fault}`);
  }

  async #untilDue(tile: NightTile): Promise<void> {
    const { pace } = this.#options;
    const isDue = (): boolean => {
      if (typeof pace === "number") return this.#punctuality.seconds() >= tile.index * pace;
      if (pace === "as-taken") return this.#openTiles().length < AHEAD;
      // A tile that was held may be at work again.
      const isIdle = this.#state?.tasks.every(({ status }) => status !== "claimed") ?? true;
      return isIdle && this.#openTiles().length === 0;
    };
    while (!isDue() && !this.#over.signal.aborted) await pause(POLL_MS);
  }

  /** Delivered, and at work or in ingest's hands. */
  #openTiles(): NightTile[] {
    return this.#night.tiles.filter(
      ({ groupId }) =>
        this.#punctuality.hasCome(groupId) &&
        (this.#state === undefined || endOf(this.#state, groupId).fate === "open"),
    );
  }

  /** Ends when every tile has ended and every disturbance has happened, or nothing happens more. */
  async #watch(): Promise<void> {
    const { signal, pace } = this.#options;
    let before = "";
    const idleMsMax = IDLE_MS_MAX + (typeof pace === "number" ? 1000 * pace : 0);
    while (Date.now() - this.#changedMs < idleMsMax && !this.#over.signal.aborted) {
      signal.throwIfAborted();
      const state = await this.#look();
      await pause(POLL_MS);
      if (state === undefined) continue;
      const now = fingerprint(state);
      if (now !== before) this.#changedMs = Date.now();
      before = now;
      await this.#deliverLate(state);
      const open = this.#openTiles();
      this.#punctuality.behind(open.length);
      this.#punctuality.uses(this.#site.residentMib());
      this.#tellEnds(state);
      if (open.length === 0 && this.#haveAllCome() && this.#isQuiet(state)) return;
    }
  }

  #tellEnds(state: NightState): void {
    for (const { groupId, index } of this.#night.tiles) {
      const { fate, why } = endOf(state, groupId);
      if (fate === "open" || this.#told.get(groupId) === fate) continue;
      this.#told.set(groupId, fate);
      this.#options.onEvent(`tile ${index} ${groupId} is ${fate}${why === null ? "" : `: ${why}`}`);
    }
  }

  #haveAllCome(): boolean {
    return this.#night.tiles.every(({ groupId }) => this.#late.get(groupId)?.length === 0);
  }

  /** No tile that came late has still to be seen. */
  #isQuiet(state: NightState): boolean {
    return this.#night.tiles.every(({ groupId, fault }) => {
      const isRerunDue = fault === "late-subbands" || fault === "truncated-subband";
      return !isRerunDue || (state.runs.get(groupId)?.revision ?? 0) > 0;
    });
  }

  async #deliverLate(state: NightState): Promise<void> {
    for (const [groupId, paths] of this.#late) {
      if (paths.length === 0 || !state.runs.has(groupId)) continue;
      await this.#telescope.deliver(paths);
      this.#late.set(groupId, []);
      this.#punctuality.delivered(groupId);
      this.#options.onEvent(`${paths.length} late files of ${groupId} have come`);
    }
  }

  async #reckon(): Promise<SoakReport> {
    const { pool, dataRoot } = this.#site;
    // A worker does it every five minutes; now no attempt is alive.
    await this.#site.command(["reconcile", "--json"]);
    const auditFindings = readFindings(await this.#site.command(["audit", "--deep", "--json"]));
    const state = await readNightState(pool);
    const waited = await readWaited(pool);
    const outcomes = this.#night.tiles.map((tile) => this.#outcomeOf(tile, state, waited));
    const imaged = outcomes.filter(({ fate }) => fate === "imaged");
    const truth = compareWithTruth(
      dataRoot,
      imaged.map(({ tile: { groupId } }) => ({
        groupId,
        truthPath: this.#truthPaths.get(groupId)!,
      })),
    );
    const { disturbed } = this.#disturber;
    const verdict = judgeNight({
      ...{ outcomes, auditFindings, disturbed, truth },
      hasOwnImaging: Object.hasOwn(this.#options.params, "imaging"),
      lostFiles: await findLostFiles(pool, dataRoot),
      duplicates: await findDuplicates(pool),
      attempts: await readAttempts(pool),
    });
    const { size, seed } = this.#options;
    return {
      ...{ size, seed, ...verdict, outcomes, disturbed, truth },
      timing: this.#punctuality.summary(outcomes, imaged.length),
      stages: await readStageTimes(pool),
    };
  }

  #outcomeOf(tile: NightTile, state: NightState, waited: ReadonlySet<string>): TileOutcome {
    const end = endOf(state, tile.groupId);
    const isPrompt = end.fate === "imaged" && !waited.has(tile.groupId);
    return {
      ...end,
      tile,
      revision: state.runs.get(tile.groupId)?.revision ?? null,
      latencySeconds:
        isPrompt && end.endedAt !== null
          ? this.#punctuality.latencySeconds(tile.groupId, end.endedAt)
          : null,
    };
  }
}

async function allOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function fingerprint(state: NightState): string {
  const tasks = state.tasks.map(({ task_id, status, attempt }) => `${task_id}${status}${attempt}`);
  const groups = [...state.groups].map(([id, { state: word }]) => `${id}${word}`);
  return [...tasks.sort(), ...groups.sort()].join(" ");
}

function describeDisturbed({ disturbance, detail, groupId }: Disturbed): string {
  const { kind, stage } = disturbance;
  const where = [stage, groupId].filter((word) => word !== null).join(" of ");
  return `${kind}${where === "" ? "" : ` at ${where}`}: ${detail}`;
}
