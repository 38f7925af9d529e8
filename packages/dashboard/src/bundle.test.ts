import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { beforeAll, describe, test } from "vitest";
import { z } from "zod";

import { BUILD_FOLDER, ensureBuilt } from "./bundle.ts";

const KIB = 1024;
const FIRST_PAGE_BYTES_MAX = 400 * KIB;

const manifest = z.record(
  z.string(),
  z.object({
    file: z.string(),
    css: z.array(z.string()).default([]),
    imports: z.array(z.string()).default([]),
  }),
);
type Manifest = z.output<typeof manifest>;

describe("the built pages", () => {
  beforeAll(ensureBuilt, 120_000);

  test("give the first page in under 400 kB, gzipped", () => {
    const chunks = readManifest();
    const files = filesOf(chunks, ["index.html", "src/pages/overview/OverviewPage.tsx"]);
    const bytes = [...files]
      .map((file) => gzipSync(readFileSync(join(BUILD_FOLDER, file))).length)
      .reduce((sum, each) => sum + each, 0);
    assert.ok(files.size > 2, "the manifest names script, style and page");
    assert.ok(bytes < FIRST_PAGE_BYTES_MAX, `${Math.round(bytes / KIB)} KiB`);
  });

  test("ask no other host, and have nothing inline that a strict policy refuses", () => {
    const html = readFileSync(join(BUILD_FOLDER, "index.html"), "utf8");
    assert.doesNotMatch(html, /<style|<script(?![^>]*\ssrc=)|\son\w+=|https?:\/\//);
    for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      assert.match(address!, /^\.\//, "relative, so that it works below any path");
    }
  });
});

function readManifest(): Manifest {
  const text = readFileSync(join(BUILD_FOLDER, ".vite/manifest.json"), "utf8");
  return manifest.parse(JSON.parse(text));
}

/** All that is loaded before the page is there. */
function filesOf(chunks: Manifest, entries: readonly string[]): Set<string> {
  const files = new Set<string>();
  const visit = (key: string) => {
    const chunk = chunks[key];
    assert.ok(chunk, `the manifest has no ${key}`);
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const style of chunk.css) files.add(style);
    for (const each of chunk.imports) visit(each);
  };
  for (const entry of entries) visit(entry);
  return files;
}
