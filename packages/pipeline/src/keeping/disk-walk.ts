/** What lies below the data root that no row names. */
import { lstat, readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { AREAS, OTHER_FOLDERS, QUARANTINE_FOLDER } from "../products/paths.ts";
import { exists } from "../products/place.ts";
import { type Finding, finding } from "./finding.ts";
import type { RegistryRows } from "./product-rows.ts";

/** Folders that lead to products although none may lie there now: a role or a day. */
const LAYOUT_FOLDER = /^(science|calibrators|failed|\d{4}-\d\d-\d\d)$/;

const OWN_FOLDERS = new Set([".stage", QUARANTINE_FOLDER]);

/** Names that programs give to files they have not finished. */
const TEMPORARY_NAME = /(\.(tmp|temp|part|partial|staged)|~)$/;

/** A transfer may take hours; one that stood still for a day is dead. */
const TEMPORARY_MS = 86_400_000;

export async function findUnnamed(dataRoot: string, rows: RegistryRows): Promise<Finding[]> {
  const known = new Set([
    ...rows.products.map((product) => product.finalPath),
    // A product that is being moved lies where it comes from.
    ...rows.products.filter((p) => !p.isPublished).map((product) => product.stagePath),
    ...rows.calibrationPaths,
  ]);
  const found: Finding[] = [];
  for (const area of AREAS) found.push(...(await walk(dataRoot, area, known, rows)));
  found.push(...(await unknownFolders(dataRoot)));
  found.push(...(await staleTransfers(dataRoot)));
  return found;
}

async function walk(
  dataRoot: string,
  area: string,
  known: ReadonlySet<string>,
  rows: RegistryRows,
): Promise<Finding[]> {
  const ways = new Set<string>();
  for (const path of known) {
    for (let up = dirname(path); up !== "."; up = dirname(up)) ways.add(up);
  }
  const found: Finding[] = [];
  const enter = async (folder: string): Promise<void> => {
    for (const entry of await entriesIn(join(dataRoot, folder))) {
      const path = `${folder}/${entry.name}`;
      if (known.has(path) || OWN_FOLDERS.has(entry.name)) continue;
      const leads = ways.has(path) || LAYOUT_FOLDER.test(entry.name);
      if (entry.isDirectory() && leads) await enter(path);
      else found.push(unnamed(path, rows));
    }
  };
  await enter(area);
  return found;
}

function unnamed(path: string, rows: RegistryRows): Finding {
  const reason = rows.formerPaths.get(path);
  if (reason !== undefined) {
    return finding("left-over", path, `${path} is left of a product that is ${reason}`);
  }
  if (TEMPORARY_NAME.test(path)) {
    return finding("temporary-name", path, `${path} has the name of an unfinished file`);
  }
  return finding("stray-file", path, `${path} belongs to no product`);
}

async function unknownFolders(dataRoot: string): Promise<Finding[]> {
  const ours = new Set<string>([...AREAS, ...OTHER_FOLDERS]);
  return (await entriesIn(dataRoot))
    .filter((entry) => !ours.has(entry.name))
    .map(({ name }) => {
      const known = [...ours].join(", ");
      return finding("wrong-place", name, `the data root holds "${name}", expected only ${known}`);
    });
}

async function staleTransfers(dataRoot: string): Promise<Finding[]> {
  const found: Finding[] = [];
  const incoming = join(dataRoot, "incoming");
  if (!(await exists(incoming))) return found;
  for (const entry of await readdir(incoming, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !TEMPORARY_NAME.test(entry.name)) continue;
    const absolute = join(entry.parentPath, entry.name);
    const path = relative(dataRoot, absolute);
    if (path.split("/").includes(QUARANTINE_FOLDER)) continue;
    const changed = await lstat(absolute).then(
      (stat) => stat.mtimeMs,
      () => Date.now(), // Renamed just now: finished.
    );
    if (Date.now() - changed < TEMPORARY_MS) continue;
    const since = new Date(changed).toISOString();
    found.push(finding("temporary-name", path, `${path} has not changed since ${since}`));
  }
  return found;
}

export async function entriesIn(folder: string) {
  if (!(await exists(folder))) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}
