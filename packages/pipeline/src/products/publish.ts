/**
 * Publishing: how the files of a run become products.
 *
 * 1. The run's files, in its stage folder, are flushed to the disk.
 * 2. One transaction judges the run, registers the products, the verdict and the stage's own rows
 *    and completes the task, or does what else its quality gate demands (quality/gate-run.ts). It
 *    raises when the fence is stale, and then none of it happened.
 * 3. Each file is renamed into place and its row marked published.
 *
 * A crash before the commit leaves a stage folder with a dead fence; after it, rows whose files
 * still have to move. Readers (registry.ts) and the reconciler finish or remove both.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { weigh } from "../keeping/checksum.ts";
import { type Ending, type Judged, judgeRun, settle } from "../quality/gate-run.ts";
import { type Thresholds, THRESHOLDS } from "../quality/thresholds.ts";
import type { AnyStage, Json, Output, StageResult } from "../stage.ts";
import { areaOf, areaOfStage, stageFolder } from "./paths.ts";
import { exists } from "./place.ts";
import { finishPublication, type RunInput } from "./registry.ts";
import { softwareVersions } from "./software.ts";
import { syncTree } from "./sync-tree.ts";
import { CommitUncertain, inTransaction } from "./transaction.ts";

/** The attempt on whose behalf a run publishes. */
interface PublishingTask {
  readonly taskId: string;
  readonly attempt: number;
  readonly fence: string;
  /** What the task's result will be. */
  readonly result: Json;
  /** Completes the task in this transaction. @throws when the fence is stale */
  completeIn(client: pg.ClientBase): Promise<void>;
}

export interface Publication {
  readonly dataRoot: string;
  readonly runId: string;
  readonly stage: AnyStage;
  readonly params: unknown;
  readonly groupId: string;
  readonly inputs: readonly RunInput[];
  readonly result: StageResult;
  /** Of the quality gates. Default: the telescope's own. */
  readonly thresholds?: Thresholds | undefined;
  /** Absent when a stage runs without a queue. */
  readonly task?: PublishingTask;
  /** Told of a file that could not be moved after the commit; the reconciler will. */
  readonly onLate: (error: unknown) => void;
}

/** What became of a run at its quality gate. */
export interface Published extends Judged {
  readonly ending: Ending;
}

/**
 * @throws whatever the registration raised; then nothing is registered and the stage folder is
 * gone, unless the commit is uncertain: then the folder stays for the reconciler to judge
 */
export async function publish(pool: pg.Pool, publication: Publication): Promise<Published> {
  const folder = stageFolder(areaOfStage(publication.stage.name), publication.runId);
  const folderPath = join(publication.dataRoot, folder);
  let registered: Registered;
  try {
    // Reading for the checksums hides in the time that the disk takes to flush.
    const [outputs] = await Promise.all([
      describeOutputs(publication, folder),
      syncTree(folderPath),
    ]);
    registered = await inTransaction(pool, (client) => register(client, publication, outputs));
  } catch (error) {
    if (!(error instanceof CommitUncertain)) {
      await rm(folderPath, { recursive: true, force: true });
    }
    throw error;
  }
  try {
    for (const path of registered.obsoletePaths) {
      await rm(join(publication.dataRoot, path), { recursive: true, force: true });
    }
    for (const productId of registered.productIds) {
      await finishPublication(pool, publication.dataRoot, productId);
    }
    await rm(folderPath, { recursive: true, force: true });
  } catch (error) {
    // The task is completed and the rows are there: from here on the files can only be late.
    publication.onLate(error);
  }
  return registered;
}

interface Registered extends Published {
  readonly productIds: readonly string[];
  /** Files of superseded products that nobody needs any more. */
  readonly obsoletePaths: readonly string[];
}

interface OutputRow {
  readonly kind: string;
  readonly ordinal: number;
  readonly final_path: string;
  readonly stage_path: string;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly size_bytes: number;
  readonly checksum: string;
}

async function register(
  client: pg.PoolClient,
  publication: Publication,
  outputs: readonly OutputRow[],
): Promise<Registered> {
  const { groupId, task } = publication;
  const fence = task?.fence ?? publication.runId;
  await client.query("select set_config('contimg.task_id', $1, true)", [task?.taskId ?? ""]);
  await client.query("select contimg.lock_group($1)", [groupId]);
  const run = { ...publication, fence, thresholds: publication.thresholds ?? THRESHOLDS };
  const judged = await judgeRun(client, run);
  const rows = judged.keepsProducts
    ? await registerProducts(client, publication, { outputs, fence })
    : { productIds: [], obsoletePaths: [] };
  return { ...judged, ...rows, ending: await settle(client, run, judged) };
}

async function registerProducts(
  client: pg.PoolClient,
  publication: Publication,
  { outputs, fence }: { readonly outputs: readonly OutputRow[]; readonly fence: string },
): Promise<Pick<Registered, "productIds" | "obsoletePaths">> {
  const { stage, groupId, task } = publication;
  const obsolete = await client.query<{ path: string }>(
    "select path from contimg.supersede_products($1, $2, $3, $4) as path",
    [
      ...[groupId, stage.name],
      [...unique(outputs, "kind"), ...(publication.result.replaces ?? [])],
      unique(outputs, "final_path"),
    ],
  );
  const products = await client.query<{ product_id: string }>(
    "select product_id from contimg.register_products($1, $2, $3, $4, $5, $6, $7, $8)",
    [
      groupId,
      stage.name,
      task?.taskId ?? null,
      task?.attempt ?? null,
      fence,
      softwareVersions(),
      JSON.stringify(outputs),
      JSON.stringify(publication.inputs.map((i) => ({ path: i.path, product_id: i.productId }))),
    ],
  );
  await client.query(
    `select absurd.cancel_task(void, 'a later run of ' || $2 || ' took its place')
       from contimg.close_void_cases($1, $2, $3) as void`,
    [groupId, stage.name, fence],
  );
  return {
    productIds: products.rows.map((row) => row.product_id),
    obsoletePaths: obsolete.rows.map((row) => row.path),
  };
}

/** Checks what the stage says it wrote against what is there. */
async function describeOutputs(publication: Publication, folder: string): Promise<OutputRow[]> {
  const area = areaOfStage(publication.stage.name);
  const countOfKind = new Map<string, number>();
  const rows: OutputRow[] = [];
  for (const output of publication.result.outputs) {
    if (areaOf(output.finalPath) !== area) throw wrongOutput(output, `is outside area ${area}`);
    const path = join(publication.dataRoot, folder, output.stagePath);
    if (!(await exists(path))) throw wrongOutput(output, "does not exist in the stage folder");
    if (rows.some((row) => row.final_path === output.finalPath)) {
      throw wrongOutput(output, "is listed twice");
    }
    const { sizeBytes, checksum } = await weigh(path);
    const ordinal = countOfKind.get(output.kind) ?? 0;
    countOfKind.set(output.kind, ordinal + 1);
    rows.push({
      kind: output.kind,
      ordinal,
      final_path: output.finalPath,
      stage_path: `${folder}/${output.stagePath}`,
      metadata: output.metadata,
      size_bytes: sizeBytes,
      checksum,
    });
  }
  return rows;
}

/** A stage that says what is not so has a bug. */
function wrongOutput(output: Output, what: string): Error {
  return new Error(`output ${output.stagePath} for ${output.finalPath} ${what}`);
}

function unique<Key extends keyof OutputRow>(rows: readonly OutputRow[], key: Key) {
  return [...new Set(rows.map((row) => row[key]))];
}
