/** Bad input, each kind through the queue: a real worker, real files, what the task says after. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  AbsurdClient,
  InvalidParams,
  type TaskView,
  UnknownTaskName,
  type WorkerHandle,
} from "@contimg/absurd";
import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import {
  canMountDisks,
  mountSmallDisk,
  writeKnownGainsSet,
  writePointSourceGroup,
} from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import type { Json } from "./stage.ts";
import { stageTasks } from "./stage-task.ts";
import { startStageWorker } from "./stage-worker.ts";
import { STAGES } from "./stages.ts";
import { pipelineDatabase } from "./testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const QUEUE = "bad-input";
const SUBBAND_COUNT = 2;
const AREA_BYTES = 1_500_000;

type Params = Readonly<Record<string, Json>>;
type Spoil = NonNullable<Parameters<typeof writePointSourceGroup>[0]["spoil"]>;

interface BadInput {
  readonly what: string;
  readonly stage: string;
  /** Makes the input below its own folder. */
  readonly make: (folder: string) => Params;
  readonly tag: string;
  readonly class: string;
  readonly message: RegExp;
}

const BAD_INPUTS: readonly BadInput[] = [
  {
    what: "a truncated HDF5 file",
    stage: "convert-uvh5-to-ms",
    make: (folder) => {
      const params = group(folder);
      truncateSync(params.input_paths[1]!, 100_000);
      return params;
    },
    tag: "MalformedFile",
    class: "fatal",
    message: /sb01\.hdf5: .*truncated/,
  },
  {
    what: "a file that is no HDF5 at all",
    stage: "convert-uvh5-to-ms",
    make: () => ({ input_paths: [import.meta.filename], expected_subbands: 1 }),
    tag: "MalformedFile",
    class: "fatal",
    message: /bad-input\.fault\.test\.ts/,
  },
  {
    what: "a missing subband",
    stage: "convert-uvh5-to-ms",
    make: (folder) => ({ ...group(folder), expected_subbands: 16 }),
    tag: "MissingSubband",
    class: "fatal",
    message: /group 2026-01-25T22:26:05: input_paths names 2 files, expected 16/,
  },
  {
    what: "a group that never arrived",
    stage: "convert-uvh5-to-ms",
    make: () => ({}),
    tag: "MissingProduct",
    class: "fatal",
    message: /group 2026-01-25T22:26:05 .*incoming/,
  },
  {
    what: "values that are not numbers",
    stage: "convert-uvh5-to-ms",
    make: (folder) => group(folder, (_subband, { vis }) => (vis[vis.length - 1] = NaN)),
    tag: "UnphysicalData",
    class: "fatal",
    message: /sb0\d\.hdf5: Data\/visdata has a value that is not finite/,
  },
  {
    what: "data that are all zero",
    stage: "convert-uvh5-to-ms",
    make: (folder) => group(folder, (_subband, { vis }) => vis.fill(0)),
    tag: "UnphysicalData",
    class: "fatal",
    message: /sb00\.hdf5: visdata is zero in every sample/,
  },
  {
    what: "a wrong declination",
    stage: "convert-uvh5-to-ms",
    make: (folder) => ({ ...group(folder), expected_declination_deg: 16.1 }),
    tag: "WrongDeclination",
    class: "fatal",
    message: /sb00\.hdf5: phase_center_dec is 54\.570°, expected 16\.100°/,
  },
  {
    what: "a Measurement Set of zeros",
    stage: "calibration-solve",
    make: (folder) => measurementSet(folder, (vis) => vis.fill(0)),
    tag: "TooFewVisibilities",
    class: "fatal",
    message: /known\.ms/,
  },
  {
    what: "a Measurement Set that is not there",
    stage: "calibration-solve",
    make: (folder) => ({ measurement_set_path: join(folder, "absent.ms") }),
    tag: "MissingProduct",
    class: "fatal",
    message: /absent\.ms of calibration-solve does not exist/,
  },
  {
    what: "an image without the cards of ours",
    stage: "photometry",
    make: (folder) => {
      const path = join(folder, "bare.fits");
      writeFileSync(path, bareFits());
      return { corrected_image_path: path, primary_beam_path: path, catalog_path: path };
    },
    tag: "MalformedFile",
    class: "fatal",
    message: /bare\.fits: card BUNIT is undefined, expected Jy\/beam/,
  },
  {
    what: "an image that is no FITS file",
    stage: "photometry",
    make: () => ({
      corrected_image_path: import.meta.filename,
      primary_beam_path: import.meta.filename,
      catalog_path: import.meta.filename,
    }),
    tag: "MalformedFile",
    class: "fatal",
    message: /bad-input\.fault\.test\.ts/,
  },
];

const database = pipelineDatabase();
const folder = mkdtempSync(join(tmpdir(), "bad-input-"));
const dataRoot = join(folder, "data");
const hasAddons = isCasacoreAvailable() && isHdf5Available();

let client: AbsurdClient;
let worker: WorkerHandle;
beforeAll(async () => {
  const pool = database.pool();
  const options = { dataRoot, threadCount: 1, queue: QUEUE };
  client = new AbsurdClient(pool, { tasks: stageTasks(STAGES, { ...options, pool }) });
  worker = await startStageWorker({
    ...options,
    connectionString: database.url,
    stages: STAGES,
    concurrency: 2,
  });
});
afterAll(async () => {
  await worker.stop({ graceSeconds: 0 });
  await client.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(!hasAddons)("a task (needs casacore-dev, libhdf5-dev) fails at once with", () => {
  test.each(BAD_INPUTS)("$what: $tag", async (input) => {
    const inputFolder = mkdtempSync(join(folder, "input-"));
    const params = { group_id: GROUP, ...input.make(inputFolder) };

    const task = await run(input.stage, params);

    assert.equal(task.status, "failed");
    assert.equal(task.attempt, 1, "tried again, but bad data stay bad");
    assertError(task, input);
    assert.ok(Object.keys(task.error?.fields ?? {}).length > 0, "the error has no fields");
    await assertNothingPublished();
  });

  test.skipIf(!canMountDisks())("a disk that fills up (needs root): DiskFull", async () => {
    const params = group(mkdtempSync(join(folder, "input-")));
    const area = join(dataRoot, "ms");
    mkdirSync(area, { recursive: true });
    // Room for the visibilities, which is what the check before the run asks for; not for more.
    using disk = mountSmallDisk(area, AREA_BYTES);

    const task = await run("convert-uvh5-to-ms", { group_id: GROUP, ...params }, 0);

    assert.equal(task.status, "failed");
    assertError(task, { tag: "DiskFull", class: "retryable", message: /data\/ms.* MiB free/ });
    const neededBytes = Number(task.error?.fields["neededBytes"]);
    assert.ok(neededBytes < AREA_BYTES, "refused before it ran, not in the middle");
    assert.deepEqual(readdirSync(disk.folder), [".stage"]);
    await assertNothingPublished();
  });
});

describe("a task", () => {
  test("of an unknown name is not spawned, and near names are told", async () => {
    await assert.rejects(client.spawn("imagin", { group_id: GROUP }, { queue: QUEUE }), (error) => {
      assert.ok(error instanceof UnknownTaskName);
      assert.match(error.message, /"imagin" is not registered; did you mean imaging/);
      return true;
    });
  });

  test("with invalid params is not spawned, and the param is named", async () => {
    const spawned = client.spawn("imaging", { group_id: GROUP, robust: 0.5 }, { queue: QUEUE });
    await assert.rejects(spawned, (error) => {
      assert.ok(error instanceof InvalidParams);
      assert.match(error.message, /robust/);
      return true;
    });
  });

  test("whose invalid params came past the client fails as validation, once", async () => {
    const { rows } = await database
      .pool()
      .query<{ task_id: string }>("select absurd.spawn_task($1, 'imaging', $2) as task_id", [
        QUEUE,
        { group_id: "yesterday" },
      ]);
    const [task] = await client.awaitTasks([rows[0]!.task_id]);

    assert.equal(task?.status, "failed");
    assert.equal(task.attempt, 1);
    assertError(task, { tag: "InvalidParams", class: "validation", message: /group_id/ });
    await assertNothingPublished();
  });
});

async function run(stage: string, params: Params, maxRetries = 2): Promise<TaskView> {
  const { taskId } = await client.spawn(stage, params, { queue: QUEUE, maxRetries });
  const [task] = await client.awaitTasks([taskId]);
  return task!;
}

function assertError(task: TaskView, wanted: Pick<BadInput, "tag" | "class" | "message">): void {
  const message = task.error?.message ?? "";
  assert.equal(task.error?.tag, wanted.tag, message);
  assert.equal(task.error.class, wanted.class);
  assert.match(message, wanted.message);
  assert.doesNotMatch(message, /\n/, "a message is one line");
  if (wanted.class === "validation") return;
  const { stage, group_id, correlation_id, inputs, hint, runbook } = task.error.fields;
  assert.deepEqual([stage, group_id, correlation_id], [task.taskName, GROUP, GROUP]);
  assert.ok(inputs !== undefined && hint !== undefined, "no inputs or no hint");
  assert.match(JSON.stringify(runbook), /docs\/operations\/[a-z-]+\.md/);
}

/** Empty area and stage folders may stay, files and rows may not. */
async function assertNothingPublished(): Promise<void> {
  const left = readdirSync(dataRoot, { recursive: true, encoding: "utf8" });
  assert.deepEqual(
    left.filter((path) => !/^\w+(\/\.stage)?$/.test(path)),
    [],
  );
  const { rowCount } = await database.pool().query("select from contimg.products");
  assert.equal(rowCount, 0);
}

function group(inputFolder: string, spoil?: Spoil) {
  const input_paths = writePointSourceGroup({
    folder: inputFolder,
    groupId: GROUP,
    sources: [{ raRad: 5.99, decRad: 0.951, fluxJy: 1 }],
    subbandCount: SUBBAND_COUNT,
    ...(spoil !== undefined && { spoil }),
  });
  return { input_paths, expected_subbands: SUBBAND_COUNT };
}

function measurementSet(inputFolder: string, spoil: (vis: Float32Array) => void): Params {
  const path = join(inputFolder, "known.ms");
  const size = { antennaCount: 14, channelCount: 8, integrationCount: 3 };
  writeKnownGainsSet(path, { ...size, fluxJy: 20, noise: 1, spoil });
  return { measurement_set_path: path, pointing: "tracking", flux_jy: 20 };
}

/** Four by four pixels and nothing but the cards that FITS wants. */
function bareFits(): Buffer {
  const cards = ["SIMPLE  =                    T", "BITPIX  =                  -32"];
  for (const [keyword, value] of Object.entries({ NAXIS: 2, NAXIS1: 4, NAXIS2: 4 })) {
    cards.push(`${keyword.padEnd(8)}= ${String(value).padStart(20)}`);
  }
  const header = [...cards, "END"].map((card) => card.padEnd(80)).join("");
  return Buffer.concat([Buffer.from(header.padEnd(2880)), Buffer.alloc(2880)]);
}
