/** The stages with a site's own ways to run them, from the file that the configuration names. */
import { readFileSync } from "node:fs";

import { type StageModule, STAGES, withSiteStages } from "@contimg/pipeline";
import { z } from "zod";

import { UsageError } from "./failure.ts";

/** @throws {UsageError} naming the file, the path in it and what is expected there */
export function readStages(path: string | undefined): readonly StageModule[] {
  if (path === undefined) return STAGES;
  try {
    return withSiteStages(STAGES, JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? error.issues.map((each) => `${each.path.join(".")}: ${each.message}`).join("; ")
        : String(error);
    throw new UsageError(`stages file ${path}: ${why}`);
  }
}
