/** Where an operator of a test sits: a live system, a browser, windows closed behind her. */
import assert from "node:assert/strict";

import { ensureBuilt } from "@contimg/dashboard";
import type { FreshDatabase } from "@contimg/testkit";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";

import { type Bed, startBed } from "./dashboard-bed.ts";
import { assertAccessible, launch, openPage, type PageOptions } from "./dashboard-browser.ts";

interface Window {
  readonly page: Page;
  /** Fails for what is not accessible on the page, and for what the browser complained of. */
  readonly isClean: () => Promise<void>;
}

export interface Desk {
  /** Inside tests and hooks only. */
  readonly bed: Bed;
  /** A page of the dashboard, closed after the test. */
  readonly at: (path: string, options?: PageOptions) => Promise<Window>;
}

interface Scene {
  /** What is there before the first test. */
  prepare(bed: Bed): Promise<void>;
  /** What must end before the system does. */
  end?(bed: Bed): Promise<void>;
}

const START_MS_MAX = 180_000;

/** Registers its own set-up and tear-down; use it once in a describe. */
export function openDesk(database: FreshDatabase, scene: Scene): Desk {
  let bed: Bed;
  let browser: Browser;
  const open: Page[] = [];

  beforeAll(async () => {
    await ensureBuilt();
    bed = await startBed(database.url, database.pool());
    browser = await launch();
    await scene.prepare(bed);
  }, START_MS_MAX);
  afterEach(async () => {
    await Promise.all(open.splice(0).map((page) => page.context().close()));
  });
  afterAll(async () => {
    await browser.close();
    await scene.end?.(bed);
    await bed.close();
  });

  return {
    get bed() {
      return bed;
    },
    async at(path, options = {}) {
      const { page, complaints } = await openPage(browser, options);
      open.push(page);
      await page.goto(`${bed.server.url}${path}`);
      return {
        page,
        async isClean() {
          await assertAccessible(page);
          assert.deepEqual(complaints, []);
        },
      };
    },
  };
}
