import assert from "node:assert/strict";

import type { AbsurdClient } from "@contimg/absurd";
import { describe, test } from "vitest";

import { metricsHistoryReader } from "./metrics-history.ts";

/** An engine in which nothing ended, and how often it was asked. */
function emptyEngine() {
  const asked: object[] = [];
  const history: Pick<AbsurdClient["history"], "stats"> = {
    stats: (range) => {
      asked.push(range);
      return Promise.resolve([]);
    },
  };
  return { client: { history }, asked };
}

describe("steps of a range", () => {
  test("are read once for all who ask for the same", async () => {
    const { client, asked } = emptyEngine();
    const read = metricsHistoryReader(client);

    const [one, other] = await Promise.all([
      read({ hours: 24, resolution: "5m" }),
      read({ hours: 24, resolution: "5m" }),
      read({ hours: 24, resolution: "5m", queue: "night" }),
    ]);

    assert.equal(asked.length, 2);
    assert.equal(one, other);
    assert.equal(one.length, 24 * 12 + 1);
  });

  test("of ranges that were asked for long ago are forgotten", async () => {
    const { client, asked } = emptyEngine();
    const read = metricsHistoryReader(client);

    for (let hours = 1; hours <= 40; hours++) await read({ hours, resolution: "1h" });
    await read({ hours: 40, resolution: "1h" });
    assert.equal(asked.length, 40);

    await read({ hours: 1, resolution: "1h" });
    assert.equal(asked.length, 41);
  });
});
