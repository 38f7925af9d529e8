/**
 * What must hold before a stage starts: its packages are there, its inputs exist, the disk has
 * room for what it will write. Each check refuses with one typed error that says what to do.
 */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";

import { PipelineError } from "./errors.ts";
import { sizeOf } from "./keeping/checksum.ts";
import { freeBytesOf, readMachine } from "./keeping/machine.ts";
import { needsOf, type StageNeeds } from "./keeping/needs.ts";
import { exists } from "./products/place.ts";
import type { AnyStage, Json } from "./stage.ts";

const run = promisify(execFile);

/** A disk this full makes programs fail in ways of their own before they say ENOSPC [bytes]. */
const FREE_BYTES_FULL = 2 ** 20;

/** What a run will take, from its inputs as they are. */
export interface Needed extends StageNeeds {
  /** Outputs and scratch. */
  readonly diskBytes: number;
}

/** @throws {PipelineError} MissingTool, MissingProduct, TooFewFileHandles or DiskFull */
export async function preflight(stage: AnyStage, inputs: Json, folder: string): Promise<Needed> {
  await assertPackages(stage);
  await assertInputs(stage, inputs);
  const sizes = await Promise.all(pathsIn(inputs).map(sizeOf));
  const inputBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const needs = needsOf(stage.name, inputs, inputBytes);
  assertOpenFiles(stage, needs.openFiles);
  const diskBytes = stage.outputBytes(inputs) + needs.scratchBytes;
  await assertSpace(folder, diskBytes);
  return { ...needs, diskBytes };
}

function assertOpenFiles(stage: AnyStage, needed: number): void {
  const { openFiles: limit } = readMachine();
  if (needed <= limit) return;
  throw new PipelineError(
    "TooFewFileHandles",
    `stage ${stage.name} needs ${needed} open files, the limit is ${limit}: ulimit -n ${needed}`,
    { stage: stage.name, needed, limit },
  );
}

/** Every absolute path among the inputs of a stage. */
export function pathsIn(inputs: Json): string[] {
  if (typeof inputs === "string") return isAbsolute(inputs) ? [inputs] : [];
  if (typeof inputs !== "object" || inputs === null) return [];
  return Object.values(inputs).flatMap(pathsIn);
}

/** @throws {PipelineError} MissingTool naming every Debian package that is not installed */
async function assertPackages(stage: AnyStage): Promise<void> {
  const present = await Promise.all(stage.packages.map(isInstalled));
  const missing = stage.packages.filter((_name, index) => !present[index]);
  if (missing.length === 0) return;
  const names = missing.join(" ");
  throw new PipelineError(
    "MissingTool",
    `stage ${stage.name} needs Debian package ${names}: apt-get install ${names}`,
    { stage: stage.name, packages: missing },
  );
}

/** A site's own build counts as well: a program of the package's name on the PATH. */
async function isInstalled(packageName: string): Promise<boolean> {
  if (await isOnPath(packageName)) return true;
  try {
    const { stdout } = await run("dpkg-query", ["-W", "-f", "${db:Status-Status}", packageName]);
    return stdout === "installed";
  } catch (error) {
    // Exit status 1 is dpkg-query's word for "no such package". Where there is no dpkg-query we
    // cannot know, and the stage will find out.
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}

async function isOnPath(program: string): Promise<boolean> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    try {
      await access(join(folder, program), constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}

async function assertInputs(stage: AnyStage, inputs: Json): Promise<void> {
  for (const path of pathsIn(inputs)) {
    if (await exists(path)) continue;
    throw new PipelineError("MissingProduct", `input ${path} of ${stage.name} does not exist`, {
      stage: stage.name,
      path,
    });
  }
}

async function assertSpace(folder: string, neededBytes: number): Promise<void> {
  const freeBytes = await freeBytesOf(folder);
  if (freeBytes < neededBytes) throw diskFull(folder, freeBytes, neededBytes);
}

/**
 * The error of a run, or DiskFull in its place when the disk is what stopped it: the operating
 * system said so, or there is next to nothing free, whatever the tool made of that.
 */
export async function blameDisk(
  error: unknown,
  folder: string,
  neededBytes: number,
): Promise<unknown> {
  if (error instanceof PipelineError && error.tag === "DiskFull") return error;
  const freeBytes = await freeBytesOf(folder);
  const saidSo = error instanceof Error && isNoSpace(error);
  if (!saidSo && freeBytes >= FREE_BYTES_FULL) return error;
  return diskFull(folder, freeBytes, neededBytes, error);
}

/** libhdf5 and casacore pass the operating system's words on, not its number. */
function isNoSpace(error: Error): boolean {
  if ("code" in error && error.code === "ENOSPC") return true;
  return error.message.includes("No space left on device");
}

function diskFull(path: string, freeBytes: number, neededBytes: number, cause?: unknown) {
  return new PipelineError(
    "DiskFull",
    `${path} has ${mib(freeBytes)} MiB free, the stage needs ${mib(neededBytes)} MiB`,
    { path, freeBytes, neededBytes },
    { cause },
  );
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
