import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { readFitsImage } from "@contimg/formats";
import { canMountDisks, mountSmallDisk, writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import type { ProgramEnd } from "./run-program.ts";
import { runWscleanWithRecovery, TRIES_MAX } from "./wsclean-recovery.ts";
import {
  describeTrouble,
  troubleError,
  WSCLEAN_FAILURES,
  type WscleanAttempt,
  type WscleanFailure,
} from "./wsclean-failures.ts";
import { WscleanLog } from "./wsclean-log.ts";

const toolsExist = isCasacoreAvailable() && existsSync("/usr/bin/wsclean");
const mountsDisks = canMountDisks();

const ATTEMPT: WscleanAttempt = {
  settings: {
    pixelCount: 128,
    cellArcsec: 7,
    robustness: -0.5,
    iterationsMax: 3000,
    majorGain: 0.9,
    autoMaskSigma: 5,
    autoThresholdSigma: 3,
    thresholdJy: 0,
    channelsOut: 1,
  },
  limits: { threadCount: 2, memoryGib: 4, reorder: true },
};
const RUN = { timeoutSeconds: 120 };

describe("WSClean's failure", () => {
  test.each<[name: string, end: Partial<ProgramEnd>, kind: WscleanFailure | undefined]>([
    ["bad_alloc", { outputTail: ["+ >>> std::bad_alloc"] }, "out-of-memory"],
    ["the kernel's kill", { exitCode: null, killedBy: "SIGKILL" }, "out-of-memory"],
    [
      "temporary files",
      { outputTail: ["+ >>> Error writing to temporary weights file"] },
      "no-temporary-space",
    ],
    ["a full disk", { errorTail: ["write: No space left on device"] }, "no-temporary-space"],
    [
      "an empty selection",
      { outputTail: ["+ >>> The selected data contains no visibilities"] },
      "no-visibilities",
    ],
    ["a person's SIGTERM", { exitCode: null, killedBy: "SIGTERM" }, undefined],
    ["something new", { outputTail: ["+ >>> Unknown parameter: -frobnicate"] }, undefined],
  ])("by %s is told by its signs", (_name, end, kind) => {
    const whole = { exitCode: 255, killedBy: null, outputTail: [], errorTail: [], ...end };

    assert.equal(describeTrouble(whole, undefined).kind, kind);
  });

  test("that leaves nothing to change has no remedy", () => {
    const { limits, settings } = ATTEMPT;
    const least = { settings, limits: { ...limits, memoryGib: 0.5, threadCount: 1 } };
    const gentle = { limits, settings: { ...settings, majorGain: 0.6 } };
    const split = { limits, settings: { ...settings, channelsOut: 4 } };

    assert.equal(WSCLEAN_FAILURES["out-of-memory"].remedy(least), undefined);
    assert.equal(WSCLEAN_FAILURES.diverged.remedy(gentle), undefined);
    assert.equal(WSCLEAN_FAILURES["no-temporary-space"].remedy(split), undefined);
    assert.equal(WSCLEAN_FAILURES["no-visibilities"].remedy(ATTEMPT), undefined);
  });

  test("keeps its tag and its kind for who asks", () => {
    const trouble = { kind: "no-visibilities", reason: "all gone", outputTail: [] } as const;
    const error = troubleError({ ...trouble, exitCode: 255 });

    assert.equal(error.tag, "TooFewVisibilities");
    assert.equal(error.fields["failure"], "no-visibilities");
    assert.match(error.message, /exit code 255 \(there was nothing to image\): all gone/);
  });
});

describe("a run that diverges", () => {
  test.each([
    [
      "by growing",
      ["Initial peak: 1.2 Jy at 3,4", "Initial peak: 3.1 KJy at 3,4"],
      /grew from 1\.2/,
    ],
    [
      "within an iteration",
      ["Initial peak: 1 mJy at 1,1", "Stopped on peak -4.2 mJy, b"],
      /0\.0042/,
    ],
    ["by losing its numbers", ["Initial peak: nan Jy at 0,0"], /peak is nan/],
    ["to infinity", ["Initial peak: -inf Jy at 0,0"], /peak is -inf/],
  ])("%s is seen in the log", (_how, lines, expected) => {
    const log = new WscleanLog();
    for (const line of lines) log.read(line);
    assert.match(log.divergence ?? "", expected);
  });

  test("is not one whose peaks fall, or rise a little at the mask's end", () => {
    const log = new WscleanLog();
    for (const peak of ["4.88 Jy", "488 mJy", "36.6 mJy", "41 mJy", "-800.5 µJy"]) {
      log.read(`Initial peak: ${peak} at 121,347`);
      log.read(`Stopped on peak ${peak}, because the threshold was reached.`);
    }
    assert.equal(log.divergence, undefined);
  });
});

describe.skipIf(!toolsExist)("the real WSClean", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "contimg-recovery-"));
    const east = { eastRad: 0.002, northRad: 0.001, fluxJy: 1 };
    const outside = { eastRad: -0.009, northRad: 0.008, fluxJy: 2 };
    const noise = { noiseJy: 0.3, seed: 7 };
    writeDriftingSkySet(join(root, "tile.ms"), [east], noise);
    writeDriftingSkySet(join(root, "sparse.ms"), [east, outside], noise);
    flagAllButOneSnapshot(join(root, "sparse.ms"));
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  test("that has no memory for its threads does with one and less", async () => {
    const recovered = await runWscleanWithRecovery(ATTEMPT, filesOf("tile", "memory"), {
      ...RUN,
      wrapper: ["prlimit", "--as=900000000"],
    });

    assert.deepEqual(
      recovered.recoveries.map(({ failure, change }) => [failure, change]),
      [["out-of-memory", "1 GiB and one thread"]],
    );
    assert.match(recovered.recoveries[0]!.reason, /bad_alloc/);
    assert.equal(recovered.attempt.limits.threadCount, 1);
    await assertImage("memory");
  });

  test("that has too little for anything fails with what was tried", async () => {
    const run = runWscleanWithRecovery(ATTEMPT, filesOf("tile", "starved"), {
      ...RUN,
      wrapper: ["prlimit", "--as=150000000"],
    });
    await assert.rejects(run, (error: unknown) => {
      assert.ok(error instanceof PipelineError && error.fields["failure"] === "out-of-memory");
      assert.match(error.message, /tried again with 1 GiB and one thread, then with 0\.5 GiB/);
      return true;
    });
    assert.equal(TRIES_MAX, 3);
  });

  test.skipIf(!mountsDisks)("that has no room to sort its data reads them unsorted", async () => {
    const folder = join(root, "full");
    await mkdir(folder);
    using disk = mountSmallDisk(folder, 64 * 1024);
    const files = { ...filesOf("tile", "unsorted"), temporaryFolder: disk.folder };

    const { recoveries } = await runWscleanWithRecovery(ATTEMPT, files, RUN);

    assert.deepEqual(
      recoveries.map(({ failure, change }) => [failure, change]),
      [["no-temporary-space", "no temporary files"]],
    );
    await assertImage("unsorted");
  });

  test("that runs away from data with too few baselines is reined in", async () => {
    const settings = {
      ...ATTEMPT.settings,
      ...{ robustness: 2, majorGain: 1, iterationsMax: 30_000 },
      ...{ autoMaskSigma: 0.6, autoThresholdSigma: 0.5 },
    };
    const attempt = { ...ATTEMPT, settings };

    const { recoveries } = await runWscleanWithRecovery(attempt, filesOf("sparse", "tamed"), RUN);

    assert.equal(recoveries[0]?.failure, "diverged");
    assert.match(recoveries[0].reason, /peak grew from/);
    assert.equal(recoveries[0].change, "mgain 0.85 and at most 10000 iterations");
    await assertImage("tamed");
  });

  test("whose result shows what its log did not is run again as well", async () => {
    const verdicts = ["the residual has pixels that are not numbers", undefined];
    const { recoveries } = await runWscleanWithRecovery(ATTEMPT, filesOf("tile", "inspected"), {
      ...RUN,
      inspect: () => Promise.resolve(verdicts.shift()),
    });
    assert.deepEqual(
      recoveries.map(({ failure, reason }) => [failure, reason]),
      [["diverged", "the residual has pixels that are not numbers"]],
    );
  });

  function filesOf(set: string, name: string) {
    return {
      measurementSetPath: join(root, `${set}.ms`),
      outputPrefix: join(root, name),
      temporaryFolder: root,
    };
  }

  async function assertImage(name: string): Promise<void> {
    const { pixels } = await readFitsImage(join(root, `${name}-image.fits`));
    const peak = pixels.reduce((most, pixel) => Math.max(most, Math.abs(pixel)), 0);
    assert.ok(peak > 0.1 && peak < 10, `peak is ${peak} Jy`);
  }
});

/** The first integration's first channel stays: few baselines, with sidelobes as high as peaks. */
function flagAllButOneSnapshot(path: string): void {
  using table = openTable(path, { writable: true });
  const [polarizations = 0, channels = 0] = table.cellShape("FLAG", 0) ?? [];
  const cell = polarizations * channels;
  const firstTime = table.getScalars("TIME", 0, 1, new Float64Array(1))[0]!;
  const flags = new Uint8Array(table.rowCount * cell).fill(1);
  const times = table.getScalars("TIME", 0, table.rowCount, new Float64Array(table.rowCount));
  for (const [row, time] of times.entries()) {
    if (time === firstTime) flags.fill(0, row * cell, row * cell + polarizations);
  }
  table.putArray("FLAG", 0, table.rowCount, flags);
}
