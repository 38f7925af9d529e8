/** Flags of `absurd spawn` for what only some tasks ask for. */
import type { RetryPolicy, SpawnOptions } from "@contimg/absurd";
import type { Command } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { numberIn } from "../number-argument.ts";
import { parseTime } from "./time-flag.ts";

export interface RareSpawnFlags {
  readonly keyTtl?: number;
  readonly dedupeSeconds?: number;
  readonly dedupeBy?: string[];
  readonly deadline?: Date;
  readonly expiresAt?: Date;
  readonly expiresIn?: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly paramsRef?: string;
  readonly retry?: string;
}

const seconds = numberIn(0.001, 1e9);

export function addRareSpawnFlags(command: Command): Command {
  return command
    .option("--key-ttl <seconds>", "forget the idempotency key after this long", numberIn(1, 1e9))
    .option(
      "--dedupe-seconds <seconds>",
      "equal content spawned within this window gives the older task",
      numberIn(1, 1e9),
    )
    .option("--dedupe-by <path...>", "compare these params only, such as tile.id")
    .option("--deadline <time>", "dead after this time: not begun, or stopped", parseTime)
    .option("--expires-at <time>", "cancelled when nobody claimed it by then", parseTime)
    .option("--expires-in <seconds>", "the same, from now", seconds)
    .option("--traceparent <text>", "W3C trace context of the task and its children")
    .option("--tracestate <text>", "goes with --traceparent")
    .option("--params-ref <json>", "{ uri, sha256, bytes } in place of --params; JSON, @file or -")
    .option("--retry <json>", "retry rules by class and tag; JSON, @file or -");
}

/** The library checks values; here is checked what it would take for something else. */
export async function readRareSpawnFlags(flags: RareSpawnFlags): Promise<SpawnOptions> {
  if (flags.dedupeBy && flags.dedupeSeconds === undefined) {
    throw new UsageError("--dedupe-by is given, expected --dedupe-seconds with it");
  }
  if (flags.tracestate !== undefined && flags.traceparent === undefined) {
    throw new UsageError("--tracestate is given, expected --traceparent with it");
  }
  const { dedupeSeconds, dedupeBy, traceparent, tracestate } = flags;
  return {
    ...(flags.keyTtl === undefined ? {} : { idempotencyKeyTtlSeconds: flags.keyTtl }),
    ...(dedupeSeconds === undefined
      ? {}
      : { dedupe: { windowSeconds: dedupeSeconds, ...(dedupeBy ? { by: dedupeBy } : {}) } }),
    ...(flags.deadline === undefined ? {} : { deadline: flags.deadline }),
    ...(flags.expiresAt === undefined ? {} : { expiresAt: flags.expiresAt }),
    ...(flags.expiresIn === undefined ? {} : { expiresInSeconds: flags.expiresIn }),
    ...(traceparent === undefined
      ? {}
      : { traceContext: { traceparent, ...(tracestate === undefined ? {} : { tracestate }) } }),
    ...(flags.paramsRef === undefined ? {} : { paramsRef: await readRef(flags.paramsRef) }),
    ...(flags.retry === undefined ? {} : { retry: await readRetry(flags.retry) }),
  };
}

const refSchema = z.strictObject({ uri: z.string(), sha256: z.string(), bytes: z.number() });

async function readRef(argument: string): Promise<z.infer<typeof refSchema>> {
  const parsed = refSchema.safeParse(await readJsonArgument(argument));
  if (parsed.success) return parsed.data;
  throw new UsageError(`--params-ref is ${argument}, expected { uri, sha256, bytes }`);
}

async function readRetry(argument: string): Promise<RetryPolicy> {
  const value = await readJsonArgument(argument);
  if (typeof value === "object" && value !== null) return value; // Checked by spawn.
  throw new UsageError(`--retry is ${argument}, expected an object of rules`);
}
