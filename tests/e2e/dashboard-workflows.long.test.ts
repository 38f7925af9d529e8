/** An operator at the workflows of a live system: graph, timeline, nodes, runs, rerun, cancel. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { workflow, type WorkflowBuilder } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";
import type { Page } from "playwright-core";
import { describe, test } from "vitest";

import { convert, hold, imaging, letGo } from "./dashboard-bed.ts";
import { CHROMIUM, NARROW, picture, WIDE } from "./dashboard-browser.ts";
import { openDesk } from "./dashboard-desk.ts";

const database = freshDatabase();

const GROUP = { group_id: "2026-01-25T08:08:54", priority_band: "low", antenna_count: 96 } as const;

/** Four images, of which one has no calibration; the mosaic needs all, the report none. */
function night(): WorkflowBuilder {
  const built = workflow("night").task("convert", convert, GROUP);
  for (const tile of [0, 1, 2, 3]) {
    const params = { group_id: GROUP.group_id, cell_arcsec: tile === 2 ? 2.4 : 4 };
    built.task(`image-${tile}`, imaging, params, { dependsOn: ["convert"], maxRetries: 0 });
  }
  const images = [0, 1, 2, 3].map((tile) => `image-${tile}`);
  return built
    .task("mosaic", convert, GROUP, { dependsOn: images })
    .task("report", convert, GROUP, { dependsOn: [{ on: "mosaic", when: "always" }] });
}

function held(word: string): WorkflowBuilder {
  return workflow("held")
    .task("solve", hold, { word })
    .task("apply", convert, GROUP, { dependsOn: ["solve"] });
}

const LAYERS = 50;
const TILES = 40;

function survey(): WorkflowBuilder {
  const built = workflow("survey").task("solve", hold, { word: "survey" });
  for (let layer = 0; layer < LAYERS; layer++) {
    for (let tile = 0; tile < TILES; tile++) {
      const above = [tile, (tile + layer + 1) % TILES].map((each) => `tile-${layer - 1}-${each}`);
      built.task(`tile-${layer}-${tile}`, convert, GROUP, {
        dependsOn: layer === 0 ? ["solve"] : [...new Set(above)],
      });
    }
  }
  return built;
}

describe.skipIf(!existsSync(CHROMIUM))("an operator at the workflows", () => {
  let failed: string;
  let surveyId: string;
  const desk = openDesk(database, {
    async prepare(bed) {
      for (let run = 0; run < 3; run++) {
        failed = (await bed.client.workflows.spawn(night())).workflowId;
        await ended(failed);
      }
      surveyId = (await bed.client.workflows.spawn(survey())).workflowId;
    },
    async end(bed) {
      letGo("survey");
      await bed.client.workflows.cancel(surveyId);
    },
  });
  const { at } = desk;

  const ended = (id: string) =>
    until(async () => (await desk.bed.client.workflows.show(id)).counts.open === 0, {
      what: `workflow ${id} has ended`,
    });

  const pictures = async (page: Page, name: string) => {
    await picture(page, `${name}-light-wide`);
  };

  test("finds the failed run by name and status, and opens it", async () => {
    const { page, isClean } = await at("/workflows");
    await page.getByRole("combobox", { name: /by their name/ }).fill("night");
    await page.getByRole("combobox", { name: /by their name/ }).press("Enter");
    await page.getByLabel("Status").selectOption("failed");
    await page.getByText("3 workflows").waitFor();
    assert.match(page.url(), /name=night&status=failed/);
    await page.getByRole("img", { name: "5 completed, 1 failed, 1 cancelled" }).first().waitFor();
    await isClean();
    await pictures(page, "workflows");
    await page.getByRole("link", { name: "night", exact: true }).first().click();
    await page.getByRole("heading", { level: 1, name: /night/ }).waitFor();
  });

  test("sees in the graph what failed and why, and goes to its task", async () => {
    const { page, isClean } = await at(`/workflows/${failed}`);
    await page.locator(".react-flow__node", { hasText: "image-2" }).click();
    const panel = page.getByRole("complementary", { name: "Node image-2" });
    await panel.getByText("Failed").waitFor();
    await page.waitForURL(/node=image-2/);
    await isClean();
    await pictures(page, "workflow-graph");
    await panel.getByRole("link", { name: "Open the task" }).click();
    await page.waitForURL(/\/tasks\//);
  });

  test("sees the critical path, zooms, and comes back to all", async () => {
    const { page, isClean } = await at(`/workflows/${failed}?tab=timeline`);
    await page.locator(".timeline-bar.is-critical").first().waitFor();
    const axis = () => page.locator(".timeline-axis").innerText();
    const all = page.getByRole("button", { name: "All", exact: true });
    const before = await axis();
    await page.getByRole("button", { name: "Zoom in" }).click();
    await until(async () => (await axis()) !== before, { what: "the axis is another" });
    await all.click();
    await until(async () => (await axis()) === before, { what: "all is seen again" });
    assert.ok(await all.isDisabled());
    await isClean();
    await pictures(page, "workflow-timeline");
  });

  test("sees in the runs which node fails each time", async () => {
    const { page, isClean } = await at(`/workflows/${failed}?tab=runs`);
    await page.getByText("The last 3 runs of night").waitFor();
    await page.getByRole("rowheader", { name: "image-2 3" }).waitFor();
    assert.equal(await page.getByRole("link", { name: /^image-2: Failed/ }).count(), 3);
    await isClean();
    await pictures(page, "workflow-runs");
  });

  test("reruns only what failed, and good results stay", async () => {
    const { page } = await at(`/workflows/${failed}?tab=nodes`);
    await page.getByRole("button", { name: "Rerun failed only" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/Reason/).fill("the calibration is there now");
    await dialog.getByRole("button", { name: "Rerun failed" }).click();
    await page.getByText(/nodes? run again/).waitFor();
    await ended(failed);
    const { nodes } = await desk.bed.client.workflows.show(failed);
    const attempts = new Map(nodes.map((node) => [node.node, node.attempt]));
    assert.equal(attempts.get("image-1"), 1);
    const image = nodes.find((node) => node.node === "image-2")!;
    assert.equal((await desk.bed.client.outcomes(image.taskId)).length, 2);
  });

  test("follows what runs, cancels it, and sees it end", async () => {
    const { workflowId } = await desk.bed.client.workflows.spawn(held("follow"));
    const { page } = await at(`/workflows/${workflowId}`);
    await page.getByLabel("Follow what runs").check();
    await page.waitForURL(/follow=on/);
    await page.locator(".graph-node.tone-claimed", { hasText: "solve" }).waitFor();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the workflow" }).click();
    await page.locator("h1").getByText("Cancelled").waitFor();
  });

  test("has 2,000 nodes under her hand: searches, selects, pans", async () => {
    const { page, isClean } = await at(`/workflows/${surveyId}`);
    const canvas = page.getByRole("img", { name: /^2,001 nodes/ });
    await canvas.waitFor();
    await pictures(page, "workflow-2000-nodes");
    const find = page.getByRole("combobox", { name: "Find nodes" });
    await find.fill("tile-49-39");
    await find.press("Enter");
    await page.getByText("1 node found").waitFor();
    const box = (await canvas.boundingBox())!;
    // The node that was found is in the middle.
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.getByRole("complementary", { name: "Node tile-49-39" }).waitFor();
    await isClean();
  });

  test("has the same at the width of a phone, and in the dark", async () => {
    for (const [name, path] of [
      ["workflows", "/workflows"],
      ["workflow-graph", `/workflows/${failed}`],
      ["workflow-timeline", `/workflows/${failed}?tab=timeline`],
      ["workflow-runs", `/workflows/${failed}?tab=runs`],
    ] as const) {
      const { page, isClean } = await at(path, { size: NARROW, scheme: "dark" });
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".data-table, .graph, .timeline, .run-grid").waitFor();
      await isClean();
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(width <= NARROW.width, `${name} is ${width} pixels wide`);
      await picture(page, `${name}-dark-narrow`);
      const wide = await at(path, { size: WIDE, scheme: "dark" });
      await wide.page.locator(".data-table, .graph, .timeline, .run-grid").waitFor();
      await wide.isClean();
      await picture(wide.page, `${name}-dark-wide`);
    }
  }, 120_000);
});
