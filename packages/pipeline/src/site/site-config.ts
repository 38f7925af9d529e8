/**
 * A site's own ways to run stages: an executable in place of a stage's code, a Slurm cluster in
 * place of this machine, or both. One JSON file, named by CONTIMG_STAGES_FILE:
 *
 *   {"stages": {"calibration-solve": {"executable": {"command": "/opt/site/solve.py"}},
 *               "imaging": {"slurm": {"partition": "short"}}}}
 *
 * What it names must exist: a stage with a typing error in its name would be replaced nowhere.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

import { z } from "zod";

import type { StageModule } from "../run-stage.ts";

const errorClass = z.enum(["retryable", "recoverable", "fatal", "validation"]);
const positive = z.number().positive();
const count = z.int().positive();

export const executableSchema = z.strictObject({
  /** An absolute path, or a name to look for in PATH. */
  command: z.string().min(1),
  arguments: z.array(z.string()).default([]),
  /** Added to the worker's, from which the database's address is withheld. */
  environment: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).default({}),
  /** Set by the kernel; see the engine's docs/outside.md. */
  limits: z
    .strictObject({
      cpu_seconds: positive,
      memory_gib: positive,
      file_gib: positive,
      open_files: count,
      processes: count,
    })
    .partial()
    .default({}),
  /** Of one run. */
  timeout_seconds: positive.optional(),
  /** What exit codes mean; others than 0 are retryable. */
  exit_codes: z.record(z.string().regex(/^([1-9]\d{0,2})$/), errorClass).default({}),
});

export type SiteExecutable = z.infer<typeof executableSchema>;

export const slurmSchema = z.strictObject({
  partition: z.string().min(1).optional(),
  account: z.string().min(1).optional(),
  /** Further words for sbatch, such as "--qos=night". */
  arguments: z.array(z.string().startsWith("--")).default([]),
  /** Of the job; doubled after each that ran out of it. */
  time_limit_minutes: z
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .default(60),
  /** What a stage states of itself when absent; doubled after each job that ran out of it. */
  memory_gib: positive.optional(),
  /** Between two looks at a job. */
  poll_seconds: z.number().min(0.2).max(600).default(10),
  /** A job that Slurm has not told of for so long is taken for lost. */
  silence_seconds: z.number().min(1).max(86_400).default(900),
});

export type SlurmSettings = z.infer<typeof slurmSchema>;

const stageSchema = z
  .strictObject({
    executable: executableSchema.optional(),
    slurm: slurmSchema.optional(),
    /** Debian packages of the run, in place of the stage's own. */
    packages: z.array(z.string().min(1)).optional(),
  })
  .refine(
    ({ executable, slurm }) => executable !== undefined || slurm !== undefined,
    "expected executable or slurm, or both",
  );

export type SiteStage = z.infer<typeof stageSchema>;

/**
 * The stages with the site's ways in place of their own.
 * @throws {z.ZodError} naming the path in the file and what is expected there
 */
export function withSiteStages(stages: readonly StageModule[], value: unknown): StageModule[] {
  const file = z.strictObject({ stages: z.record(z.string(), stageSchema) }).parse(value);
  const issues = Object.entries(file.stages).flatMap(([name, site]) =>
    problemsOf(stages, name, site).map(({ path, message }) => ({
      ...{ code: "custom" as const, input: undefined, message },
      path: ["stages", name, ...path],
    })),
  );
  if (issues.length > 0) throw new z.ZodError(issues);
  return stages.map((module) => {
    const site = file.stages[module.stage.name];
    if (site === undefined) return module;
    return { ...module, stage: { ...module.stage, packages: packagesOf(module, site) }, site };
  });
}

/** A job's machine has packages of its own; an executable replaces tools, not our readers. */
function packagesOf({ stage }: StageModule, site: SiteStage): readonly string[] {
  if (site.packages !== undefined) return site.packages;
  if (site.slurm !== undefined) return [];
  return stage.packages.filter((name) => name.startsWith("casacore"));
}

interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

function problemsOf(stages: readonly StageModule[], name: string, site: SiteStage): Problem[] {
  const module = stages.find(({ stage }) => stage.name === name);
  if (module === undefined) {
    const known = stages.map(({ stage }) => stage.name).join(", ");
    return [{ path: [], message: `no stage is named so; there are ${known}` }];
  }
  const { executable, slurm } = site;
  if (executable === undefined) return [];
  if (module.stage.site === undefined) {
    return [{ path: ["executable"], message: "this stage cannot be replaced" }];
  }
  // On a cluster's node there may be another file system.
  if (slurm !== undefined || isExecutable(executable.command)) return [];
  const where = isAbsolute(executable.command) ? "no such executable file" : "not found in PATH";
  return [{ path: ["executable", "command"], message: `${executable.command}: ${where}` }];
}

function isExecutable(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false; // Not there, or not ours to start.
    }
  });
}
