/**
 * House rules that a compiler cannot see, checked on every run. When a rule is wrong for a case,
 * change the rule here, in the open, not the case.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Who may import whom. An arrow that is not here is a design change: write the ADR first. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  absurd: [],
  astro: [],
  casacore: [],
  formats: ["astro"],
  pipeline: ["absurd", "astro", "casacore", "formats"],
  contract: [],
  api: ["absurd", "contract", "pipeline"],
  dashboard: ["astro", "contract"],
  cli: ["absurd", "api", "astro", "contract", "dashboard", "formats", "pipeline"],
  testkit: ["absurd", "astro", "casacore", "formats", "pipeline"],
};

/** Only tests may import these. */
const FOR_TESTS_ONLY = new Set(["testkit"]);

const LINES_MAX = 400;
const COLUMNS_MAX = 100;
const SQL_LINES_MAX = 400;

/** Words for which the glossary has another. */
const NOT_OUR_WORDS = /\b(?:class|function|interface|type)\s+\w*(?:Manager|Helper|Util|Impl)\b/;

const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .trim()
  .split("\n")
  .filter((path) => existsSync(join(ROOT, path)));
const sources = files.filter((path) => /^(packages|tests|bench|scripts)\/.*\.tsx?$/.test(path));
const packageSources = sources.filter((path) => /^packages\/[a-z]+\/src\//.test(path));

test("packages import only along the arrows", () => {
  const strays = packageSources.flatMap((path) => {
    const from = packageOf(path);
    return importedPackages(path)
      .filter((to) => to !== from)
      .filter((to) => !(isTest(path) && (FOR_TESTS_ONLY.has(to) || from === "testkit")))
      .filter((to) => FOR_TESTS_ONLY.has(to) || !MAY_IMPORT[from]?.includes(to))
      .map((to) => `${path}: ${from} may not import ${to}`);
  });
  assert.deepEqual(strays, []);
});

test("every package has its line in the table of arrows", () => {
  const packages = new Set(packageSources.map(packageOf));
  assert.deepEqual([...packages].sort(), Object.keys(MAY_IMPORT).sort());
});

test("every package a file imports is declared by its package", () => {
  const undeclared = packageSources.flatMap((path) => {
    const declared = declaredDependencies(packageOf(path));
    return importedPackages(path)
      .filter((to) => to !== packageOf(path) && !isTest(path))
      .filter((to) => !declared.has(`@contimg/${to}`))
      .map((to) => `${path} imports @contimg/${to}, which its package.json does not declare`);
  });
  assert.deepEqual(undeclared, []);
});

test("no relative import leaves its package", () => {
  const strays = packageSources.flatMap((path) =>
    relativeImports(path)
      .map((specifier) => join(dirname(path), specifier))
      .filter((target) => !target.startsWith(`packages/${packageOf(path)}/`))
      .map((target) => `${path} reaches ${target}`),
  );
  assert.deepEqual(strays, []);
});

test("every relative import names an existing file with its extension", () => {
  const missing = sources.flatMap((path) =>
    relativeImports(path)
      .filter((specifier) => !existsSync(join(ROOT, dirname(path), specifier)))
      .map((specifier) => `${path}: ${specifier}`),
  );
  assert.deepEqual(missing, []);
});

test("no file outgrows its reader", () => {
  const long = [
    ...sources.filter((path) => lineCount(path) > LINES_MAX),
    ...files
      .filter((path) => /\.(sql|cc|h)$/.test(path) && !path.endsWith("schema.sql"))
      .filter((path) => lineCount(path) > SQL_LINES_MAX),
  ];
  assert.deepEqual(long, []);
});

test("no line outgrows its screen", () => {
  const wide = sources.flatMap((path) =>
    lines(path).flatMap((line, index) =>
      line.length > COLUMNS_MAX && !/https?:|regex|`/.test(line) ? [`${path}:${index + 1}`] : [],
    ),
  );
  assert.deepEqual(wide, []);
});

test("every source file says what it is before its first import", () => {
  const silent = sources
    .filter((path) => !path.endsWith(".test.ts"))
    .filter((path) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(readText(path)));
  assert.deepEqual(silent, []);
});

test("no type or class hides behind an empty word", () => {
  const empty = sources.filter((path) => NOT_OUR_WORDS.test(readText(path)));
  assert.deepEqual(empty, []);
});

test("every TODO names an issue", () => {
  const loose = sources
    .filter((path) => !path.endsWith("tidy.test.ts"))
    .flatMap((path) => lines(path).filter((line) => /\b(TODO|FIXME)\b(?!\(#\d+\))/.test(line)));
  assert.deepEqual(loose, []);
});

test("every link inside the documentation leads somewhere", () => {
  const broken = files
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      [...readText(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map((match) => match[1] ?? "")
        .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
        .map((target) => `${path} → ${target}`),
    );
  assert.deepEqual(broken, []);
});

test("no package is without a README", () => {
  const bare = Object.keys(MAY_IMPORT).filter(
    (name) => !existsSync(join(ROOT, "packages", name, "README.md")),
  );
  assert.deepEqual(bare, []);
});

function packageOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/testing/");
}

function importedPackages(path: string): string[] {
  const specifiers = readText(path).matchAll(/(?:from|import)\s*\(?\s*"@contimg\/([a-z]+)/g);
  return [...specifiers].map((match) => match[1] ?? "");
}

function relativeImports(path: string): string[] {
  const specifiers = readText(path).matchAll(/^(?:import|export)[^;]*?from\s+"(\.[^"]+)"/gms);
  return [...specifiers].map((match) => match[1] ?? "");
}

function declaredDependencies(name: string): Set<string> {
  const manifest = JSON.parse(readText(`packages/${name}/package.json`)) as {
    dependencies?: Record<string, string>;
  };
  return new Set(Object.keys(manifest.dependencies ?? {}));
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function lines(path: string): string[] {
  return readText(path).split("\n");
}

function lineCount(path: string): number {
  return lines(path).length;
}
