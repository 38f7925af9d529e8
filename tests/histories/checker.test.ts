/** The checker itself: an honest history passes, each kind of lie is found. */
import { describe } from "vitest";

import {
  COUNTS,
  add,
  change,
  effect,
  fire,
  outcome,
  ran,
  task,
  testLies,
} from "./checker.fixture.ts";

describe("a history is refused", () => {
  testLies([
    [
      "that lost an acknowledged task",
      (told) => {
        told.final.tasks = told.final.tasks.filter((each) => each.taskId !== "right");
      },
      /lost: task right was acknowledged/,
    ],
    [
      "that lost an acknowledged effect",
      (told) => {
        told.final.effects = told.final.effects.filter((each) => each.seq !== 4);
      },
      /lost: effect left\/2\/done/,
    ],
    [
      "that lost what was spooled",
      (told) => {
        told.events.push({ kind: "asked", token: "later" }, { kind: "spooled", token: "later" });
      },
      /lost: later was spooled and there is no task for it/,
    ],
    [
      "with an effect of an older claim after one of a newer",
      (told) => {
        add(told, effect(8, "left", 1, "done"));
      },
      /stale: an effect of claim 1 of left was accepted after one of claim 2/,
    ],
    [
      "with an effect that had been refused",
      (told) => {
        add(told, { ...effect(0, "left", 1, "begin"), nonce: "late" });
      },
      /stale: effect late was refused and is there/,
    ],
    [
      "with a double effect",
      (told) => {
        add(told, { ...effect(8, "right", 1, "done"), nonce: "again" });
      },
      /double: task right \(c\) has 2 effects/,
    ],
    [
      "with an effect of a task that did not complete",
      (told) => {
        told.events.push({ kind: "cancel asked", taskId: "join" });
        change(told, "join", outcome("x", { tag: "TaskCancelled" }));
      },
      /double: task join \(x\) has 1 effects/,
    ],
    [
      "with a join that fired twice",
      (told) => {
        add(told, effect(8, "join", 2, "begin"), effect(9, "join", 2, "done"));
      },
      /join join fired 2 times/,
    ],
    [
      "with a join that began too early",
      (told) => {
        add(told, { ...effect(4.5, "join", 1, "begin"), nonce: "early" });
      },
      /join join began before right was done/,
    ],
    [
      "with a join that completed without a parent",
      (told) => {
        change(told, "right", outcome("d", { claim: 3 }));
      },
      /join join completed without right/,
    ],
    [
      "with a claim that ran twice",
      (told) => told.events.push(...ran("right", 1, 210, 250)),
      /claim right\/1 ran 2 times/,
    ],
    [
      "with a task that has not ended",
      (told) => {
        change(told, "join", { outcomes: [], places: ["waiting"] });
      },
      /task join has 0 outcomes/,
    ],
    [
      "with a task in two places",
      (told) => {
        change(told, "join", { places: ["ready"] });
      },
      /task join is still in ready/,
    ],
    [
      "with a task that ended twice",
      (told) => {
        const [end] = task("right", 1).outcomes;
        change(told, "right", { outcomes: [end!, end!] });
      },
      /task right has 2 outcomes/,
    ],
    [
      "with more attempts than there were",
      (told) => {
        change(told, "left", { attemptsMax: 1 });
      },
      /task left had 2 of 1 attempts/,
    ],
    [
      "with a death before its time",
      (told) => {
        change(told, "join", outcome("d", { lastClass: "retryable" }));
      },
      /task join is dead after 1 of 3 attempts/,
    ],
    [
      "with a cancellation that nobody asked for",
      (told) => {
        change(told, "join", outcome("x", { tag: "TaskCancelled" }));
      },
      /task join was cancelled \(TaskCancelled\) and nobody asked/,
    ],
    [
      "with a claim of what had been told to be cancelled",
      (told) => {
        told.events.push({ kind: "cancel asked", taskId: "left" });
        told.events.push({ kind: "cancel told", taskId: "left", at: 90 });
      },
      /claim left\/2 came after its cancellation/,
    ],
    [
      "with a child cancelled for parents that completed",
      (told) => {
        change(told, "join", outcome("x", { tag: "DependencyFailed" }));
      },
      /task join \(join\) was cut off \(DependencyFailed\), and each of its requirements is met/,
    ],
    [
      "with a key of two tasks",
      (told) => {
        change(told, "left", { key: "k" });
        change(told, "right", { key: "k" });
      },
      /key k names 2 tasks/,
    ],
    [
      "with a key that was told to be another task's",
      (told) => {
        change(told, "left", { key: "k" });
        told.events.push({
          ...{ kind: "acknowledged", token: "right", taskId: "right" },
          ...{ created: false, key: "k" },
        });
      },
      /key k names 2 tasks/,
    ],
    [
      "with a task of a transaction that was rolled back",
      (told) => told.events.push({ kind: "withdrawn", token: "right" }),
      /right was withdrawn and there is a task for it/,
    ],
    [
      "with one wish that became two tasks",
      (told) => {
        told.final.tasks = [...told.final.tasks, { ...task("twin", 1), token: "right" }];
      },
      /right was spawned 2 times/,
    ],
    [
      "with a task that nobody asked for",
      (told) => {
        told.final.tasks = [...told.final.tasks, task("stranger", 1)];
      },
      /nobody asked for stranger/,
    ],
    [
      "with an instant that was fired twice",
      (told) => {
        told.final.fires = [fire("12:00:00", "spawned", 2)];
      },
      /the instant 2026-03-01T12:00:00Z of pulse is spawned and has 2 tasks/,
    ],
    [
      "with a lease that is left",
      (told) => {
        told.final.remains = { lease: 1 };
      },
      /1 rows are left in lease/,
    ],
    [
      "with statistics that do not count what is there",
      (told) => {
        told.final.stated = { ...COUNTS, completed: 4 };
      },
      /statistics say 4 completed, there are 3/,
    ],
  ]);
});
