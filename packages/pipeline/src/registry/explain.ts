/** Why a product is calibrated as it is: its decision, its warnings, where it came from. */
import { isAbsolute, relative } from "node:path";

import type pg from "pg";

import { PipelineError } from "../errors.ts";
import { isGroupId } from "../products/paths.ts";
import type { SelfCalibrationRecord } from "../self-calibration/record.ts";
import type { CalibrationDecision } from "./decision.ts";
import type { CalibrationPolicy } from "./policy.ts";

/** Of a group the product that a person means, the first there is. */
const KINDS = ["corrected-image", "image", "calibrated-measurement-set"];

export interface RecordedDecision extends CalibrationDecision {
  readonly decision_id: string;
  readonly decided_at: Date;
  readonly task_id: string | null;
  readonly policy: CalibrationPolicy;
}

export interface LineageStep {
  /** 0 is the product itself. */
  readonly depth: number;
  readonly path: string;
  readonly kind: string | null;
  readonly group_id: string | null;
  readonly task_name: string | null;
}

export interface StageFindings {
  readonly task_name: string;
  readonly grade: string;
  readonly findings: readonly string[];
}

export interface MadeAgain {
  readonly revision: string;
  readonly workflow_id: string;
  readonly reason: string;
  readonly spawned_at: Date;
}

export interface Explanation {
  readonly groupId: string;
  /** Null while the group has no calibrated product. */
  readonly product: {
    readonly productId: string;
    readonly path: string;
    readonly kind: string;
    readonly isCurrent: boolean;
  } | null;
  /** What the product was calibrated by; null when that was before decisions were recorded. */
  readonly decision: RecordedDecision | null;
  /** Why the group waits now, if it does. */
  readonly waiting: RecordedDecision | null;
  readonly earlierDecisionCount: number;
  /** What imaging tried of the image that the product is or was made from; null if nothing. */
  readonly selfCalibration: SelfCalibrationRecord | null;
  readonly stages: readonly StageFindings[];
  readonly madeAgain: readonly MadeAgain[];
  readonly lineage: readonly LineageStep[];
}

/**
 * @param named a product's path, absolute or below the data root, or a group id
 * @throws {PipelineError} MissingProduct when there is neither product nor decision of that name
 */
export async function explainProduct(
  pool: pg.Pool,
  dataRoot: string,
  named: string,
): Promise<Explanation> {
  const product = await findProduct(pool, dataRoot, named);
  const groupId = product?.group_id ?? named;
  const waiting = await decisionWhere(
    pool,
    "d.group_id = $1 and d.kind = 'hold' and d.released_at is null",
    groupId,
  );
  if (!product && !waiting) throw nothingNamed(named);
  const lineage = product ? await ancestry(pool, product.product_id) : [];
  const decision = product
    ? await decisionWhere(
        pool,
        "d.product_id in (select a.product_id from contimg.ancestry($1) a)",
        product.product_id,
      )
    : undefined;
  const decisions = await pool.query<{ count: number }>(
    `select count(*)::integer as count
       from contimg.calibration_decisions d
      where d.group_id = $1 and d.decision_id < $2`,
    [groupId, decision?.decision_id ?? waiting?.decision_id ?? 0],
  );
  return {
    groupId,
    product: product
      ? {
          productId: product.product_id,
          path: product.final_path,
          kind: product.kind,
          isCurrent: product.is_current,
        }
      : null,
    decision: decision ?? null,
    waiting: waiting ?? null,
    earlierDecisionCount: decisions.rows[0]?.count ?? 0,
    selfCalibration: product ? await selfCalibrationOf(pool, product.product_id) : null,
    stages: await stagesOf(pool, groupId),
    madeAgain: await madeAgain(pool, groupId),
    lineage,
  };
}

interface ProductRow {
  product_id: string;
  final_path: string;
  kind: string;
  group_id: string;
  is_current: boolean;
}

async function findProduct(
  pool: pg.Pool,
  dataRoot: string,
  named: string,
): Promise<ProductRow | undefined> {
  const path = isAbsolute(named) ? relative(dataRoot, named) : named;
  const condition = isGroupId(named)
    ? "p.group_id = $1 and p.kind = any($2) and p.ordinal = 0"
    : "p.final_path = $1 and $2::text[] is not null";
  const { rows } = await pool.query<ProductRow>(
    `select p.product_id, p.final_path, p.kind, p.group_id,
            p.superseded_at is null as is_current
       from contimg.products p
      where ${condition}
      order by is_current desc, array_position($2::text[], p.kind), p.registered_at desc
      limit 1`,
    [isGroupId(named) ? named : path, KINDS],
  );
  return rows[0];
}

async function decisionWhere(
  pool: pg.Pool,
  condition: string,
  value: string,
): Promise<RecordedDecision | undefined> {
  const { rows } = await pool.query<{
    decision_id: string;
    decided_at: Date;
    task_id: string | null;
    decision: CalibrationDecision;
    policy: CalibrationPolicy;
  }>(
    `select d.decision_id, d.decided_at, d.task_id, d.decision, d.policy
       from contimg.calibration_decisions d
      where ${condition}
      order by d.decision_id desc
      limit 1`,
    [value],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { decision, ...rest } = row;
  return { ...decision, ...rest };
}

async function ancestry(pool: pg.Pool, productId: string): Promise<LineageStep[]> {
  const { rows } = await pool.query<LineageStep>(
    `select a.depth, a.path, a.kind, a.group_id, a.task_name from contimg.ancestry($1) a`,
    [productId],
  );
  return rows;
}

async function selfCalibrationOf(
  pool: pg.Pool,
  productId: string,
): Promise<SelfCalibrationRecord | null> {
  const { rows } = await pool.query<{ record: SelfCalibrationRecord }>(
    `select p.metadata -> 'self_calibration' as record
       from contimg.ancestry($1) a
       join contimg.products p on p.product_id = a.product_id
      where p.metadata ? 'self_calibration'
      order by a.depth
      limit 1`,
    [productId],
  );
  return rows[0]?.record ?? null;
}

async function stagesOf(pool: pg.Pool, groupId: string): Promise<StageFindings[]> {
  const { rows } = await pool.query<StageFindings>(
    `select q.task_name, q.grade, q.findings
       from contimg.quality_verdicts q
      where q.group_id = $1
      order by q.recorded_at`,
    [groupId],
  );
  return rows;
}

async function madeAgain(pool: pg.Pool, groupId: string): Promise<MadeAgain[]> {
  const { rows } = await pool.query<MadeAgain>(
    `select s.revision, s.workflow_id, s.reason, s.spawned_at
       from contimg.calibration_supersessions s
      where s.group_id = $1
      order by s.spawned_at`,
    [groupId],
  );
  return rows;
}

function nothingNamed(named: string): PipelineError {
  const what = isGroupId(named)
    ? `group ${named} has no calibrated product and waits for none`
    : `no product has the path ${named}`;
  return new PipelineError("MissingProduct", `${what}: see contimg ls products`, { named });
}
