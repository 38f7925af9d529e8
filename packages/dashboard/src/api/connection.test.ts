import assert from "node:assert/strict";
import { describe, test } from "vitest";

import { Connection, type Finding } from "./connection.ts";

describe("a connection", () => {
  test("without an answer is away, since then, until the probe is answered", async () => {
    const { connection, answers, tick, waits } = setUp();
    connection.report("fine");
    assert.deepEqual(connection.getState(), { kind: "online" });

    connection.report("api");

    const state = connection.getState();
    assert.ok(state.kind === "away");
    assert.equal(state.what, "api");
    assert.equal(state.since.getTime(), 0);
    assert.equal(state.nextTryAt?.getTime(), 1_000);
    answers.push("api", "database", "fine");
    await tick();
    await tick();
    const later = connection.getState();
    assert.ok(later.kind === "away");
    assert.equal(later.what, "database", "the probe knows better what is away");
    assert.equal(later.since.getTime(), 0, "away since the first");
    await tick();
    assert.deepEqual(connection.getState(), { kind: "online" });
    assert.deepEqual(waits, [1_000, 2_000, 4_000]);
  });

  test("asks again after thirty seconds at most, and sooner when it is told to", async () => {
    const { connection, answers, tick, waits } = setUp();
    connection.report("disabled");
    for (let tries = 0; tries < 8; tries += 1) {
      answers.push("disabled");
      await tick();
    }
    assert.deepEqual(waits.slice(-3), [30_000, 30_000, 30_000]);

    answers.push("fine");
    connection.tryNow();
    await settled();

    assert.deepEqual(connection.getState(), { kind: "online" });
  });

  test("is not ended by a late answer from before the outage", () => {
    const { connection } = setUp();
    connection.report("api");
    connection.report("fine");
    assert.equal(connection.getState().kind, "away");
  });
});

function setUp() {
  const answers: Finding[] = [];
  const waits: number[] = [];
  let next: (() => void) | undefined;
  const connection = new Connection({
    probe: () => Promise.resolve(answers.shift() ?? "api"),
    now: () => new Date(0),
    schedule: (run, ms) => {
      waits.push(ms);
      next = run;
      return () => {
        next = undefined;
      };
    },
  });
  const tick = async () => {
    next?.();
    await settled();
  };
  return { connection, answers, tick, waits };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}
