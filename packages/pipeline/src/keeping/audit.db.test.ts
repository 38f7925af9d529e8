import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PROBE_STAGE_URL, probeStage } from "../probe-stage.test-stage.ts";
import { runByHand } from "../run-by-hand.ts";
import { audit } from "./audit.ts";
import { repair } from "./repair.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const FOLDER = "photometry/2026-01-25";
const PROBE = { stage: probeStage, url: PROBE_STAGE_URL };
const NOW = new Date("2026-02-01T00:00:00Z");

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "audit-"));
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
  mkdirSync(join(dataRoot, "incoming"));
  writeFileSync(join(dataRoot, "incoming/raw.hdf5"), "raw");
  await runProbe({ "a.csv": 30, "b.ms/table.dat": 40 }, { "a.csv": "a.csv", "b.ms": "b.ms" });
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

const at = (path: string): string => join(dataRoot, path);

test("an archive that is as it should be gives no finding", async () => {
  mkdirSync(at("ms/science/2026-01-25"), { recursive: true });
  writeFileSync(at(`${FOLDER}/b.ms/table.lock`), "casacore writes this when it reads");

  const report = await audit(pool, dataRoot, { deep: true });

  assert.deepEqual(report.findings, []);
  assert.equal(report.productCount, 2);
  assert.equal(report.bytes, 70);
  assert.equal(report.uncheckedCount, 0);
});

interface Damage {
  readonly what: string;
  readonly kind: string;
  readonly path: string;
  readonly deep?: boolean;
  readonly inflict: () => unknown;
}

const DAMAGES: readonly Damage[] = [
  {
    what: "a deleted file",
    kind: "missing-file",
    path: `${FOLDER}/a.csv`,
    inflict: () => {
      rmSync(at(`${FOLDER}/a.csv`));
    },
  },
  {
    what: "a truncated file",
    kind: "wrong-size",
    path: `${FOLDER}/a.csv`,
    inflict: () => {
      truncateSync(at(`${FOLDER}/a.csv`), 7);
    },
  },
  {
    what: "a file too many inside a product folder",
    kind: "wrong-size",
    path: `${FOLDER}/b.ms`,
    inflict: () => {
      writeFileSync(at(`${FOLDER}/b.ms/more.dat`), "more");
    },
  },
  {
    what: "a flipped byte",
    kind: "wrong-checksum",
    path: `${FOLDER}/b.ms`,
    deep: true,
    inflict: () => {
      const file = at(`${FOLDER}/b.ms/table.dat`);
      const bytes = readFileSync(file);
      bytes[20]! ^= 1;
      writeFileSync(file, bytes);
    },
  },
  {
    what: "an extra file",
    kind: "stray-file",
    path: `${FOLDER}/extra.csv`,
    inflict: () => {
      writeFileSync(at(`${FOLDER}/extra.csv`), "nobody's");
    },
  },
  {
    what: "a folder of nobody's",
    kind: "stray-file",
    path: "images/old",
    inflict: () => {
      mkdirSync(at("images/old/2026-01-25"), { recursive: true });
    },
  },
  {
    what: "a row without a file",
    kind: "missing-file",
    path: `${FOLDER}/never.csv`,
    inflict: () => insertRow(`${FOLDER}/never.csv`, "photometry/.stage/gone/never.csv", false),
  },
  {
    what: "an unfinished rename",
    kind: "unfinished-publication",
    path: `${FOLDER}/a.csv`,
    inflict: async () => {
      const { rows } = await pool.query<{ stage_path: string }>(
        `update contimg.products set published_at = null where final_path = $1
         returning stage_path`,
        [`${FOLDER}/a.csv`],
      );
      mkdirSync(dirname(at(rows[0]!.stage_path)), { recursive: true });
      renameSync(at(`${FOLDER}/a.csv`), at(rows[0]!.stage_path));
    },
  },
  {
    what: "a superseded left-over",
    kind: "left-over",
    path: `${FOLDER}/b.ms`,
    inflict: async () => {
      renameSync(at(`${FOLDER}/b.ms`), at("b.ms"));
      await runProbe({ "a.csv": 31 }, { "a.csv": "a.csv" });
      renameSync(at("b.ms"), at(`${FOLDER}/b.ms`));
    },
  },
  {
    what: "a stage folder without a living task",
    kind: "dead-stage-folder",
    path: "ms/.stage/00000000-0000-4000-8000-000000000000.1-1-1-1",
    inflict: () => {
      mkdirSync(at("ms/.stage/00000000-0000-4000-8000-000000000000.1-1-1-1/x.ms"), {
        recursive: true,
      });
    },
  },
  {
    what: "a stage folder of no attempt",
    kind: "unknown-stage-folder",
    path: "ms/.stage/mine",
    inflict: () => {
      mkdirSync(at("ms/.stage/mine"), { recursive: true });
    },
  },
  {
    what: "a stale temporary name",
    kind: "temporary-name",
    path: `${FOLDER}/c.csv.tmp`,
    inflict: () => {
      writeFileSync(at(`${FOLDER}/c.csv.tmp`), "");
    },
  },
  {
    what: "a transfer that stood still",
    kind: "temporary-name",
    path: "incoming/2026-01-25T22:26:05_sb00.hdf5.part",
    inflict: () => {
      const path = at("incoming/2026-01-25T22:26:05_sb00.hdf5.part");
      appendFileSync(path, "half");
      utimesSync(path, 1, 1);
    },
  },
  {
    what: "an active calibration without its table",
    kind: "orphan-calibration",
    path: "caltables/2026-01-25/x.bcal",
    inflict: () =>
      pool.query(
        `select contimg.register_calibration(
           'caltables/2026-01-25/x.bcal', $1, '3C48', 61000, 60999.5, 61000.5, 0.5, '{}')`,
        [GROUP],
      ),
  },
  {
    what: "an input that lost its product",
    kind: "incomplete-lineage",
    path: `photometry/2026-01-26/d.csv`,
    inflict: async () => {
      const next = "2026-01-26T00:00:00";
      await runProbe({ d: 1 }, { "../2026-01-26/d.csv": "d" }, next, [at(`${FOLDER}/a.csv`)]);
      await pool.query("update contimg.product_inputs set input_product_id = null");
    },
  },
];

describe("an audit finds, and repairs to nothing left,", () => {
  test.each(DAMAGES)("$what", async ({ kind, path, deep = false, inflict }) => {
    await inflict();

    const { findings } = await audit(pool, dataRoot, { deep });

    assert.deepEqual(
      findings.map((each) => [each.kind, each.path]),
      [[kind, path]],
    );
    assert.ok(findings[0]!.detail.includes(path), findings[0]!.detail);
    const [repaired] = await repair(pool, dataRoot, findings, NOW);
    assert.ok(repaired!.done !== undefined);
    assert.deepEqual((await audit(pool, dataRoot, { deep: true })).findings, []);
  });
});

test("what only a person can judge is told, and left alone", async () => {
  mkdirSync(at("home"));

  const { findings } = await audit(pool, dataRoot);
  const [repaired] = await repair(pool, dataRoot, findings);

  assert.equal(repaired!.finding.kind, "wrong-place");
  assert.equal(repaired!.done, undefined);
  assert.ok(existsSync(at("home")));
});

test("a repair keeps the bytes of what it takes away", async () => {
  writeFileSync(at(`${FOLDER}/extra.csv`), "perhaps someone's thesis");

  await repair(pool, dataRoot, (await audit(pool, dataRoot)).findings, NOW);

  const kept = at("photometry/.quarantine/2026-02-01T000000.000Z/2026-01-25/extra.csv");
  assert.equal(readFileSync(kept, "utf8"), "perhaps someone's thesis");
});

async function runProbe(
  files: Record<string, number>,
  products: Record<string, string>,
  groupId = GROUP,
  reads = [join(dataRoot, "incoming/raw.hdf5")],
): Promise<void> {
  const steps = Object.entries(files).map(([write, bytes]) => ({ write, bytes }));
  const outputs = Object.fromEntries(
    Object.entries(products).map(([path, file]) => [join(FOLDER, path), file]),
  );
  const params = { group_id: groupId, steps, outputs, reads };
  await runByHand(PROBE, params, { dataRoot, pool, threadCount: 1 });
}

async function insertRow(finalPath: string, stagePath: string, published: boolean): Promise<void> {
  const { rows } = await pool.query<{ product_id: string }>(
    `insert into contimg.products (kind, group_id, ordinal, final_path, stage_path, task_name,
                                   fence, size_bytes, published_at)
     values ('validation', $1, 0, $2, $3, 'validation', 'x', 1,
             case when $4 then now() end) returning product_id`,
    [GROUP, finalPath, stagePath, published],
  );
  await pool.query(
    "insert into contimg.product_inputs (product_id, input_path) values ($1, 'incoming/raw.hdf5')",
    [rows[0]!.product_id],
  );
}
