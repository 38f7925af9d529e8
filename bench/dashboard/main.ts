/**
 * What the dashboard costs a browser:
 * `npm run -s bench:dashboard [-- --rows 100000 --events 100000 --against folder]`.
 * A real server and Chromium; prints time to the first page, frames while 10^5 rows scroll and
 * while a graph of 2,000 nodes is moved and zoomed, and the page's memory while live events come.
 *
 * Gaps between frames are of this machine and what else runs on it; CPU time of the page's main
 * thread a frame is of the page alone. `--against` names another build of the pages (a copy of
 * packages/dashboard/build): both are measured in turns, and the ratio of the two is of the change.
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
  workflow,
} from "@contimg/absurd";
import { startServer } from "@contimg/api";
import { BUILD_FOLDER, ensureBuilt } from "@contimg/dashboard";
import pg from "pg";
import { chromium } from "playwright-core";
import { z } from "zod";

import { firstPage, graphFrames, measureMemory, scrollFrames } from "./measures.ts";
import { say, sayPaired } from "./say.ts";

const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    events: { type: "string", default: "100000" },
    opens: { type: "string", default: "7" },
    frames: { type: "string", default: "600" },
    rounds: { type: "string", default: "3" },
    against: { type: "string" },
  },
});

const FIRST_PAGE_MS_MAX = 1_500;
const FRAME_MS_MAX = 17;
const SPAWN_BATCH = 10_000;
const LAYERS = 50;
const TILES = 40;

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
  const folders = [BUILD_FOLDER, ...(flags.against === undefined ? [] : [flags.against])];
  const servers = await Promise.all(
    folders.map((dashboardFolder) =>
      startServer({ connectionString: postgres.url, port: 0, dashboardFolder }),
    ),
  );
  const urls = servers.map((server) => server.url);
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    await fill(client, Number(flags.rows));
    const workflowId = await spawnSurvey(client);
    const frames = Number(flags.frames);
    const rounds = Number(flags.rounds);
    const opens = await inTurns(urls, Number(flags.opens), (url) => firstPage(browser, url));
    say(
      "first page, until it answers a key",
      opens[0]!.map((each) => each.wallMs),
      FIRST_PAGE_MS_MAX,
    );
    sayPaired("  of which the main thread was busy", opens, (each) => each.busyMs);
    // 3, 40 and 400 rows a frame: reading, looking for something, dragging the bar.
    for (const step of [100, 1_360, 13_600]) {
      const what = { step, frames, rows: Number(flags.rows) };
      const taken = await inTurns(urls, rounds, (url) => scrollFrames(browser, url, what));
      sayFrames(`rows at ${step} px a frame`, taken);
    }
    for (const gesture of ["pan, all in view", "zoom", "pan, near"] as const) {
      const what = { workflowId, gesture, frames };
      const taken = await inTurns(urls, rounds, (url) => graphFrames(browser, url, what));
      sayFrames(`graph of ${LAYERS * TILES} nodes, ${gesture}`, taken);
    }
    await measureMemory(browser, urls[0]!, {
      client,
      task: noop,
      connectionString: postgres.url,
      events: Number(flags.events),
    });
  } finally {
    await browser.close();
    await Promise.all(servers.map((server) => server.close()));
    await client.close();
    await pool.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** So that what else the machine does meets all alike. @returns by url, then by round */
async function inTurns<Taken>(
  urls: readonly string[],
  rounds: number,
  take: (url: string) => Promise<Taken>,
): Promise<readonly Taken[][]> {
  const taken = urls.map((): Taken[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, url] of urls.entries()) taken[index]!.push(await take(url));
  }
  return taken;
}

type Frames = Awaited<ReturnType<typeof scrollFrames>>;

function sayFrames(what: string, taken: readonly Frames[][]): void {
  say(
    `${what}: gaps`,
    taken[0]!.flatMap((each) => each.gapsMs),
    FRAME_MS_MAX,
  );
  sayPaired("  main thread a frame", taken, (each) => each.mainMs, FRAME_MS_MAX);
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

/** Layers of tiles, each of which waits for two of the layer before. No worker runs them yet. */
async function spawnSurvey(client: AbsurdClient): Promise<string> {
  const built = workflow("survey");
  for (let layer = 0; layer < LAYERS; layer += 1) {
    for (let tile = 0; tile < TILES; tile += 1) {
      const above = [tile, (tile + layer + 1) % TILES].map((each) => `tile-${layer - 1}-${each}`);
      built.task(
        `tile-${layer}-${tile}`,
        noop,
        { group: tile },
        {
          dependsOn: layer === 0 ? [] : [...new Set(above)],
        },
      );
    }
  }
  return (await client.workflows.spawn(built)).workflowId;
}
