/**
 * The pictures of docs/images/dashboard, light and dark, wide and narrow, of a live system:
 * `npm run -s pictures [-- --out folder] [page …]`. For looking at; no test compares them. Pages
 * that a test brings to where they are worth seeing are pictured by it, when PICTURES is docs.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { migrate, startEmbeddedPostgres, workflow } from "@contimg/absurd";
import { ensureBuilt } from "@contimg/dashboard";
import { until } from "@contimg/testkit";
import pg from "pg";

import { type Bed, convert, hold, imaging, letGo, startBed } from "./dashboard-bed.ts";
import { isFull, launch, looksOf, openPage } from "./dashboard-browser.ts";

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: join(import.meta.dirname, "../../docs/images/dashboard") },
  },
});

const SUMS_MS_MAX = 180_000;
const GROUPS = ["2026-01-25T08:08:54", "2026-01-25T08:14:03", "2026-01-25T08:19:12"];

/** By the picture's name; :failed stands for the id of a task that failed. */
const PAGES: Readonly<Record<string, string>> = {
  tasks: "/tasks",
  task: "/tasks/:failed",
  spawn: "/spawn?name=convert-uvh5-to-ms",
  queues: "/queues",
  queue: "/queues/default",
  workers: "/workers",
  schedules: "/schedules",
  schedule: "/schedules/nightly-conversion",
  templates: "/templates",
  template: "/templates/convert-and-image?tab=edit",
  settings: "/settings",
  // Last: its sums are made once a minute.
  overview: "/",
};

const GROUP = { group_id: GROUPS[0]!, priority_band: "low", antenna_count: 96 } as const;

const TEMPLATE = {
  name: "convert-and-image",
  params: [{ name: "group", type: "string" }],
  nodes: [
    { node: "convert", task_name: convert.name, params: { group_id: { $param: "group" } } },
    {
      node: "image",
      task_name: imaging.name,
      params: { group_id: { $param: "group" } },
      depends_on: ["convert"],
    },
  ],
};

await main();

async function main(): Promise<void> {
  await ensureBuilt();
  const folder = await mkdtemp(join(tmpdir(), "absurd-pictures-"));
  const postgres = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
  let bed: Bed | undefined;
  try {
    await migrate(pool);
    bed = await startBed(postgres.url, pool);
    await takePicture(bed.server.url, "first-steps", "/");
    const failed = await fill(bed);
    for (const [name, path] of Object.entries(PAGES)) {
      await takePicture(bed.server.url, name, path.replace(":failed", failed));
    }
  } finally {
    letGo("solve");
    await bed?.close();
    await pool.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Tasks of all fates. @returns the id of one that failed */
async function fill({ client, server }: Bed): Promise<string> {
  let failed = "";
  for (const group of GROUPS) {
    const params = { group_id: group, priority_band: "low", antenna_count: 96 } as const;
    await client.spawn(convert, params);
    failed = (await client.spawn(imaging, { group_id: group, cell_arcsec: 2.4 })).taskId;
  }
  await client.spawn(hold, { word: "solve" });
  for (const word of ["a", "b"]) {
    await client.spawn(hold, { word }, { delaySeconds: 3600, tags: ["later"] });
  }
  await client.schedules.create({
    name: "nightly-conversion",
    spec: { cron: "0 3 * * *", timeZone: "UTC" },
    spawn: { task: convert, params: GROUP },
  });
  await client.schedules.create({
    name: "calibrator-transit",
    spec: { cron: "30 */6 * * *", timeZone: "UTC" },
    spawn: { task: convert, params: GROUP },
  });
  await client.workflows.spawn(workflow("night").task("convert", convert, GROUP));
  const stored = await fetch(`${server.url}/absurd/templates`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(TEMPLATE),
  });
  if (!stored.ok) throw new Error(`the template is not stored: ${await stored.text()}`);
  await until(async () => (await client.stats())[0]?.failed === GROUPS.length, {
    what: "every image has failed",
  });
  return failed;
}

async function takePicture(url: string, name: string, path: string): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  const browser = await launch();
  try {
    const { page } = await openPage(browser);
    await page.goto(`${url}${path}`);
    await isFull(page);
    if (name === "overview") {
      const summed = page.getByText(`${GROUPS.length} tasks failed in all`);
      await summed.waitFor({ timeout: SUMS_MS_MAX });
    }
    for await (const look of looksOf(page, true)) {
      await page.screenshot({ path: join(flags.out, `${name}-${look}.png`) });
    }
    console.log(name);
  } finally {
    await browser.close();
  }
}
