/** A real Chromium with pages that must not complain: console errors and accessibility faults. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { type Browser, chromium, type Page } from "playwright-core";

export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const IMAGES = join(import.meta.dirname, "../../docs/images/dashboard");

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

export interface Watched {
  readonly page: Page;
  /** What the console said in anger, and requests that left the machine. */
  readonly complaints: string[];
}

export interface PageOptions {
  readonly size?: { width: number; height: number };
  readonly scheme?: "light" | "dark";
}

export async function openPage(browser: Browser, options: PageOptions = {}): Promise<Watched> {
  const context = await browser.newContext({
    viewport: options.size ?? WIDE,
    colorScheme: options.scheme ?? "light",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} of ${response.url()}`);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1|data:|blob:)/.test(request.url())) {
      complaints.push(`a request left the machine: ${request.url()}`);
    }
  });
  return { page, complaints };
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** @throws {AssertionError} with each fault and the element that has it */
export async function assertAccessible(page: Page): Promise<void> {
  // By the debugger: the page's own policy refuses scripts that are not of its server.
  await page.evaluate(AXE);
  const result = await page.evaluate<AxeResult>("axe.run()");
  const faults = result.violations.flatMap((violation) =>
    violation.nodes.map((node) => `${violation.id}: ${node.html}\n  ${node.failureSummary ?? ""}`),
  );
  assert.deepEqual(faults, []);
}

/** Until nothing is loading any more. */
export async function isFull(page: Page): Promise<void> {
  await page.getByRole("main").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}

/** With LONG_TESTS, and for pictures, a page is seen in all four looks. */
export const WANTS_ALL = [process.env["LONG_TESTS"], process.env["PICTURES"]].some(Boolean);

/** Shows the page light and wide, then dark and narrow, or in all four looks: "light-wide", … */
export async function* looksOf(page: Page, isAll = WANTS_ALL): AsyncGenerator<string> {
  for (const [width, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    await page.setViewportSize(size);
    const own = width === "wide" ? "light" : "dark";
    for (const scheme of isAll ? (["light", "dark"] as const) : ([own] as const)) {
      await page.emulateMedia({ colorScheme: scheme });
      // Charts are drawn anew for it.
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
      yield `${scheme}-${width}`;
    }
  }
}

/**
 * A picture of a page that a test has brought to where it is worth seeing; written when PICTURES
 * names a folder, or docs. Those that need no test to get there: pictures.ts.
 */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["PICTURES"];
  if (folder === undefined) return;
  await page.screenshot({ path: join(folder === "docs" ? IMAGES : folder, `${name}.png`) });
}
