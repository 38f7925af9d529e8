/** What an operator sees while the API is away, and when it is back. */
import { existsSync } from "node:fs";

import { startServer } from "@contimg/api";
import { BUILD_FOLDER, ensureBuilt } from "@contimg/dashboard";
import { freshDatabase } from "@contimg/testkit";
import { describe, test } from "vitest";

import { hold, startBed } from "./dashboard-bed.ts";
import { CHROMIUM, launch, openPage } from "./dashboard-browser.ts";

const database = freshDatabase();

describe.skipIf(!existsSync(CHROMIUM))("while the API is away", () => {
  test("pages keep what they have, say so, and go on by themselves", async () => {
    await ensureBuilt();
    const bed = await startBed(database.url, database.pool());
    const browser = await launch();
    try {
      await bed.client.spawn(hold, { word: "a" }, { delaySeconds: 3600 });
      const { page } = await openPage(browser);
      await page.goto(`${bed.server.url}/tasks`);
      await page.getByText("1 task, all").waitFor();

      await bed.stopServer();
      await page.getByText("The API does not answer.").waitFor();
      await page.getByText("1 task, all").waitFor();
      await bed.client.spawn(hold, { word: "b" }, { delaySeconds: 3600 });
      const again = await startServer({
        connectionString: database.url,
        port: Number(new URL(bed.server.url).port),
        dashboardFolder: BUILD_FOLDER,
      });

      await page.getByText("2 tasks, all").waitFor();
      await page.getByText("The API does not answer.").waitFor({ state: "detached" });
      await again.close();
    } finally {
      await browser.close();
      await bed.close();
    }
  });
});
