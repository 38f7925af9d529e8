/** Executables of a site in place of stages: the documentation's example, and wrong ones. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { AbsurdClient } from "@contimg/absurd";
import { isCasacoreAvailable, readBandpassTable } from "@contimg/casacore";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { stageOf } from "../execute-stage.ts";
import { calibrationTablePath } from "../products/paths.ts";
import { listCalibrations } from "../registry/list.ts";
import { runByHand } from "../run-by-hand.ts";
import { stageTask } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import {
  type CalibrationSite,
  makeCalibrationSite,
  TILE_GROUP,
} from "../testing/calibration-site.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";
import { withSiteStages } from "./site-config.ts";

const EXAMPLE = fileURLToPath(
  new URL("../../../../docs/examples/site-stages/solve_bandpass.py", import.meta.url),
);
const SOLVE = "calibration-solve";
const QUEUE = "site";
const PARAMS = { group_id: TILE_GROUP, pointing: "tracking", flux_jy: 20, calibrator: "known" };

const database = pipelineDatabase();
let pool: pg.Pool;
let site: CalibrationSite;

describe.skipIf(!isCasacoreAvailable())("a site's executable (needs casacore-dev)", () => {
  beforeEach(async () => {
    pool = database.pool();
    await pool.query("truncate contimg.groups cascade");
    site = await makeCalibrationSite(pool);
  });
  afterEach(() => {
    site.remove();
  });

  describe.skipIf(!hasPythonCasacore())("of the documentation (needs python3-casacore)", () => {
    test("solves a tile as a task: gains are the true ones, the registry has them", async () => {
      const taskId = await runAsTask({ command: EXAMPLE });

      const client = new AbsurdClient(pool, { tasks: [] });
      const task = await client.show(taskId);
      await client.close();
      assert.equal(task.status, "completed", JSON.stringify(task.error));
      assert.ok(gainError() < 0.03, `rms error of the gains is ${gainError()}`);
      const [calibration] = await listCalibrations(pool, {});
      assert.equal(calibration?.table_path, calibrationTablePath(TILE_GROUP));
      assert.equal(calibration.calibrator, "known");
      assert.deepEqual(readdirSync(join(site.dataRoot, "caltables/.stage")), []);
    });

    test("is measured by us and passes the stage's own gate", async () => {
      const done = await solve({ command: EXAMPLE });

      const { metrics, verdict, findings } = done.quality;
      assert.equal(verdict, "pass", findings.map(({ text }) => text).join("; "));
      assert.ok(Math.abs(metrics["model_flux_ratio"]! - 1) < 0.02);
      assert.equal(metrics["usable_count"], 12);
      assert.equal(metrics["unconverged_fraction"], 0);
      assert.ok(metrics["median_snr"]! > 30);
    });
  });

  test("that calibrates to something else is rejected by the gate, whatever it says", async () => {
    await site.register("turned", { hours: 0, turnDeg: 77 });
    const command = program(`
cp -r "${join(site.dataRoot, site.tablePath("turned"))}" "${TILE_GROUP}.bcal"
echo '{"result": {"metrics": {"median_snr": 1e6, "model_flux_ratio": 1}}}'`);

    await assert.rejects(solve({ command }), {
      tag: "QualityRejected",
      message: /data over the model seen through the gains is -?0\.\d+, expected at least 0\.5/,
    });
    assert.deepEqual(readdirSync(join(site.dataRoot, "caltables/.stage")), []);
  });

  test("finds who it is and what to do in its environment and its request", async () => {
    const asked = join(site.dataRoot, "asked.json");
    const command = program(`
cat > ${asked}
echo "$ABSURD_TASK_NAME $ABSURD_ATTEMPT $SITE_WORD $ABSURD_DATABASE_URL." >&2
echo "$ABSURD_FENCE" | grep -q . || exit 9
exit 3`);
    const lines: string[] = [];

    await assert.rejects(
      solve({ command, arguments: ["x"], environment: { SITE_WORD: "hello" } }, (line) =>
        lines.push(line),
      ),
      { tag: "SiteStageFailed", message: /ended with exit code 3/ },
    );

    assert.ok(lines.includes("calibration-solve 1 hello ."), lines.join("\n"));
    const request = JSON.parse(execFileSync("cat", [asked], { encoding: "utf8" })) as {
      contract: number;
      inputs: { measurement_set_path: string };
      files: { name: string }[];
      brief: { sources: { apparent_flux_jy: number[] }[] };
    };
    assert.equal(request.contract, 1);
    assert.equal(request.inputs.measurement_set_path, site.measurementSetPath);
    assert.deepEqual(request.files[0]?.name, `${TILE_GROUP}.bcal`);
    assert.deepEqual(request.brief.sources[0]?.apparent_flux_jy, Array(8).fill(20));
  });

  describe("that goes wrong leaves nothing, and the error says how:", () => {
    const cases: [string, string, { tag: string; message: RegExp }, object?][] = [
      ["no file", "true", { tag: "SiteOutputWrong", message: /wrote no .*\.bcal, but nothing$/ }],
      [
        "a file that is no table",
        `echo x > "${TILE_GROUP}.bcal"`,
        { tag: "SiteOutputWrong", message: /wrote what cannot be read: .*bcal/ },
      ],
      [
        "a result that is none",
        `echo '{"result": {"metric": {}}}'`,
        { tag: "SiteOutputWrong", message: /said a result that is none: .*metric/ },
      ],
      [
        "an error of ours",
        `echo '{"error": {"class": "fatal", "tag": "NoCalibrator", "message": "none in beam"}}'`,
        { tag: "NoCalibrator", message: /none in beam/ },
      ],
      [
        "an error of its own that is hopeless",
        `echo '{"error": {"class": "validation", "tag": "Odd", "message": "no such mode"}}'`,
        { tag: "SiteStageRefused", message: /no such mode/ },
      ],
      [
        "an exit code with a meaning",
        "exit 64",
        { tag: "SiteStageRefused", message: /exit code 64/ },
        { exit_codes: { 64: "validation" } },
      ],
      [
        "no end",
        "sleep 100",
        { tag: "SiteStageFailed", message: /stopped after 0\.5 s, its time limit/ },
        { timeout_seconds: 0.5 },
      ],
    ];
    test.each(cases)("%s", async (_what, script, expected, more) => {
      await assert.rejects(solve({ command: program(script), ...more }), expected);

      assert.deepEqual(readdirSync(join(site.dataRoot, "caltables/.stage")), []);
      assert.ok(!existsSync(join(site.dataRoot, calibrationTablePath(TILE_GROUP))));
    });
  });
});

function stages(executable: object) {
  return withSiteStages(STAGES, { stages: { [SOLVE]: { executable } } });
}

function solve(executable: object, onLog: (line: string) => void = () => undefined) {
  const given = { dataRoot: site.dataRoot, pool, threadCount: 1, onLog };
  return runByHand(stageOf(stages(executable), SOLVE), PARAMS, given);
}

async function runAsTask(executable: object): Promise<string> {
  const module = stageOf(stages(executable), SOLVE);
  const options = { pool, dataRoot: site.dataRoot, threadCount: 1, queue: QUEUE };
  const client = new AbsurdClient(pool, { tasks: [stageTask(module, options)] });
  const worker = await startStageWorker({
    ...options,
    connectionString: database.url,
    stages: [module],
  });
  try {
    const spawned = await client.spawn(SOLVE, PARAMS, { correlationId: TILE_GROUP, maxRetries: 0 });
    assert.ok("taskId" in spawned);
    await client.awaitTasks([spawned.taskId]).catch(() => undefined);
    return spawned.taskId;
  } finally {
    await worker.stop({ graceSeconds: 5 });
    await client.close();
  }
}

/** Rms of the published gains over the true ones, phases against the reference antenna's. */
function gainError(): number {
  const table = readBandpassTable(join(site.dataRoot, calibrationTablePath(TILE_GROUP)));
  const { antennaCount, channelCount, gains: truth } = site.truth;
  const cells = channelCount * 2;
  let sum = 0;
  for (let antenna = 0; antenna < antennaCount; antenna += 1)
    for (let cell = 0; cell < cells; cell += 1) {
      const at = 2 * (antenna * cells + cell);
      const reference = 2 * (table.referenceAntenna * cells + cell);
      const [rRe, rIm] = [truth[reference]!, -truth[reference + 1]!];
      const size = Math.hypot(rRe, rIm);
      const re = (truth[at]! * rRe - truth[at + 1]! * rIm) / size;
      const im = (truth[at]! * rIm + truth[at + 1]! * rRe) / size;
      sum += (table.gains[at]! - re) ** 2 + (table.gains[at + 1]! - im) ** 2;
    }
  return Math.sqrt(sum / (antennaCount * cells));
}

/** An executable shell script in the data root. */
function program(script: string): string {
  const path = join(site.dataRoot, "site-program.sh");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

function hasPythonCasacore(): boolean {
  try {
    execFileSync("/usr/bin/python3", ["-c", "import casacore.tables"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // Not installed; the name of the test says what is missing.
  }
}
