/** The demo's observations on disk: simulated once, used again by later runs with the same seed. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import {
  demoScenario,
  groupIdOf,
  incomingFolder,
  referenceCatalogPath,
  type ScenarioTile,
  simulateGroup,
  type TileSize,
} from "@contimg/pipeline";
export interface DemoTile {
  readonly label: string;
  readonly role: "calibrators" | "science";
  readonly groupId: string;
  readonly truthPath: string;
}

export interface TileOptions {
  readonly dataRoot: string;
  readonly size: TileSize;
  readonly seed: number;
  readonly threadCount: number;
  readonly onFile: (label: string, doneCount: number) => void;
}

const SUBBAND_FILE = /_sb\d\d\.hdf5$/;

/** The calibrator's tile first, then the science tiles. Puts their catalogue where stages look. */
export async function simulateTiles(options: TileOptions): Promise<DemoTile[]> {
  const { dataRoot, size, seed } = options;
  const scenario = demoScenario(size, seed);
  const tilesFolder = join(incomingFolder(dataRoot), `${size}-seed-${seed}`);
  const tiles = [
    { label: "calibrator", role: "calibrators" as const, plan: scenario.calibratorTile },
    ...scenario.scienceTiles.map((plan, index) => ({
      label: `science ${index + 1}`,
      role: "science" as const,
      plan,
    })),
  ];
  const made: DemoTile[] = [];
  for (const { label, role, plan } of tiles) {
    const groupId = groupIdOf(plan);
    const folder = join(tilesFolder, groupId);
    if (!existsSync(folder)) await simulate(label, folder, plan, options);
    made.push({ label, role, groupId, truthPath: join(folder, `${groupId}.truth.json`) });
  }
  const catalogPath = referenceCatalogPath(dataRoot);
  mkdirSync(dirname(catalogPath), { recursive: true });
  copyFileSync(join(dirname(made.at(-1)!.truthPath), "catalog.csv"), catalogPath);
  return made;
}

/** Absolute paths of a tile's subband files, in subband order. */
export function subbandFiles(tile: DemoTile): string[] {
  const folder = dirname(tile.truthPath);
  return readdirSync(folder)
    .filter((name) => SUBBAND_FILE.test(name))
    .sort((a, b) => a.slice(-7).localeCompare(b.slice(-7)))
    .map((name) => join(folder, name));
}

/** Writes beside the folder and renames: a folder is there whole or not at all. */
async function simulate(
  label: string,
  folder: string,
  plan: ScenarioTile,
  options: TileOptions,
): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await simulateGroup({
    ...plan,
    folder: partial,
    threadCount: options.threadCount,
    onFile: (_path, doneCount) => {
      options.onFile(label, doneCount);
    },
  });
  renameSync(partial, folder);
}
