/**
 * A short night with faults through `contimg soak`: real processes, killed and stopped, and proof
 * that nothing is lost or made twice. `make soak` plays a long one.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { afterAll, describe, test } from "vitest";
import { z } from "zod";

const CONTIMG = resolve(import.meta.dirname, "../../packages/cli/src/contimg.ts");
const NIGHT_MS_MAX = 600_000;
/** Fewer pixels than usual: a third of the field, imaged in seconds. */
const PARAMS = { imaging: { pixel_count: 1536, iterations_max: 3000 } };

const reportSchema = z.object({
  lost: z.number(),
  duplicates: z.number(),
  auditFindings: z.number(),
  problems: z.array(z.string()),
  tiles: z.array(
    z.object({ fault: z.string().nullable(), fate: z.string(), why: z.string().nullable() }),
  ),
  disturbances: z.array(z.object({ kind: z.string(), state: z.string() })),
  truth: z.object({ tileCount: z.number(), injectedAbove8Sigma: z.number() }),
  timing: z.object({ tilesBehindMax: z.number(), realTimeFactor: z.number() }),
});

const canRun = isCasacoreAvailable() && isHdf5Available();
const folder = mkdtempSync(join(tmpdir(), "contimg-soak-"));

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!canRun)("a night with faults (needs casacore-dev, libhdf5-dev, wsclean)", () => {
  test(
    "ends with every tile imaged or given up with its reason, nothing lost, nothing twice",
    async () => {
      const { exitCode, output, log } = await soak();

      const report = reportSchema.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
      assert.deepEqual(report.problems, [], log);
      assert.equal(exitCode, 0, log);
      const { lost, duplicates, auditFindings } = report;
      assert.deepEqual({ lost, duplicates, auditFindings }, counts(0));
      assert.deepEqual(report.tiles.map(({ fate }) => fate).sort(), [
        "imaged",
        "imaged",
        "imaged",
        "refused",
      ]);
      assert.match(report.tiles.find(({ fate }) => fate === "refused")!.why!, /8 of 16 subbands/);
      assert.deepEqual(
        report.disturbances.map(({ kind, state }) => `${kind} ${state}`),
        ["kill-ingest done", "kill-worker done", "kill-database done"],
      );
      assert.equal(report.truth.tileCount, 3);
      assert.ok(report.truth.injectedAbove8Sigma > 10, JSON.stringify(report.truth));
      assert.ok(report.timing.tilesBehindMax >= 1);
    },
    NIGHT_MS_MAX,
  );
});

function counts(count: number) {
  return { lost: count, duplicates: count, auditFindings: count };
}

async function soak(): Promise<{ exitCode: number | null; output: string; log: string }> {
  const night = ["--tiles", "4", "--size", "small", "--faults", "--json", "--folder", folder];
  const child = spawn(
    process.execPath,
    [CONTIMG, "soak", ...night, "--params", JSON.stringify(PARAMS)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const [[exitCode], output, log] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  assert.notEqual(output, "", log);
  return { exitCode, output, log };
}
