/** The checker on limits, conditions and instants: what is allowed passes, each lie is found. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import {
  type Told,
  change,
  fire,
  honest,
  lease,
  meet,
  outcome,
  require,
  requirement,
  testLies,
} from "./checker.fixture.ts";
import { violations } from "./checker.ts";

describe("an honest history passes", () => {
  const truths: readonly (readonly [what: string, tell: (told: Told) => void])[] = [
    ["with a zombie that holds nothing", () => undefined],
    [
      "with a lock that is shared",
      (told) => {
        meet(told, { locks: [{ name: "set", mode: "shared" }] });
      },
    ],
    [
      "with a requirement that one of two meets",
      (told) => {
        const { anyOf } = requirement("left", "failure");
        const other = { on: "left", when: { fluxAbove: 0.5 } } as const;
        require(told, { anyOf: [...anyOf, other], otherwise: "cancel" });
      },
    ],
    [
      "with a requirement that need not be met",
      (told) => {
        require(told, { ...requirement("left", "failure"), otherwise: "continue" });
      },
    ],
  ];
  for (const [what, tell] of truths) {
    test(what, () => {
      const told = honest();
      tell(told);
      assert.deepEqual(violations(told.events, told.final), []);
    });
  }
});

describe("a history is refused", () => {
  testLies([
    [
      "with an instant whose task is lost",
      (told) => {
        told.final.fires = [fire("12:00:00", "spawned", 0)];
      },
      /the instant 2026-03-01T12:00:00Z of pulse is spawned and has 0 tasks/,
    ],
    [
      "with a task of an instant that was skipped",
      (told) => {
        told.final.fires = [fire("12:00:00", "skipped", 1)];
      },
      /is skipped and has 1 tasks/,
    ],
    [
      "with an instant that was left out",
      (told) => {
        told.final.fires = [fire("12:00:00", "spawned", 1), fire("12:00:02", "spawned", 1)];
      },
      /the instant 2026-03-01T12:00:02Z of pulse comes 2000 ms after the one before it/,
    ],
    [
      "with a key held by more than its limit",
      (told) => {
        meet(told, { concurrency: [{ key: "dish", limit: 1 }] });
      },
      /key dish of 1 was held by left\/2, right\/1/,
    ],
    [
      "with a lock held alone by one of two",
      (told) => {
        meet(told, { locks: [{ name: "set" }] });
      },
      /lock set was held by left\/2, right\/1/,
    ],
    [
      "with two tasks at once of a schedule that runs one after the other",
      (told) => {
        meet(told, {});
        const isSerial = true;
        told.final.fires = [{ ...fire("12:00:00", "spawned", 2), isSerial }];
        told.events = told.events.filter((event) => event.kind !== "asked");
        change(told, "left", { token: "pulse@12:00:00" });
        change(told, "right", { token: "pulse@12:00:01" });
      },
      /key schedule pulse of 1 was held by left\/2, right\/1/,
    ],
    [
      "with more starts than a rate allows",
      (told) => {
        lease(told, "right", { claimedAt: 190 });
      },
      /rate archive of 1: 2 starts within 85 ms/,
    ],
    [
      "with a worker that took more than it has",
      (told) => {
        meet(told, { resources: { cpu: 3 } });
      },
      /worker w had 6 of 4 cpu/,
    ],
    [
      "with a handler that ran before its claim",
      (told) => {
        lease(told, "join", { claimedAt: 310 });
      },
      /claim join\/1 ran without a lease/,
    ],
    [
      "with a child that began before its parent was over",
      (told) => {
        lease(told, "right", { endedAt: 310 });
      },
      /task join began before right was over/,
    ],
    [
      "with a child that ran although its condition is not met",
      (told) => {
        require(told, requirement("left", "failure"));
      },
      /task join \(join\) ended as c with a requirement that is not met/,
    ],
    [
      "with a child that ran although its parent's result does not match",
      (told) => {
        require(told, requirement("right", { fluxAbove: 0.5 }));
      },
      /task join \(join\) ended as c with a requirement that is not met/,
    ],
    [
      "with a child that was cancelled instead of skipped",
      (told) => {
        require(told, { ...requirement("left", "failure"), otherwise: "skip" });
        change(told, "join", outcome("x", { tag: "DependencyFailed" }));
      },
      /task join \(join\) was cut off as DependencyFailed, not Skipped/,
    ],
  ]);
});
