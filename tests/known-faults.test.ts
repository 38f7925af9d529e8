/** The page of known faults names tests that exist: a renamed or removed one fails here. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const ROWS = readFileSync(join(ROOT, "docs/known-faults.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.slice(2, -2).split(" | "))
  .filter(([symptom = ""]) => symptom.trim() !== "symptom" && !/^-+\s*$/.test(symptom))
  .map(([symptom = "", here = "", tests = ""]) => ({ symptom: symptom.trim(), here, tests }));

/** Tests that nothing but a person's hand turns off. */
const TURNED_OFF = /\b(?:test|it)\.(?:skip|todo|fails)\($/;

test("every known fault has a symptom, what happens instead, and a test", () => {
  assert.ok(ROWS.length >= 50, `${ROWS.length} rows`);
  for (const { symptom, here, tests } of ROWS) {
    assert.ok(symptom !== "" && here.trim() !== "", symptom);
    assert.ok(namedTests(tests).length > 0, `"${symptom}" names no test`);
  }
});

test("every test that the page of known faults names exists, and is on", () => {
  const missing = ROWS.flatMap(({ tests }) => namedTests(tests))
    .filter(({ path, title }) => !existsSync(join(ROOT, path)) || !hasTest(path, title))
    .map(({ path, title }) => `${path}: no test "${title}"`);
  assert.deepEqual(missing, []);
});

test("no row of known faults names anything but tests", () => {
  const odd = ROWS.filter(
    ({ tests }) => tests.trim().split(";").length !== namedTests(tests).length,
  );
  assert.deepEqual(odd, []);
});

function namedTests(cell: string): { path: string; title: string }[] {
  return [...cell.matchAll(/`([^`]+\.test\.ts)` "([^"]+)"/g)].map((match) => ({
    path: match[1]!,
    title: match[2]!,
  }));
}

/** As the first argument of a call: `test("title",` or, of a table of cases, `)("title",`. */
function hasTest(path: string, title: string): boolean {
  const text = readFileSync(join(ROOT, path), "utf8");
  return ['"', "'", "`"].some((quote) => {
    const at = text.indexOf(`${quote}${title}${quote},`);
    if (at < 0) return false;
    const before = text.slice(0, at).trimEnd();
    return before.endsWith("(") && !TURNED_OFF.test(before);
  });
}
