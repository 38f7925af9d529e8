import assert from "node:assert/strict";

import { test } from "vitest";

import { measurementSetPath, roleOfMeasurementSet } from "./paths.ts";

test("a tile's role is told by its folder below the data root, whatever the root is called", () => {
  const root = "/data/calibrators";
  const roleOf = (path: string) => roleOfMeasurementSet(path, root);

  const group = "2026-01-25T22:26:05";
  assert.equal(roleOf(`${root}/${measurementSetPath(group, "science")}`), "science");
  assert.equal(roleOf(`${root}/${measurementSetPath(group, "calibrators")}`), "calibrators");
  assert.equal(roleOf("/elsewhere/ms/calibrators/other.ms"), "science");
});
