/** What is measured of a page of the dashboard in a real browser; main.ts says of which, when. */
import { type AbsurdClient, startWorker, type TaskDefinition } from "@contimg/absurd";
import type { Browser, CDPSession, Page } from "playwright-core";

const MEMORY_ROUNDS = 10;
/** Longer than the layout of the benchmark's graph takes: it must not be drawn anew meanwhile. */
const LAYOUT_MS = 8_000;

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
export async function firstPage(browser: Browser, url: string) {
  const { page, debug } = await open(browser);
  await page.goto(`${url}/`, { waitUntil: "commit" });
  await page.getByText("What needs you now").waitFor();
  // Interactive: the page answers a key.
  await page.keyboard.press("?");
  await page.getByText("Go to overview").waitFor();
  const wallMs = await page.evaluate<number>("performance.now()");
  const busyMs = (await costOf(debug)).taskSeconds * 1000;
  await page.context().close();
  return { wallMs, busyMs };
}

interface Moved {
  readonly page: Page;
  readonly debug: CDPSession;
  /** Before the first frame. */
  readonly begin: string;
  /** Of each frame, which has the number `count`. */
  readonly each: string;
  readonly frames: number;
}

async function framesOf({ page, debug, begin, each, frames }: Moved) {
  const before = await costOf(debug);
  const gapsMs = await page.evaluate<number[]>(`new Promise((resolve) => {
    ${begin}
    const gaps = [];
    let last;
    let count = 0;
    const frame = (now) => {
      if (last !== undefined) gaps.push(now - last);
      last = now;
      if (gaps.length >= ${frames}) return resolve(gaps);
      count += 1;
      ${each}
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`);
  const after = await costOf(debug);
  return { gapsMs, mainMs: ((after.taskSeconds - before.taskSeconds) * 1000) / frames };
}

export async function scrollFrames(
  browser: Browser,
  url: string,
  { step, frames, rows }: { step: number; frames: number; rows: number },
) {
  const { page, debug } = await open(browser);
  await page.goto(`${url}/tasks`);
  await page.locator(".data-table tbody tr").first().waitFor();
  await page.evaluate(`new Promise((resolve) => {
    const scroller = document.querySelector(".data-table-scroll");
    const go = () => {
      if (document.querySelector(".data-table table").ariaRowCount > ${rows}) return resolve();
      scroller.scrollTop = scroller.scrollHeight;
      setTimeout(go, 10);
    };
    go();
  })`);
  const taken = await framesOf({
    page,
    debug,
    frames,
    begin: `const scroller = document.querySelector(".data-table-scroll");
      scroller.scrollTop = 0;
      let down = 1;`,
    each: `const end = scroller.scrollHeight - scroller.clientHeight;
      if (scroller.scrollTop + ${step} > end) down = -1;
      if (scroller.scrollTop - ${step} < 0) down = 1;
      scroller.scrollTop += down * ${step};`,
  });
  await page.context().close();
  return taken;
}

const DRAG = `fire("pointermove", 600 + 200 * Math.sin(count / 12), 300 + 90 * Math.cos(count / 12));`;

const GESTURES = {
  "pan, all in view": { begin: `fire("pointerdown", 600, 300);`, each: DRAG },
  zoom: { begin: "", each: `fire("wheel", 600, 300, { deltaY: count % 60 < 30 ? -30 : 30 });` },
  "pan, near": {
    begin: `for (let turn = 0; turn < 7; turn++) fire("wheel", 600, 300, { deltaY: -100 });
      fire("pointerdown", 600, 300);`,
    each: DRAG,
  },
} as const;

export async function graphFrames(
  browser: Browser,
  url: string,
  given: { workflowId: string; gesture: keyof typeof GESTURES; frames: number },
) {
  const { page, debug } = await open(browser);
  await page.goto(`${url}/workflows/${given.workflowId}`);
  await page.locator(".graph canvas").first().waitFor();
  await page.waitForTimeout(LAYOUT_MS);
  const { begin, each } = GESTURES[given.gesture];
  const taken = await framesOf({
    page,
    debug,
    frames: given.frames,
    begin: `const canvas = document.querySelector(".graph canvas");
      const { x: left, y: top } = canvas.getBoundingClientRect();
      // Events that no device made cannot be captured.
      canvas.setPointerCapture = () => {};
      const fire = (type, x, y, more) => {
        const Kind = type === "wheel" ? WheelEvent : PointerEvent;
        const at = { clientX: left + x, clientY: top + y, pointerId: 1, buttons: 1 };
        canvas.dispatchEvent(new Kind(type, { bubbles: true, cancelable: true, ...at, ...more }));
      };
      ${begin}`,
    each,
  });
  await page.context().close();
  return taken;
}

interface Engine {
  readonly client: AbsurdClient;
  readonly task: TaskDefinition<{ group: number }, null>;
  readonly connectionString: string;
  readonly events: number;
}

/** Tasks are spawned and done while the list is open: each is about three events. */
export async function measureMemory(browser: Browser, url: string, engine: Engine): Promise<void> {
  const { client, task, connectionString, events } = engine;
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
    connectionString,
    tasks: [task],
    concurrency: 50,
    name: "bench",
  });
  const heaps: number[] = [];
  try {
    for (let round = 1; round <= MEMORY_ROUNDS; round += 1) {
      while ((await page.evaluate<number>("window.heard")) < (events * round) / MEMORY_ROUNDS) {
        await client.spawnMany(
          Array.from({ length: 500 }, (_, group) => ({ task, params: { group } })),
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
