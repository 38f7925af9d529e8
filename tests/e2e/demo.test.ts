/** The README's first command, by its promises: what it prints, and how near the truth it comes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { afterAll, describe, test } from "vitest";
import { z } from "zod";

const CONTIMG = resolve(import.meta.dirname, "../../packages/cli/src/contimg.ts");
const DEMO_MS_MAX = 400_000;
const FALSE_DETECTIONS_PER_TILE_MAX = 2;
const SCIENCE_STAGES = [
  "calibration-apply",
  "convert-uvh5-to-ms",
  "imaging",
  "photometry",
  "validation",
];

const reportSchema = z.object({
  tiles: z.array(
    z.object({
      label: z.string(),
      groupId: z.string(),
      realTimeFactor: z.number().positive(),
      stages: z.record(z.string(), z.object({ seconds: z.number().positive() })),
      products: z.array(z.string()),
    }),
  ),
  sources: z.array(
    z.object({
      injectedJy: z.number().positive(),
      measuredJy: z.number(),
      offsetArcsec: z.number().nullable(),
    }),
  ),
  summary: z.object({
    medianFluxRatio: z.number(),
    fluxPullStd: z.number(),
    rmsOffsetArcsec: z.number(),
    found: z.number(),
    injectedAbove8Sigma: z.number(),
    falseDetections: z.number(),
  }),
});

const canRun = isCasacoreAvailable() && isHdf5Available();
const folder = mkdtempSync(join(tmpdir(), "contimg-demo-"));

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!canRun)("the demo (needs casacore-dev, libhdf5-dev, wsclean)", () => {
  test(
    "measures what was injected",
    async () => {
      const { tiles, sources, summary } = reportSchema.parse(JSON.parse(await runDemo()));

      const [calibrator, ...science] = tiles;
      assert.deepEqual(Object.keys(calibrator?.stages ?? {}).sort(), [
        "calibration-solve",
        "convert-uvh5-to-ms",
      ]);
      assert.equal(science.length, 2);
      for (const tile of science) {
        assert.deepEqual(Object.keys(tile.stages).sort(), SCIENCE_STAGES);
        assert.equal(tile.products.length, 2);
        for (const path of tile.products) assert.ok(statSync(path).size > 10_000, path);
      }
      assert.ok(Math.abs(summary.medianFluxRatio - 1) < 0.01, JSON.stringify(summary));
      assert.ok(summary.fluxPullStd < 1.3, JSON.stringify(summary));
      assert.ok(summary.rmsOffsetArcsec < 0.3, JSON.stringify(summary));
      assert.equal(sources.length, summary.injectedAbove8Sigma);
      assert.ok(sources.length > 50, `only ${sources.length} bright sources`);
      assert.equal(summary.found, summary.injectedAbove8Sigma);
      assert.ok(
        summary.falseDetections <= FALSE_DETECTIONS_PER_TILE_MAX * science.length,
        JSON.stringify(summary),
      );
    },
    DEMO_MS_MAX,
  );
});

async function runDemo(): Promise<string> {
  const demo = spawn(process.execPath, [CONTIMG, "demo", "--json", "--data-root", folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, log] = await Promise.all([text(demo.stdout), text(demo.stderr)]);
  assert.notEqual(output, "", log);
  return output;
}
