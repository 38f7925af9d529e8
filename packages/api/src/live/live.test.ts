import assert from "node:assert/strict";

import type { LiveEvent } from "@contimg/contract";
import { until } from "@contimg/testkit";
import { describe, onTestFinished, test } from "vitest";

import { ChangeLog } from "../testing/change-log.ts";
import { type Batch, LiveFeed } from "./feed.ts";
import { interestedIn, Outlet } from "./outlet.ts";

function feedOf(log: ChangeLog): LiveFeed {
  const feed = new LiveFeed({
    openSource: log.open,
    sidelines: [],
    log: { warn: () => undefined },
    pollMs: 10,
  });
  onTestFinished(() => feed.close());
  return feed;
}

function client() {
  const batches: Batch[] = [];
  return {
    batches,
    take: (batch: Batch) => void batches.push(batch),
    tasks: () =>
      batches.flatMap(({ events }) =>
        events.map((event) =>
          event.type === "task_update" ? event.task_id.slice(-1) : event.type,
        ),
      ),
    cursor: () => batches.findLast(({ cursor }) => cursor !== null)?.cursor ?? undefined,
  };
}

const atOnce = async () => undefined;

describe("a feed", () => {
  test("reads only while somebody listens, once for all", async () => {
    const log = new ChangeLog();
    const feed = feedOf(log);
    log.add("1");
    assert.deepEqual(log.opened, []);
    const [one, other] = [client(), client()];

    const leaveOne = await feed.join(one.take, undefined, atOnce);
    const leaveOther = await feed.join(other.take, undefined, atOnce);
    log.add("2");
    await until(() => one.tasks().length > 0 && other.tasks().length > 0, { what: "both hear" });
    leaveOne();
    leaveOther();

    assert.deepEqual(one.tasks(), ["2"]);
    assert.deepEqual(other.tasks(), ["2"]);
    assert.equal(log.opened.length, 1);
  });

  test("lets who comes back go on without loss, from what is kept and the source", async () => {
    const log = new ChangeLog();
    const feed = feedOf(log);
    const [stays, goes] = [client(), client()];
    await feed.join(stays.take, undefined, atOnce);
    const leave = await feed.join(goes.take, undefined, atOnce);
    log.add("1");
    await until(() => goes.tasks().length === 1, { what: "the first" });
    leave();
    for (const task of ["2", "3", "4", "5", "6"]) log.add(task);
    await until(() => stays.tasks().length === 6, { what: "all of it" });

    const kept = client();
    await feed.join(kept.take, goes.cursor(), atOnce);
    // Another process: nothing is kept there.
    const elsewhere = client();
    await feedOf(log).join(elsewhere.take, goes.cursor(), atOnce);

    assert.deepEqual(kept.tasks(), ["2", "3", "4", "5", "6"]);
    assert.deepEqual(elsewhere.tasks(), ["2", "3", "4", "5", "6"]);
    assert.deepEqual(log.opened, [undefined, undefined, "1"]);
  });

  test("says gap to a cursor that is none", async () => {
    const log = new ChangeLog();
    const taken = client();

    await feedOf(log).join(taken.take, "nonsense", atOnce);

    assert.deepEqual(taken.tasks(), ["gap"]);
  });

  test("goes on when the database is back", async () => {
    const log = new ChangeLog();
    const feed = feedOf(log);
    const taken = client();
    await feed.join(taken.take, undefined, atOnce);

    log.failures = 1;
    log.add("1");
    await until(() => taken.tasks().length === 1, { what: "the change after the outage" });

    assert.deepEqual(taken.tasks(), ["1"]);
  });
});

describe("an outlet", () => {
  const event = (task: string): LiveEvent => ({
    type: "progress",
    task_id: task,
    progress: { fraction: 0, note: "" },
    at: "2026-01-01T00:00:00Z",
  });

  test("skips for a client that does not read, and tells it of the gap when it does", () => {
    const sent: string[] = [];
    const pipe = {
      waitingBytes: 0,
      send: (events: readonly LiveEvent[], cursor: string | null) => {
        sent.push(`${events.map(({ type }) => type).join()}@${cursor}`);
      },
    };
    const outlet = new Outlet(pipe, () => true);

    outlet.take({ cursor: "1", events: [event("a")] });
    pipe.waitingBytes = 2 ** 21;
    outlet.take({ cursor: "2", events: [event("b")] });
    pipe.waitingBytes = 0;
    outlet.resume();
    outlet.take({ cursor: "3", events: [event("c")] });

    assert.deepEqual(sent, ["progress@1", "gap@2", "progress@3"]);
  });

  test("passes what is asked for", () => {
    const wants = interestedIn({ queueName: "a" });
    const update = (queue: string): LiveEvent => ({
      type: "task_update",
      task_id: "x",
      queue_name: queue,
      task_name: "t",
      status: "failed",
      attempt: 1,
      workflow_id: null,
      worker_id: null,
      error: null,
      at: "",
    });

    assert.equal(wants(update("a")), true);
    assert.equal(wants(update("b")), false);
  });
});
