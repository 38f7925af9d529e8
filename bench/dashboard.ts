/**
 * What the dashboard costs a browser: `npm run -s bench:dashboard [-- --rows 100000 --events 100000]`.
 * A real server and Chromium; prints time to the first page, frames while 10^5 rows scroll, and the
 * page's memory while live events come.
 *
 * Gaps between frames are of this machine and what else runs on it; CPU time of the page's main
 * thread a frame is of the page alone. The bound is on the second.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import {
  AbsurdClient,
  defineTask,
  migrate,
  startEmbeddedPostgres,
  startWorker,
} from "@contimg/absurd";
import { startServer } from "@contimg/api";
import { BUILD_FOLDER, ensureBuilt } from "@contimg/dashboard";
import pg from "pg";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { z } from "zod";

const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    events: { type: "string", default: "100000" },
    opens: { type: "string", default: "7" },
    frames: { type: "string", default: "600" },
  },
});

const FIRST_PAGE_MS_MAX = 1_500;
const FRAME_MS_MAX = 17;
const LONG_FRAME_MS = 50;
const SPAWN_BATCH = 10_000;
const MEMORY_ROUNDS = 10;

const noop = defineTask({
  name: "imaging",
  params: z.strictObject({ group: z.int() }),
  handler: () => null,
});

await main();

async function main(): Promise<void> {
  await ensureBuilt();
  const folder = await mkdtemp(join(tmpdir(), "absurd-dashboard-"));
  const postgres = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 });
  const client = new AbsurdClient(pool, { tasks: [noop] });
  await migrate(pool);
  const server = await startServer({
    connectionString: postgres.url,
    port: 0,
    dashboardFolder: BUILD_FOLDER,
  });
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    await fill(client, Number(flags.rows));
    await measureFirstPage(browser, server.url);
    await measureScroll(browser, server.url);
    await measureMemory(browser, server.url, { client, url: postgres.url });
  } finally {
    await browser.close();
    await server.close();
    await client.close();
    await pool.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Deferred: nothing takes them, so that the list stands still. */
async function fill(client: AbsurdClient, count: number): Promise<void> {
  for (let from = 0; from < count; from += SPAWN_BATCH) {
    const length = Math.min(SPAWN_BATCH, count - from);
    await client.spawnMany(
      Array.from({ length }, (_, index) => ({
        task: noop,
        params: { group: from + index },
        delaySeconds: 86_400,
      })),
    );
  }
}

async function open(browser: Browser): Promise<{ page: Page; debug: CDPSession }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(600_000);
  const debug = await context.newCDPSession(page);
  // Threads' own time: what others take of the machine is not in it.
  await debug.send("Performance.enable", { timeDomain: "threadTicks" });
  return { page, debug };
}

/** Seconds that the page's main thread was busy so far, and its heap after a collection. */
async function costOf(debug: CDPSession): Promise<{ taskSeconds: number; heapBytes: number }> {
  const { metrics } = await debug.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((each) => each.name === name)?.value ?? NaN;
  return { taskSeconds: value("TaskDuration"), heapBytes: value("JSHeapUsedSize") };
}

/** Cold: each time a new profile without a cache. */
async function measureFirstPage(browser: Browser, url: string): Promise<void> {
  const wall: number[] = [];
  const busy: number[] = [];
  for (let opened = 0; opened < Number(flags.opens); opened += 1) {
    const { page, debug } = await open(browser);
    await page.goto(`${url}/`, { waitUntil: "commit" });
    await page.getByText("What needs you now").waitFor();
    // Interactive: the page answers a key.
    await page.keyboard.press("?");
    await page.getByText("Go to overview").waitFor();
    wall.push(await page.evaluate<number>("performance.now()"));
    busy.push((await costOf(debug)).taskSeconds * 1000);
    await page.context().close();
  }
  say("first page, until it answers a key", wall, "ms", FIRST_PAGE_MS_MAX);
  say("  of which the main thread was busy", busy, "ms");
}

async function measureScroll(browser: Browser, url: string): Promise<void> {
  const { page, debug } = await open(browser);
  await page.goto(`${url}/tasks`);
  await page.locator(".data-table tbody tr").first().waitFor();
  const rows = Number(flags.rows);
  const began = performance.now();
  await page.evaluate(`new Promise((resolve) => {
    const scroller = document.querySelector(".data-table-scroll");
    const go = () => {
      if (document.querySelector(".data-table table").ariaRowCount > ${rows}) return resolve();
      scroller.scrollTop = scroller.scrollHeight;
      setTimeout(go, 10);
    };
    go();
  })`);
  say(`${rows} rows read through the cursor`, [performance.now() - began], "ms");
  // 3, 40 and 400 rows a frame: reading, looking for something, dragging the bar.
  for (const step of [100, 1_360, 13_600]) {
    const before = await costOf(debug);
    const gaps = await page.evaluate<number[]>(scrollScript(step, Number(flags.frames)));
    const after = await costOf(debug);
    const frames = gaps.length;
    say(`frames at ${step} px a frame`, gaps, "ms", FRAME_MS_MAX);
    const long = gaps.filter((gap) => gap > LONG_FRAME_MS).length;
    console.log(`  longer than ${LONG_FRAME_MS} ms: ${((100 * long) / frames).toFixed(1)} %`);
    const each = ((after.taskSeconds - before.taskSeconds) * 1000) / frames;
    say("  main thread a frame, mean", [each], "ms", FRAME_MS_MAX);
  }
  await page.context().close();
}

function scrollScript(step: number, frames: number): string {
  return `new Promise((resolve) => {
    const scroller = document.querySelector(".data-table-scroll");
    scroller.scrollTop = 0;
    const gaps = [];
    let last;
    let down = 1;
    const frame = (now) => {
      if (last !== undefined) gaps.push(now - last);
      last = now;
      if (gaps.length >= ${frames}) return resolve(gaps);
      const end = scroller.scrollHeight - scroller.clientHeight;
      if (scroller.scrollTop + ${step} > end) down = -1;
      if (scroller.scrollTop - ${step} < 0) down = 1;
      scroller.scrollTop += down * ${step};
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`;
}

interface Engine {
  readonly client: AbsurdClient;
  readonly url: string;
}

/** Tasks are spawned and done while the list is open: each is about three events. */
async function measureMemory(browser: Browser, url: string, engine: Engine): Promise<void> {
  const { page, debug } = await open(browser);
  await page.addInitScript(`
    window.heard = 0;
    const listen = EventSource.prototype.addEventListener;
    EventSource.prototype.addEventListener = function (name, listener) {
      return listen.call(this, name, (event) => { window.heard += 1; listener(event); });
    };
  `);
  await page.goto(`${url}/tasks`);
  await page.locator(".live-mark.is-live").waitFor();
  const worker = await startWorker({
    connectionString: engine.url,
    tasks: [noop],
    concurrency: 50,
    name: "bench",
  });
  const heaps: number[] = [];
  const wanted = Number(flags.events);
  try {
    for (let round = 1; round <= MEMORY_ROUNDS; round += 1) {
      while ((await page.evaluate<number>("window.heard")) < (wanted * round) / MEMORY_ROUNDS) {
        await engine.client.spawnMany(
          Array.from({ length: 500 }, (_, group) => ({ task: noop, params: { group } })),
        );
      }
      await debug.send("HeapProfiler.collectGarbage");
      heaps.push((await costOf(debug)).heapBytes / 2 ** 20);
    }
    const heard = await page.evaluate<number>("window.heard");
    console.log(`heap after each tenth of ${heard} live events, MiB:`);
    console.log(`  ${heaps.map((heap) => heap.toFixed(1)).join("  ")}`);
  } finally {
    await worker.stop();
  }
}

function say(what: string, values: readonly number[], unit: string, max?: number): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const figures =
    values.length === 1
      ? `${at(0).toFixed(1)} ${unit}`
      : `p50 ${at(0.5).toFixed(1)}, p95 ${at(0.95).toFixed(1)}, max ${at(1).toFixed(1)} ${unit}`;
  const bound = max === undefined ? "" : at(0.95) <= max ? `  within ${max}` : `  OVER ${max}`;
  console.log(`${what}: ${figures}${bound}`);
}
