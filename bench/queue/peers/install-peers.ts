/**
 * Installs the peers into this folder on first use, from the lock file beside; they are no part of
 * the repository's own dependencies. What cannot be installed is reported and not measured.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import type { PeerName } from "../engine.ts";

const FOLDER = import.meta.dirname;
const MODULES = join(FOLDER, "node_modules");
/** The SDK on npm does not carry its tables; the Python package of the same version does. */
const ABSURDCTL = "absurdctl==0.5.0";
export const ABSURD_SDK_SCHEMA = join(MODULES, ".absurd-sdk-0.5.0.sql");

const PACKAGES: Readonly<Record<PeerName, string>> = {
  "graphile-worker": "graphile-worker",
  "pg-boss": "pg-boss",
  dbos: "@dbos-inc/dbos-sdk",
  "absurd-sdk": "absurd-sdk",
  openworkflow: "openworkflow",
};

/** The versions of those that can be measured, installed now if need be. */
export function installPeers(
  names: readonly PeerName[],
  say: (text: string) => void,
): Map<PeerName, string> {
  if (names.length === 0) return new Map();
  installPackages(say);
  if (names.includes("absurd-sdk")) installAbsurdSdkSchema(say);
  const found = names.filter((name) => {
    if (name === "absurd-sdk" && !existsSync(ABSURD_SDK_SCHEMA)) return false;
    return existsSync(join(MODULES, PACKAGES[name], "package.json"));
  });
  for (const name of names) if (!found.includes(name)) say(`${name} is not installed: left out`);
  return new Map(found.map((name) => [name, versionOf(PACKAGES[name])]));
}

function installPackages(say: (text: string) => void): void {
  const lock = join(FOLDER, "package-lock.json");
  const stamp = join(MODULES, ".installed-lock.json");
  const wanted = readFileSync(lock, "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("installing the peers (npm ci in bench/queue/peers)");
  try {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: FOLDER,
      stdio: ["ignore", 2, 2],
    });
    writeFileSync(stamp, wanted);
  } catch (error) {
    say(`npm ci failed (${String(error)})`);
  }
}

function installAbsurdSdkSchema(say: (text: string) => void): void {
  if (existsSync(ABSURD_SDK_SCHEMA) || !existsSync(MODULES)) return;
  say(`fetching the tables of absurd-sdk (pip install ${ABSURDCTL})`);
  const target = mkdtempSync(join(tmpdir(), "absurdctl-"));
  try {
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", target, ABSURDCTL];
    execFileSync("python3", pip, { stdio: ["ignore", 2, 2] });
    const print = "import absurdctl; print(absurdctl.BUNDLED_SCHEMA_SQL)";
    const schema = execFileSync("python3", ["-c", print], {
      env: { ...process.env, PYTHONPATH: target },
    });
    writeFileSync(`${ABSURD_SDK_SCHEMA}.partial`, schema);
    renameSync(`${ABSURD_SDK_SCHEMA}.partial`, ABSURD_SDK_SCHEMA);
  } catch (error) {
    say(`pip install ${ABSURDCTL} failed (${String(error)})`);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

function versionOf(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8"));
  return z.object({ version: z.string() }).parse(manifest).version;
}
