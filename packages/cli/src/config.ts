/**
 * What `contimg` takes from the environment; flags win over it. The only reader of process.env for
 * settings: everything after it has parsed values.
 */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

import { z } from "zod";

import type { StageModule, Thresholds } from "@contimg/pipeline";

import { UsageError } from "./failure.ts";
import { readStages } from "./stages-file.ts";
import { readThresholds } from "./thresholds-file.ts";

/** Each variable with its meaning; `contimg --help` prints it. */
export const ENVIRONMENT = {
  CONTIMG_DATA_ROOT: "folder of all data and products (default: ./data-root)",
  CONTIMG_THREADS: "threads of one stage (default: the machine's cores)",
  CONTIMG_QUALITY_FILE: "JSON with limits of the quality gates (default: the telescope's)",
  CONTIMG_STAGES_FILE: "JSON with a site's own executables and clusters for stages (default: none)",
  ABSURD_DATABASE_URL: "PostgreSQL of queue and registry",
  ABSURD_QUEUE_NAME: "queue to work on and spawn into (default: dsa110-pipeline)",
  ABSURD_WORKER_CONCURRENCY: "stages a worker runs at once (default: 1)",
} as const;

const environmentSchema = z.object({
  CONTIMG_DATA_ROOT: z.string().min(1).default("data-root"),
  CONTIMG_THREADS: z.coerce.number().int().positive().default(availableParallelism()),
  CONTIMG_QUALITY_FILE: z.string().min(1).optional(),
  CONTIMG_STAGES_FILE: z.string().min(1).optional(),
  ABSURD_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  ABSURD_QUEUE_NAME: z.string().min(1).default("dsa110-pipeline"),
  ABSURD_WORKER_CONCURRENCY: z.coerce.number().int().positive().default(1),
});

export interface Config {
  /** Absolute. */
  readonly dataRoot: string;
  readonly threadCount: number;
  readonly databaseUrl: string | undefined;
  /** Of the quality gates; the telescope's own when absent. */
  readonly thresholds: Thresholds | undefined;
  /** With a site's own in place of ours. */
  readonly stages: readonly StageModule[];
  readonly queue: string;
  readonly concurrency: number;
}

/** Flags as commander gives them: text, or absent. */
export interface ConfigFlags {
  readonly dataRoot?: string;
  readonly threads?: string;
  readonly database?: string;
  readonly queue?: string;
  readonly concurrency?: string;
}

/** @throws {UsageError} naming the variable or flag, its value and what is expected */
export function readConfig(flags: ConfigFlags, environment: NodeJS.ProcessEnv): Config {
  const parsed = environmentSchema.safeParse({
    CONTIMG_DATA_ROOT: flags.dataRoot ?? environment["CONTIMG_DATA_ROOT"],
    CONTIMG_THREADS: flags.threads ?? environment["CONTIMG_THREADS"],
    CONTIMG_QUALITY_FILE: environment["CONTIMG_QUALITY_FILE"],
    CONTIMG_STAGES_FILE: environment["CONTIMG_STAGES_FILE"],
    ABSURD_DATABASE_URL: flags.database ?? environment["ABSURD_DATABASE_URL"],
    ABSURD_QUEUE_NAME: flags.queue ?? environment["ABSURD_QUEUE_NAME"],
    ABSURD_WORKER_CONCURRENCY: flags.concurrency ?? environment["ABSURD_WORKER_CONCURRENCY"],
  });
  if (!parsed.success) {
    const issues = parsed.error.issues.map((each) => `${each.path.join(".")}: ${each.message}`);
    throw new UsageError(`setting ${issues.join("; ")}`);
  }
  const settings = parsed.data;
  return {
    dataRoot: resolve(settings.CONTIMG_DATA_ROOT),
    threadCount: settings.CONTIMG_THREADS,
    databaseUrl: settings.ABSURD_DATABASE_URL,
    thresholds: readThresholds(settings.CONTIMG_QUALITY_FILE),
    stages: readStages(settings.CONTIMG_STAGES_FILE),
    queue: settings.ABSURD_QUEUE_NAME,
    concurrency: settings.ABSURD_WORKER_CONCURRENCY,
  };
}
