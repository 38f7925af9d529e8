/** What the schedule pages make of forms. */
import { expect, test } from "vitest";

import { instantOf, NEW_SCHEDULE, requestOf, timingOf } from "./schedule-form.model.ts";

test("a form becomes a request of its kind of timing and target only", () => {
  const form = { ...NEW_SCHEDULE, name: "night", taskName: "imaging", templateName: "unused" };
  expect(requestOf(form).request).toEqual({
    cron_expression: "0 3 * * *",
    timezone: "UTC",
    task_name: "imaging",
    params: {},
    overlap: "skip",
  });
  const every = requestOf({ ...form, kind: "every", every: "90", target: "template" }).request;
  expect(every).toMatchObject({ every_seconds: 90, template_name: "unused" });
  expect(every).not.toHaveProperty("cron_expression");
  expect(every).not.toHaveProperty("task_name");
});

test("what is missing or cannot be read is said by field", () => {
  const { faults } = requestOf({ ...NEW_SCHEDULE, kind: "every", every: "-1", params: "[1]" });
  expect(Object.keys(faults ?? {}).sort()).toEqual(["every", "name", "params", "taskName"]);
});

test("nothing is previewed of a timing that cannot be one", () => {
  expect(timingOf({ ...NEW_SCHEDULE, cron: " " })).toBeUndefined();
  expect(timingOf({ ...NEW_SCHEDULE, kind: "every", every: "0" })).toBeUndefined();
});

test("what a field of date and time holds is UTC", () => {
  expect(instantOf("2026-01-25T08:08")).toBe("2026-01-25T08:08:00.000Z");
  expect(instantOf("")).toBeUndefined();
});
