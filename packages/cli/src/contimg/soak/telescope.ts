/**
 * The telescope of a soak: simulates tiles, in order, and lets their files arrive as the hosts do,
 * by renaming; what is wrong with a tile's data is done here.
 */
import { closeSync, copyFileSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";
import { copyFile, rename, truncate } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { DEGREE_RAD } from "@contimg/astro";
import {
  incomingFolder,
  randomStream,
  referenceCatalogPath,
  simulateGroup,
  SUBBAND_COUNT,
} from "@contimg/pipeline";

import type { NightTile } from "./night.ts";

export interface TelescopeOptions {
  readonly dataRoot: string;
  /** Where tiles are simulated; on the file system of the data root. */
  readonly folder: string;
  readonly seed: number;
  readonly threadCount: number;
}

/** A simulated tile whose files have not arrived yet. */
export interface ReadyTile {
  readonly tile: NightTile;
  readonly truthPath: string;
  /** Absolute, to be renamed into the incoming folder now; in order. */
  readonly prompt: readonly string[];
  /** To be renamed after the tile was run. */
  readonly late: readonly string[];
}

const SLEW_RAD = 0.5 * DEGREE_RAD;
const HALF = SUBBAND_COUNT / 2;
/** HDF5 opens nothing without its first bytes. */
const HEADER_BYTES = 4096;
const CUT_FRACTION = 0.6;
/** Between two files of a tile. */
const HOST_DELAY_MS = 10;

export class Telescope {
  readonly #options: TelescopeOptions;

  constructor(options: TelescopeOptions) {
    this.#options = options;
    mkdirSync(incomingFolder(options.dataRoot), { recursive: true });
  }

  async simulate(tile: NightTile): Promise<ReadyTile> {
    const { folder: root, dataRoot, threadCount } = this.#options;
    const folder = join(root, tile.groupId);
    const group = await simulateGroup({ ...tile.plan, folder, threadCount });
    if (tile.index === 0) {
      const catalogPath = referenceCatalogPath(dataRoot);
      mkdirSync(dirname(catalogPath), { recursive: true });
      copyFileSync(group.catalogPath, catalogPath);
    }
    const { prompt, late = [] } = await this.#spoil(tile, [...group.files]);
    return { tile, truthPath: group.truthPath, prompt, late };
  }

  /** @param onHalf called when half of the files have arrived */
  async deliver(paths: readonly string[], onHalf?: () => Promise<void>): Promise<void> {
    const incoming = incomingFolder(this.#options.dataRoot);
    for (const [place, path] of paths.entries()) {
      if (place === paths.length >> 1) await onHalf?.();
      await rename(path, join(incoming, basename(path)));
      await pause(HOST_DELAY_MS);
    }
  }

  async #spoil(
    tile: NightTile,
    files: readonly string[],
  ): Promise<{ prompt: string[]; late?: string[] }> {
    const random = randomStream("spoil", this.#options.seed, tile.groupId);
    const first = random.integer(HALF);
    const chosen = [files[first]!, files[first + HALF]!];
    const others = files.filter((path) => !chosen.includes(path));
    switch (tile.fault) {
      case "missing-subbands":
        return { prompt: others };
      case "late-subbands":
        return { prompt: others, late: chosen };
      case "too-few-subbands":
        return { prompt: files.slice(0, HALF) };
      case "duplicate-subband":
        return { prompt: [...files, await copyBesideAs(chosen[0]!, laterStamp(chosen[0]!))] };
      case "corrupt-subband":
        overwrite(chosen[0]!, HEADER_BYTES);
        return { prompt: [...files] };
      case "truncated-subband":
        return this.#cutShort(chosen[0]!, files);
      case "slew":
        return { prompt: await this.#slewing(tile, files) };
      case "dead-calibrator":
      case "no-calibration":
      case null:
        return { prompt: [...files] };
    }
  }

  /** The whole file takes the place of the one that was cut. */
  async #cutShort(path: string, files: readonly string[]) {
    const folder = join(dirname(path), "whole");
    mkdirSync(folder);
    const whole = join(folder, basename(path));
    await copyFile(path, whole);
    await truncate(path, Math.floor(CUT_FRACTION * statSync(path).size));
    return { prompt: [...files], late: [whole] };
  }

  async #slewing(tile: NightTile, files: readonly string[]): Promise<string[]> {
    const { folder, threadCount } = this.#options;
    const moved = await simulateGroup({
      ...tile.plan,
      pointingDecRad: tile.plan.pointingDecRad + SLEW_RAD,
      folder: join(folder, `${tile.groupId}-moved`),
      threadCount,
    });
    return [...files.slice(0, HALF), ...moved.files.slice(HALF)];
  }
}

async function copyBesideAs(path: string, name: string): Promise<string> {
  const copy = join(dirname(path), name);
  await copyFile(path, copy);
  return copy;
}

/** The name that the host would give it two seconds later. */
function laterStamp(path: string): string {
  const name = basename(path);
  const unixMs = Date.parse(`${name.slice(0, 19)}Z`);
  return new Date(unixMs + 2000).toISOString().slice(0, 19) + name.slice(19);
}

function overwrite(path: string, byteCount: number): void {
  const file = openSync(path, "r+");
  try {
    writeSync(file, Buffer.alloc(byteCount, 0x5a), 0, byteCount, 0);
  } finally {
    closeSync(file);
  }
}
