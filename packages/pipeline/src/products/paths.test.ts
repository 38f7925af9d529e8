import assert from "node:assert/strict";

import { test } from "vitest";

import { imagePath, measurementSetPath, roleOfMeasurementSet } from "./paths.ts";

test("a tile after midnight lies in the folder of its own day, whatever the time zone", () => {
  const before = process.env["TZ"];
  try {
    for (const zone of ["UTC", "America/Los_Angeles", "Asia/Tokyo"]) {
      process.env["TZ"] = zone;
      assert.match(imagePath("2026-01-25T23:59:59", "image.fits"), /\/2026-01-25\//);
      assert.match(imagePath("2026-01-26T00:00:01", "image.fits"), /\/2026-01-26\//);
    }
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
});

test("a tile's role is told by its folder below the data root, whatever the root is called", () => {
  const root = "/data/calibrators";
  const roleOf = (path: string) => roleOfMeasurementSet(path, root);

  const group = "2026-01-25T22:26:05";
  assert.equal(roleOf(`${root}/${measurementSetPath(group, "science")}`), "science");
  assert.equal(roleOf(`${root}/${measurementSetPath(group, "calibrators")}`), "calibrators");
  assert.equal(roleOf("/elsewhere/ms/calibrators/other.ms"), "science");
});
