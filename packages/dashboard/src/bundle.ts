/** The built pages, for the server that serves them. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const CONTRACT = fileURLToPath(new URL("../../contract/src", import.meta.url));

export const BUILD_FOLDER = join(PACKAGE, "build");

const STAMP = join(BUILD_FOLDER, "sources.sha256");

/** Builds the pages unless they are of these very sources. Takes some seconds when it does. */
export async function ensureBuilt(): Promise<void> {
  const stamp = sourcesHash();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp) return;
  const vite = await import("vite");
  await vite.build({ configFile: join(PACKAGE, "vite.config.ts"), logLevel: "warn" });
  writeFileSync(STAMP, stamp);
}

function sourcesHash(): string {
  const hash = createHash("sha256");
  const roots = [join(PACKAGE, "src"), CONTRACT];
  const files = roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(tsx?|css|svg)$/.test(name) && !/\.test\.tsx?$/.test(name))
      .map((name) => join(root, name)),
  );
  const others = ["index.html", "vite.config.ts", "package.json"].map((n) => join(PACKAGE, n));
  for (const file of [...files.sort(), ...others]) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}
