/**
 * Compiles the native addons side by side, each with one compiler call, when a source is newer.
 *
 * An addon whose Debian packages are absent is left out with one line: what needs it then refuses
 * and names the package. No headers are downloaded: Node's come from npm (node-api-headers).
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

interface Addon {
  name: string;
  folder: string;
  /** A header that is there exactly when the Debian packages are. */
  header: string;
  packages: string;
  flags: () => string[];
}

const ADDONS: readonly Addon[] = [
  {
    name: "hdf5",
    folder: "packages/formats/native",
    header: "/usr/include/hdf5/serial/hdf5.h",
    packages: "libhdf5-dev liblzf-dev pkg-config",
    flags: () => [...pkgConfig("hdf5-serial"), "-llzf"],
  },
  {
    name: "casacore",
    folder: "packages/casacore/native",
    header: "/usr/include/casacore/tables/Tables.h",
    packages: "casacore-dev casacore-data",
    flags: () => [
      "-I/usr/include/casacore",
      "-lcasa_ms",
      "-lcasa_measures",
      "-lcasa_tables",
      "-lcasa_casa",
    ],
  },
];

await Promise.all(ADDONS.map(build));

async function build(addon: Addon): Promise<void> {
  const folder = join(ROOT, addon.folder);
  if (!existsSync(folder)) return;
  const sources = filesOf(folder, ".cc");
  const output = join(folder, "..", "build", `${addon.name}.node`);
  if (isNewer(output, [...sources, ...filesOf(folder, ".h"), fileURLToPath(import.meta.url)]))
    return;
  if (!existsSync(addon.header)) {
    console.error(
      `setup: without Debian packages ${addon.packages} the ${addon.name} addon is left out`,
    );
    return;
  }
  console.error(`setup: compiling the ${addon.name} addon`);
  mkdirSync(dirname(output), { recursive: true });
  const partial = `${output}.partial`;
  const compiler = spawn(
    process.env["CXX"] ?? "c++",
    [
      ...["-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-Wall"],
      ...["-DNAPI_VERSION=9", "-DNODE_ADDON_API_CPP_EXCEPTIONS"],
      `-I${packageFolder("node-api-headers")}/include`,
      `-I${packageFolder("node-addon-api")}`,
      ...sources,
      ...["-o", partial],
      ...addon.flags(),
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  // Undefined when there is no compiler to start.
  const [status] = await once(compiler, "close").catch((): unknown[] => []);
  if (status !== 0) {
    console.error(`setup: the ${addon.name} addon did not compile; see the compiler's lines above`);
    process.exit(1);
  }
  renameSync(partial, output);
}

function filesOf(folder: string, extension: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(folder, name));
}

function isNewer(output: string, inputs: string[]): boolean {
  if (!existsSync(output)) return false;
  const builtAt = statSync(output).mtimeMs;
  return inputs.every((input) => statSync(input).mtimeMs < builtAt);
}

function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

function pkgConfig(library: string): string[] {
  return execFileSync("pkg-config", ["--cflags", "--libs", library], { encoding: "utf8" })
    .trim()
    .split(/\s+/);
}
