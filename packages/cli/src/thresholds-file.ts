/** The limits of the quality gates from the file that the configuration names. */
import { readFileSync } from "node:fs";

import { parseThresholds, type Thresholds } from "@contimg/pipeline";
import { z } from "zod";

import { UsageError } from "./failure.ts";

/**
 * @returns undefined without a file: the telescope's own
 * @throws {UsageError} naming the file, the path in it and what is expected there
 */
export function readThresholds(path: string | undefined): Thresholds | undefined {
  if (path === undefined) return undefined;
  try {
    return parseThresholds(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? error.issues.map((each) => `${each.path.join(".")}: ${each.message}`).join("; ")
        : String(error);
    throw new UsageError(`quality file ${path}: ${why}`);
  }
}
