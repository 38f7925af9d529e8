import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, test } from "vitest";
import { z } from "zod";

import { BUG, entryOf, ERRORS, type ErrorEntry, PipelineError, withScene } from "./errors.ts";
import { classifyStageError } from "./stage-task.ts";
import { STAGES } from "./stages.ts";

const OPERATIONS = join(import.meta.dirname, "../../../docs/operations");
const ENTRIES: [string, ErrorEntry][] = [...Object.entries(ERRORS), ["a bug", BUG]];
const NAMES = new Set(STAGES.map(({ stage }) => stage.name));
const SCENE = { stage: "imaging", groupId: "g", correlationId: "c", inputs: { path: "/x" } };

describe("the table of errors", () => {
  test.each(ENTRIES)("%s has a runbook that exists and a hint of one sentence", (_tag, entry) => {
    assert.ok(existsSync(join(OPERATIONS, entry.runbook)), entry.runbook);
    assert.match(entry.hint, /^[a-z].{20,100}[^.]$/);
  });

  test.each(ENTRIES)("%s occurs in stages that exist", (_tag, { stages }) => {
    if (stages === "every") return;
    assert.deepEqual(
      stages.filter((stage) => !NAMES.has(stage)),
      [],
    );
  });

  test.each(Object.keys(ERRORS) as (keyof typeof ERRORS)[])("%s reaches the engine", (tag) => {
    assert.equal(classifyStageError(new PipelineError(tag, "it went wrong")), ERRORS[tag].class);
  });

  test("has all four classes", () => {
    const classes = new Set(ENTRIES.map(([, entry]) => entry.class));
    assert.deepEqual([...classes].sort(), ["fatal", "recoverable", "retryable", "validation"]);
  });
});

describe("an error of a stage", () => {
  test("carries the scene, hint and runbook beside its own fields", () => {
    const error = new PipelineError("DiskFull", "no room", { path: "/data", freeBytes: 1 });

    const told = withScene(error, SCENE);

    assert.ok(told instanceof PipelineError);
    assert.deepEqual(told.fields, {
      ...{ stage: "imaging", group_id: "g", correlation_id: "c", inputs: { path: "/x" } },
      ...{ hint: ERRORS.DiskFull.hint, runbook: "docs/operations/disk-full.md" },
      ...{ path: "/data", freeBytes: 1 },
    });
  });

  test("without a tag is a bug and carries them, too", () => {
    const told = withScene(new TypeError("undefined is not an antenna"), SCENE);

    assert.equal(classifyStageError(told), "fatal");
    assert.equal((told as { fields: { hint: string } } & Error).fields.hint, BUG.hint);
    assert.equal(entryOf(told), BUG);
  });

  test("that is params which do not fit is a validation error", () => {
    const { error } = z.int().safeParse("x");
    assert.equal(classifyStageError(error), "validation");
  });
});
