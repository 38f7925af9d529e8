import assert from "node:assert/strict";

import { freshDatabase } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { BenchServer } from "./bench-server.ts";
import { Lab } from "./lab.ts";
import { runWork } from "./run-work.ts";
import { WORKS } from "./works/index.ts";

const PIN_SECONDS = 0.1;
/** On a machine that does much else. */
const TIMEOUT_MS = 180_000;

describe("the queue benchmark, at sizes whose figures mean nothing", () => {
  const database = freshDatabase();
  let lab: Lab;

  beforeAll(async () => {
    lab = new Lab(await BenchServer.start(database.url));
  });
  afterAll(() => lab.close());

  for (const work of WORKS) {
    test.concurrent(`measures ${work.key} of ours`, { timeout: TIMEOUT_MS }, async () => {
      const lines = await runWork(lab, work, {
        scale: "tiny",
        rounds: 1,
        peers: [],
        pinSeconds: PIN_SECONDS,
        say: () => undefined,
      });

      assert.equal(lines.length, work.metrics.length);
      for (const line of lines) {
        const isMissing = line.work === "steps5" && line.note !== undefined;
        assert.ok(isMissing || Number.isFinite(line.ours), JSON.stringify(line));
      }
    });
  }
});
