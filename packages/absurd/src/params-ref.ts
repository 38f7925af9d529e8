/**
 * Params by reference: what is too large for the database stays where it is, and the task carries
 * where, how long and with which hash. The worker reads it before the handler runs.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { z } from "zod";

import { TaskError } from "./errors.ts";

export interface ParamsRef {
  readonly uri: string;
  /** Of the JSON text, in lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Returns the bytes that a reference names. What it throws counts as the attempt's error. */
export type ResolveParams = (ref: ParamsRef, signal: AbortSignal) => Promise<Uint8Array>;

export const paramsRefSchema = z.strictObject({
  uri: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hexadecimal digits"),
  bytes: z.int().nonnegative(),
});

const KEY = "$paramsRef";
const stored = z.strictObject({ [KEY]: paramsRefSchema });

/** What is stored as the params of such a task. */
export function storedRef(ref: ParamsRef): object {
  return { [KEY]: ref };
}

/** The reference that stored params are; undefined when they are the params themselves. */
export function paramsRefOf(params: unknown): ParamsRef | undefined {
  if (typeof params !== "object" || params === null || !(KEY in params)) return undefined;
  return stored.safeParse(params).data?.[KEY];
}

/**
 * Reads and verifies params.
 * @throws {TaskError} fatal, tag ParamsRefBroken: no resolver, other bytes than promised, no JSON
 */
export async function readParams(
  ref: ParamsRef,
  resolve: ResolveParams | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  if (!resolve) throw broken(ref, "this worker has no resolveParams");
  const bytes = await resolve(ref, signal);
  if (bytes.byteLength !== ref.bytes) {
    throw broken(ref, `it has ${bytes.byteLength} bytes, expected ${ref.bytes}`);
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== ref.sha256) throw broken(ref, `its sha256 is ${sha256}, expected ${ref.sha256}`);
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw broken(ref, `it is no JSON: ${String(error)}`);
  }
}

/** A resolver of file:// URLs. */
export const fileParams: ResolveParams = (ref, signal) => {
  if (!ref.uri.startsWith("file://")) throw broken(ref, "expected a file:// URL");
  return readFile(fileURLToPath(ref.uri), { signal });
};

function broken(ref: ParamsRef, why: string): TaskError {
  return new TaskError("fatal", `params at ${ref.uri}: ${why}`, {
    tag: "ParamsRefBroken",
    fields: { uri: ref.uri },
  });
}
