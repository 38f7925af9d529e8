/**
 * Where a walk through tasks reads its candidates: newest first, from the place that holds the
 * fewest of those that can fit. Every statement is bounded by a number of candidates.
 */
import { type Db, run } from "./db.ts";
import { Where } from "./task-condition-sql.ts";
import {
  type TaskCondition,
  type TaskFilter,
  createdBetween,
  isUuid,
  statusesOf,
} from "./task-filter.ts";
import { taskNumber } from "./task-id.ts";
import type { TaskStatus } from "./task-view.ts";

/** What a walk needs to know before it begins. */
export interface TaskSearch {
  /** Those that neither statuses nor lanes stand for. */
  readonly conditions: readonly TaskCondition[];
  readonly statuses: readonly TaskStatus[];
  /** Undefined: all. */
  readonly lanes: readonly number[] | undefined;
  /** Task numbers, from to before. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The planes of tasks that have not ended are small enough to be sorted for each page. */
  readonly isLivePlaneSmall: boolean;
}

/** Keeps the planner from walking all of history in order instead of looking the few up. */
const BY_KEY = " + 0";
const LANE_FIELDS = ["queue", "name", "priority"];
/** About 200,000 rows: their newest are found in 20 ms. */
const LIVE_BYTES_MAX = 16 * 2 ** 20;
/** A statement that spawns many makes a task's number after its time of creation. */
const NUMBER_LAG_MS = 3_600_000;
const NUMBERS_PER_MS = 1n << 20n;

export async function prepareSearch(db: Db, filter: TaskFilter): Promise<TaskSearch> {
  const where = new Where();
  const onLanes = filter.conditions.filter((each) => LANE_FIELDS.includes(each.field));
  for (const condition of onLanes) where.condition(condition);
  const [row] = await run<{
    now: Date;
    is_clock_moved: boolean;
    live_bytes: string;
    lanes: number[];
    lane_count: number;
  }>(
    db,
    `select absurd.clock() as now,
            coalesce(current_setting('absurd.fake_now', true), '') <> '' as is_clock_moved,
            pg_relation_size('absurd.ready') + pg_relation_size('absurd.deferred')
              + pg_relation_size('absurd.waiting') + pg_relation_size('absurd.parked')
              as live_bytes,
            (select count(*)::integer from absurd.lane) as lane_count,
            array(select l.lane_id from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id
                  ${where.text}) as lanes`,
    where.values,
  );
  const { now, lanes, lane_count: laneCount } = row!;
  // Numbers are made by the real clock: a moved one says nothing about them.
  const created = row!.is_clock_moved ? undefined : createdBetween(filter, now);
  return {
    conditions: filter.conditions.filter(
      (each) => each.field !== "status" && !onLanes.includes(each),
    ),
    statuses: statusesOf(filter),
    lanes: onLanes.length === 0 || lanes.length === laneCount ? undefined : lanes,
    from: created?.from && firstNumber(created.from.getTime()),
    to: created?.to && firstNumber(created.to.getTime() + NUMBER_LAG_MS),
    isLivePlaneSmall: Number(row!.live_bytes) <= LIVE_BYTES_MAX,
  };
}

function firstNumber(ms: number): string {
  const bounded = Math.max(0, Math.min(Math.floor(ms), 2 ** 42));
  return String(BigInt(bounded) * NUMBERS_PER_MS);
}

/** Nothing can fit. */
export function isHopeless(search: TaskSearch): boolean {
  return search.statuses.length === 0 || search.lanes?.length === 0;
}

export interface Step {
  /** Below this task number. */
  readonly before: string | null;
  /** Candidates to read at most. */
  readonly size: number;
}

/** The candidates as rows of absurd.task, and the conditions that they have not been asked. */
export interface Candidates {
  readonly text: string;
  readonly left: readonly TaskCondition[];
  /** They are from places that hold tasks of the statuses asked for and no others. */
  readonly hasStatus: boolean;
}

/** The next candidates, as a part of a statement whose values `where` collects. */
export function candidatesOf(search: TaskSearch, where: Where, step: Step): Candidates {
  const keyed = search.conditions.filter(hasIndex);
  if (keyed.length === 0) {
    const branches = branchesOf(search, where, step);
    if (branches) {
      const text = fromBranches(branches, where, step);
      return { text, left: search.conditions, hasStatus: isByPlace(search.statuses) };
    }
  }
  const pushed = keyed.length > 0 ? keyed : search.conditions.filter(isTag);
  const bound = boundsOf(search, where, step, "t.id");
  if (search.lanes) bound.push(`t.lane_id = any(${where.bind(search.lanes, "integer[]")})`);
  for (const condition of pushed) bound.push(keyCondition(condition, where));
  return {
    text: `select t.* from absurd.task t ${bound.length > 0 ? `where ${bound.join(" and ")}` : ""}
      order by t.id${keyed.length > 0 ? BY_KEY : ""} desc limit ${where.bind(step.size, "integer")}`,
    left: search.conditions.filter((each) => !pushed.includes(each)),
    hasStatus: false,
  };
}

/** Pending and retrying share their places; attempts, which stand for some, are of any status. */
function isByPlace(statuses: readonly TaskStatus[]): boolean {
  const has = (status: TaskStatus): boolean => statuses.includes(status);
  return !has("completed") && has("pending") === has("retrying");
}

function boundsOf(search: TaskSearch, where: Where, step: Step, column: string): string[] {
  const to = upperBoundOf(search, step);
  return [
    ...(to === undefined ? [] : [`${column} < ${where.bind(to, "bigint")}`]),
    ...(search.from === undefined ? [] : [`${column} >= ${where.bind(search.from, "bigint")}`]),
  ];
}

function upperBoundOf({ to }: TaskSearch, { before }: Step): string | undefined {
  if (before === null || to === undefined) return before ?? to;
  return BigInt(before) < BigInt(to) ? before : to;
}

/** Few tasks have it, and an index finds them. */
function hasIndex({ field, op, not, values }: TaskCondition): boolean {
  if (not || op !== "is") return field === "id" && op === "prefix" && !not;
  if (field === "workflow") return values.every(isUuid);
  return ["id", "parent", "correlation", "key"].includes(field);
}

function isTag({ field, op, not }: TaskCondition): boolean {
  return field === "tag" && op === "is" && !not;
}

function keyCondition(condition: TaskCondition, where: Where): string {
  const { field, values, op } = condition;
  if (field === "id" && op === "prefix") {
    return values.map((value) => idRange(String(value), where)).join(" or ");
  }
  if (field === "key") {
    return `t.id = any(array(select d.task_id from absurd.dedup d
      where d.scope in (select k.scope from absurd.kind k)
        and d.key = any(${where.bind(values, "text[]")})))`;
  }
  if (field === "tag") return `t.tags && ${where.bind(values, "text[]")}`;
  if (field === "workflow") return `t.workflow_id = any(${where.bind(values, "uuid[]")})`;
  if (field === "correlation") return `t.correlation_id = any(${where.bind(values, "text[]")})`;
  const numbers = values.flatMap((value) => taskNumber(String(value))?.toString() ?? []);
  return `t.${field === "id" ? "id" : "parent_id"} = any(${where.bind(numbers, "bigint[]")})`;
}

/** Task numbers whose UUIDs begin so: the first 12 digits are milliseconds. */
function idRange(prefix: string, where: Where): string {
  const digits = prefix.toLowerCase().replaceAll("-", "").slice(0, 12);
  const low = BigInt(`0x${digits.padEnd(12, "0")}`) * NUMBERS_PER_MS;
  const high = (BigInt(`0x${digits.padEnd(12, "f")}`) + 1n) * NUMBERS_PER_MS;
  const max = 2n ** 63n - 1n;
  const bound = (value: bigint): string => where.bind(String(value > max ? max : value), "bigint");
  return `(t.id >= ${bound(low)} and t.id < ${bound(high)}
    and starts_with(absurd.task_uuid(t.id)::text, ${where.bind(prefix.toLowerCase(), "text")}))`;
}

const LIVE_PLANES = [
  "select r.task_id as id, r.lane_id, r.claim_no from absurd.ready r",
  "select d.task_id, d.lane_id, d.claim_no from absurd.deferred d",
  "select w.child, w.lane_id, w.claim_no from absurd.waiting w",
  "select p.task_id, p.lane_id, p.claim_no from absurd.parked p",
].join(" union all ");
const ENDS = { failed: "d", cancelled: "x" } as const;

/** Places that hold all tasks that can fit, few beside history; undefined when there are none. */
function branchesOf(search: TaskSearch, where: Where, step: Step): string[] | undefined {
  const fits = (status: TaskStatus): boolean => search.statuses.includes(status);
  const ended = (["failed", "cancelled"] as const).filter(fits);
  const kinds = ended.map((status) => ENDS[status]);
  if (fits("completed")) {
    return search.conditions.some(isOfError)
      ? [...endBranches(["d", "x"], search, where, step), failedAttempts(search, where, step)]
      : undefined;
  }
  const branches = endBranches(kinds, search, where, step);
  if (fits("claimed"))
    branches.push(
      liveBranch(
        "select s.task_id as id, s.lane_id, s.claim_no from absurd.lease s",
        search,
        where,
        step,
      ),
    );
  if (fits("pending") || fits("retrying")) {
    if (!search.isLivePlaneSmall) return undefined;
    const tried = fits("pending") ? [] : ["u.claim_no > 0"];
    branches.push(liveBranch(LIVE_PLANES, search, where, step, tried));
  }
  return branches;
}

/** Only tasks of which an attempt failed, and those that ended badly, have an error. */
function isOfError({ field, not }: TaskCondition): boolean {
  return !not && ["error", "class", "message"].includes(field);
}

function liveBranch(
  planes: string,
  search: TaskSearch,
  where: Where,
  step: Step,
  conditions: readonly string[] = [],
): string {
  const all = [...boundsOf(search, where, step, "u.id"), ...conditions];
  if (search.lanes) all.push(`u.lane_id = any(${where.bind(search.lanes, "integer[]")})`);
  return `(select u.id from (${planes}) u ${all.length > 0 ? `where ${all.join(" and ")}` : ""}
    order by u.id desc limit ${where.bind(step.size, "integer")})`;
}

function endBranches(
  kinds: readonly string[],
  search: TaskSearch,
  where: Where,
  step: Step,
): string[] {
  return kinds.map((kind) => {
    const bound = where.bind(kind, '"char"');
    return `(select e.id from absurd.newest_ended(${bound}, ${rangeOf(search, where, step)}) e(id))`;
  });
}

function failedAttempts(search: TaskSearch, where: Where, step: Step): string {
  return `(select a.id from absurd.newest_tried(${rangeOf(search, where, step)}) a(id))`;
}

/** From, before and how many, as arguments. */
function rangeOf(search: TaskSearch, where: Where, step: Step): string {
  return [
    where.bind(search.from ?? null, "bigint"),
    where.bind(upperBoundOf(search, step) ?? null, "bigint"),
    where.bind(step.size, "integer"),
  ].join(", ");
}

function fromBranches(branches: readonly string[], where: Where, step: Step): string {
  return `select b.* from absurd.task_rows(array(
      select e.id from (${branches.join(" union ")}) e
       order by e.id desc limit ${where.bind(step.size, "integer")})) b`;
}
