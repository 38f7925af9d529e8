/** The everyday jobs in the dashboard: an operator in Chromium who follows the page's words. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { ensureBuilt } from "@contimg/dashboard";
import { freshDatabase } from "@contimg/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";

import { CHROMIUM, launch, openPage } from "./dashboard-browser.ts";
import { OperatorBed } from "./operator/bed.ts";
import { Operator } from "./operator/operator.ts";
import { readJobs } from "./operator/page.ts";
import { type Scene, SCENES } from "./operator/scenes.ts";

interface Desk {
  readonly scene: Scene;
  readonly bed: OperatorBed;
  /** Ends the API, and starts it again where it was. */
  readonly loseApi: (meanwhile: () => Promise<void>) => Promise<void>;
}

type DoJob = (operator: Operator, desk: Desk) => Promise<void>;

const DAY = 16;

const DOINGS: Readonly<Record<string, DoJob>> = {
  "Rerun what failed last night": async (operator, { scene }) => {
    const all = "status:failed name:imaging ended>-12h";
    await operator.goTo("Tasks");
    await operator.filter("Filter tasks", all);
    await operator.page.getByText("4 tasks, all").waitFor();
    await operator.page
      .getByRole("link", { name: /imaging/ })
      .last()
      .click();
    await operator.page.getByText("CalibrationMissing").first().waitFor();
    await scene.meanwhile!();
    await operator.page.goBack();
    await operator.filter("Filter tasks", `${all} error:CalibrationMissing`);
    await operator.page.getByText("3 tasks, all").waitFor();
    await operator.press("All that fit");
    await operator.press("Retry…");
    await operator.fill("Reason", "the table is there");
    await operator.confirm("Retry 3");
    await operator.page.getByText(/3 of 3 tasks given a new start/).waitFor();
  },

  "Cancel what a bad calibrator made": async (operator) => {
    await operator.goTo("Tasks");
    await operator.filter("Filter tasks", "param.calibrator:3C286");
    await operator.page.getByText("5 tasks, all").waitFor();
    await operator.press("All that fit");
    await operator.press("Cancel…");
    await operator.page.getByText("4 tasks would be cancelled.").waitFor();
    await operator.fill("Reason", "3C286 was flagged");
    await operator.confirm("Cancel 4");
    await operator.sees("Undo");
    await operator.page.getByText(/4 of 4 tasks cancelled/).waitFor();
  },

  "Free a task from a stuck worker": async (operator) => {
    await operator.goTo("Workers");
    await operator.choose("State", "in trouble");
    await operator.page.getByText(/solve runs for 2 h/).waitFor();
    await operator.press("Actions of worker");
    await operator.press("Stop");
    await operator.fill("Grace in seconds", "0");
    await operator.confirm("Stop");
  },

  "Relieve a queue": async (operator) => {
    await operator.goTo("Queues");
    await operator.open("night");
    for (const figure of ["Ready", "Running", "Throughput", "Drains in"]) {
      await operator.sees(figure);
    }
    await operator.press("Edit");
    await operator.fill("Running at once", "8");
    await operator.confirm("Save");
  },

  "Pause for maintenance": async (operator, { scene, loseApi }) => {
    await operator.goTo("Queues");
    await operator.open("night");
    await operator.press("Pause");
    await operator.fill("Reason", "disk offline at ten");
    await operator.confirm("Pause");
    await loseApi(scene.meanwhile!);
    await operator.sees("Running");
    await operator.page.getByText("Paused").first().waitFor();
    await operator.press("Resume");
    await operator.confirm("Resume");
  },

  "Take a worker out": async (operator, { scene }) => {
    await operator.goTo("Workers");
    await operator.press("Actions of worker");
    await operator.press("Drain");
    await operator.confirm("Drain");
    await operator.page.getByRole("listitem").getByText("Draining").waitFor();
    await scene.meanwhile!();
    const card = operator.page.getByRole("listitem").filter({
      has: operator.page.getByRole("heading", { name: scene.values["NAME"]! }),
    });
    await card.getByText("Runs nothing now").waitFor();
    await operator.sees("Runs nothing now");
    await operator.press("Actions of worker", card);
    await operator.press("Stop");
    await operator.confirm("Stop");
  },

  "Replay dead letters": async (operator) => {
    await operator.goTo("Dead letters");
    await operator.filter("Filter dead letters", "error:DiskFull");
    await operator.press("All that fit");
    await operator.press("Replay with other params…");
    await operator.fill("Patch", '{"disk": "/data2"}');
    await operator.page.getByText('disk: "/data2"').waitFor();
    await operator.fill("Reason", "disk 2");
    await operator.confirm("Replay 3");
  },

  "Rerun a part of a workflow": async (operator, { scene, bed }) => {
    await operator.goTo("Workflows");
    await operator.open("night-17");
    await scene.meanwhile!();
    await operator.press("Rerun failed only");
    await operator.confirm("Rerun failed");
    await bed.untilAll("completed", () => true);
    await operator.press("Nodes");
    const row = operator.page.getByRole("row").filter({ hasText: "photometry" });
    await operator.press("Actions of row", row);
    await operator.press("Rerun from here");
    await operator.confirm("Rerun");
  },

  "Backfill a schedule": async (operator, { scene }) => {
    await operator.goTo("Schedules");
    await operator.open("nightly");
    await operator.page.getByText("Missed").first().waitFor();
    await operator.press("Backfill");
    await operator.fill("From", scene.values["FROM"]!.slice(0, DAY));
    await operator.fill("To (included)", scene.values["UNTIL"]!.slice(0, DAY));
    await operator.press("Show what it would fire", operator.page.getByRole("dialog"));
    await operator.confirm("Fire 3 instants");
  },

  "Explain a task": async (operator, { bed }) => {
    await operator.goTo("Tasks");
    await operator.open("imaging");
    await operator.sees("Why it is where it is");
    await operator.page.getByText("No live worker serves queue nihgt.").waitFor();
    await operator.press("Move");
    await operator.fill("Queue", "night");
    await operator.confirm("Move");
    await bed.untilAll("completed", () => true);
    await operator.page.getByRole("heading", { name: /Completed/ }).waitFor();
  },
};

describe.skipIf(!existsSync(CHROMIUM))("in the dashboard", () => {
  let browser: Browser;
  beforeAll(async () => {
    await ensureBuilt();
    browser = await launch();
  }, 300_000);
  afterAll(() => browser.close());

  describe.each(readJobs())("$title", ({ title, dashboard }) => {
    const database = freshDatabase();
    let bed: OperatorBed;
    beforeAll(async () => {
      bed = await OperatorBed.start(database.url, database.pool());
    });
    afterAll(() => bed.close());

    test("is done as the page says", { timeout: 300_000 }, async () => {
      const scene = await SCENES[title]!(bed);
      let api = await bed.serve();
      const { page, complaints } = await openPage(browser);
      const loseApi = async (meanwhile: () => Promise<void>): Promise<void> => {
        const port = Number(new URL(api.url).port);
        api.process.kill("SIGKILL");
        await page.getByText("The API does not answer.").waitFor();
        await meanwhile();
        api = await bed.serve(port);
        await page.getByText("The API does not answer.").waitFor({ state: "detached" });
        // The browser's own words about the connection that was refused.
        complaints.length = 0;
      };
      try {
        await page.goto(`${api.url}/`);
        const operator = new Operator(page, dashboard);
        await DOINGS[title]!(operator, { scene, bed, loseApi });
        await scene.check();
        operator.assertAllUsed();
        assert.deepEqual(complaints, []);
      } finally {
        await page.context().close();
      }
    });
  });
});
