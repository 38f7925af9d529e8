/** The versions that every product records. Tools record theirs in the product's metadata. */
import { readFileSync } from "node:fs";

import { z } from "zod";

const packageSchema = z.object({ version: z.string() });

export function softwareVersions(): { contimg: string; node: string } {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return {
    contimg: packageSchema.parse(JSON.parse(text)).version,
    node: process.versions.node,
  };
}
