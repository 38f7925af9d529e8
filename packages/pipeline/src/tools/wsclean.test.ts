import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { until } from "@contimg/testkit";
import { isAlive, type ProcessIdentity, readIdentity } from "@contimg/absurd/process-tree";
import { runProgram } from "./run-program.ts";
import { readWscleanVersion, runWsclean, wscleanArguments, wscleanMemoryGib } from "./wsclean.ts";
import { WscleanLog } from "./wsclean-log.ts";

const wscleanExists = existsSync("/usr/bin/wsclean");

const SETTINGS = {
  pixelCount: 256,
  cellArcsec: 3,
  robustness: -0.5,
  iterationsMax: 100,
  majorGain: 0.9,
  autoMaskSigma: 5,
  autoThresholdSigma: 3,
  thresholdJy: 0,
  channelsOut: 1,
};

const LIMITS = { threadCount: 2, memoryGib: 4, reorder: true };

/** Lines of a real run of WSClean 3.1.0, shortened. */
const LOG = `
Reordering small.ms into 1 x 1 parts.
 == Constructing PSF ==
Gridded visibility count: 2.99981e+06
 == Constructing image ==
 == Deconvolving (1) ==
Estimated standard deviation of background noise: 1.73 mJy
Performed 27 iterations in total, 27 in this major iteration with sub-minor optimization.
 == Converting model image to visibilities ==
 == Constructing image ==
 == Deconvolving (2) ==
Estimated standard deviation of background noise: 478.52 µJy
Performed 10250 iterations in total, 7383 in this major iteration with sub-minor optimization.
2 major iterations were performed.
Rendering sources to restored image (beam=9.67''-34.15'', PA=105.82 deg)... DONE
`.split("\n");

describe("WSClean's log", () => {
  test("becomes progress that never falls, and the facts of the run", () => {
    const log = new WscleanLog();

    const steps = LOG.map((line) => log.read(line)).filter((step) => step !== undefined);

    const fractions = steps.map(({ fraction }) => fraction);
    assert.deepEqual(
      fractions,
      fractions.toSorted((a, b) => a - b),
    );
    assert.ok(fractions.every((fraction) => fraction > 0 && fraction < 1));
    assert.equal(steps.at(-2)!.note, "major iteration 2 of about 4");
    assert.deepEqual(log.summary, {
      visibilityCount: 2999810,
      majorIterationCount: 2,
      minorIterationCount: 10250,
      dirtyPeakJy: undefined,
      noiseJy: 478.52 * 1e-6,
      failure: undefined,
    });
  });

  test("of twenty major iterations stays below the end", () => {
    const log = new WscleanLog();
    const last = Array.from({ length: 20 }, (_, index) =>
      log.read(` == Deconvolving (${index + 1}) ==`),
    );
    assert.ok(last.at(-1)!.fraction < 0.97);
  });
});

describe("WSClean", () => {
  test("is told the column, the gridder and the folder for its temporary files", () => {
    const files = { measurementSetPath: "/a.ms", outputPrefix: "/s/tile", temporaryFolder: "/s" };

    const line = wscleanArguments(SETTINGS, files, LIMITS).join(" ");

    assert.match(line, /-use-wgridder -pol I -data-column DATA -no-update-model-required/);
    assert.match(line, /-temp-dir \/s -j 2 .*-size 256 256 -scale 3asec -weight briggs -0.5/);
    assert.ok(line.endsWith(" /a.ms"));
    assert.doesNotMatch(line, /channels-out/);
    const joined = wscleanArguments({ ...SETTINGS, channelsOut: 4 }, files, LIMITS).join(" ");
    assert.match(joined, /-channels-out 4 -join-channels/);
  });

  test.skipIf(!wscleanExists)("that fails says why in its own words", async () => {
    const files = {
      measurementSetPath: "/nowhere/absent.ms",
      outputPrefix: join(tmpdir(), "contimg-never"),
      temporaryFolder: tmpdir(),
    };

    await assert.rejects(
      runWsclean(SETTINGS, files, { limits: { ...LIMITS, threadCount: 1 }, timeoutSeconds: 30 }),
      (error: unknown) => {
        assert.ok(error instanceof PipelineError && error.tag === "ToolFailed");
        assert.match(error.message, /^wsclean ended with exit code 255: .*absent\.ms/);
        return true;
      },
    );
    assert.match(await readWscleanVersion(), /^3\.\d+/);
  });
});

describe("an external program", () => {
  test("that is not installed is refused with its Debian package", async () => {
    await assert.rejects(runProgram({ ...call("contimg-no-such-program"), timeoutSeconds: 5 }), {
      name: "PipelineError",
      tag: "MissingTool",
      message: /program contimg-no-such-program is not installed: install the Debian package some/,
    });
  });

  test("is gone, with its children, when its run is aborted", async () => {
    const abort = new AbortController();
    const started: ProcessIdentity[] = [];
    const run = runProgram({
      ...call("sh"),
      arguments: ["-c", "sleep 1000 & echo $$; echo $!; wait"],
      timeoutSeconds: 60,
      signal: abort.signal,
      onLine: (line) => {
        const identity = readIdentity(Number(line));
        if (identity) started.push(identity);
        if (started.length === 2) abort.abort(new Error("cancelled by the test"));
      },
    });

    await assert.rejects(run, /cancelled by the test/);
    // The pipes close an instant before the kernel calls a process dead.
    await until(() => !started.some(isAlive), { what: "both processes are dead" });
    assert.equal(started.length, 2);
  });

  test("that takes too long is stopped and named", async () => {
    const run = runProgram({ ...call("sleep"), arguments: ["1000"], timeoutSeconds: 0.1 });
    await assert.rejects(run, /program sleep was stopped after 0.1 s, its time limit/);
  });
});

function call(program: string) {
  return { program, arguments: [], debianPackage: "some-package" };
}

describe("the memory that WSClean is told of", () => {
  test("is what was asked for, within what the run has reserved", () => {
    assert.equal(wscleanMemoryGib(4, undefined), 4);
    assert.equal(wscleanMemoryGib(4, 16 * 2 ** 30), 4);
    assert.equal(wscleanMemoryGib(4, 2.25 * 2 ** 30), 2);
    assert.equal(wscleanMemoryGib(4, 2 ** 20), 0.25);
  });
});
