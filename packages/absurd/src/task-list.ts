/**
 * Lists of tasks: newest first, by filter, a page at a time; and how many fit.
 *
 * A search walks candidates newest first, in longer and longer steps, and stops when the page is
 * full or its budget is used up: so no filter makes a page slow. The cursor goes on where it
 * stopped, also when nothing was found yet.
 */
import { type Db, run } from "./db.ts";
import { InvalidCursor } from "./errors.ts";
import { STATUS, Where } from "./task-condition-sql.ts";
import { type TaskFilter, checkFilter } from "./task-filter.ts";
import { taskNumber, taskUuid } from "./task-id.ts";
import {
  type Step,
  type TaskSearch,
  candidatesOf,
  isHopeless,
  prepareSearch,
} from "./task-source.ts";
import { TASK_STATUSES, type TaskStatus, type TaskSummary, readSummaries } from "./task-view.ts";

export interface SearchBudget {
  /** After which no further step begins. Default 30. */
  readonly searchMs?: number | undefined;
  /** Candidates to look at. Default 20,000. */
  readonly candidatesMax?: number | undefined;
}

export interface PageRequest extends SearchBudget {
  readonly cursor?: string | undefined;
  /** Default 50. */
  readonly limit?: number | undefined;
}

export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  /** Give it back to go on; undefined when nothing is left. */
  readonly cursor: string | undefined;
  /** False: the search stopped before the page was full. There may be more after the cursor. */
  readonly complete: boolean;
  /** Every task created since was looked at; null when all were. */
  readonly scannedTo: Date | null;
}

export interface TaskCounts {
  readonly counts: Readonly<Record<TaskStatus, number>>;
  /** Statuses of which there may be more than were counted. */
  readonly atLeast: readonly TaskStatus[];
}

const STEP_MIN = 400;
const STEP_MAX = 4_000;
/** The first of a count, which wants all that fits. */
const COUNT_STEP = 1_000;
/** Below so many candidates a statement costs more than what it looks at. */
const STEP_WORTH = 100;

/** @throws {InvalidFilter} */
export async function listTasks(
  db: Db,
  filter: TaskFilter,
  page: PageRequest = {},
): Promise<TaskPage> {
  checkFilter(filter);
  const limit = page.limit ?? 50;
  const search = await prepareSearch(db, filter);
  const before = page.cursor === undefined ? null : numberOf(page.cursor);
  const { numbers, last } = await find(db, search, { before, wanted: limit + 1, budget: page });
  const tasks = await readSummaries(db, numbers.slice(0, limit));
  const isFull = numbers.length > limit;
  const stoppedAt = isFull ? numbers[limit - 1] : last;
  return {
    tasks,
    cursor: stoppedAt === undefined ? undefined : taskUuid(stoppedAt),
    complete: isFull || last === undefined,
    scannedTo: stoppedAt === undefined ? null : createdAt(stoppedAt),
  };
}

function numberOf(cursor: string): string {
  const number = taskNumber(cursor);
  if (number !== undefined) return String(number);
  throw new InvalidCursor(`cursor is "${cursor}", expected one that a page of tasks gave`);
}

function createdAt(number: string): Date {
  return new Date(Number(BigInt(number) >> 20n));
}

/** Where a search is, and whether it may go on. */
export class Walk {
  before: string | null;
  size: number;
  #left: number;
  #stepBegan: number;
  readonly #end: number;
  readonly #nowMs: () => number;

  constructor(
    before: string | null,
    first: number,
    budget: SearchBudget,
    nowMs: () => number = () => performance.now(),
  ) {
    this.before = before;
    this.#nowMs = nowMs;
    this.#left = budget.candidatesMax ?? 20_000;
    this.#stepBegan = nowMs();
    this.#end = this.#stepBegan + (budget.searchMs ?? 30);
    this.size = Math.min(Math.max(first, STEP_MIN), this.#left);
  }

  get step(): Step {
    return { before: this.before, size: this.size };
  }

  /**
   * False: the budget is used up, or no candidate is left. The next step is no longer than what
   * the last one took a candidate lets expect to end in time.
   */
  goOn(scanned: number, last: string | null): boolean {
    if (scanned < this.size || last === null) return false;
    this.before = last;
    this.#left -= scanned;
    const now = this.#nowMs();
    const msEach = (now - this.#stepBegan) / scanned;
    this.#stepBegan = now;
    const inTime = msEach > 0 ? Math.floor((this.#end - now) / msEach) : STEP_MAX;
    if (this.#left <= 0 || inTime < STEP_WORTH) return false;
    this.size = Math.min(this.size * 4, STEP_MAX, this.#left, inTime);
    return true;
  }
}

interface Found {
  readonly numbers: readonly string[];
  /** Where the budget ended; undefined when nothing is left to look at. */
  readonly last: string | undefined;
}

async function find(
  db: Db,
  search: TaskSearch,
  page: { before: string | null; wanted: number; budget: SearchBudget },
): Promise<Found> {
  const numbers: string[] = [];
  if (isHopeless(search)) return { numbers, last: undefined };
  const walk = new Walk(page.before, page.wanted, page.budget);
  while (true) {
    const { step } = walk;
    const where = new Where();
    const text = findText(search, where, step, page.wanted - numbers.length);
    const [row] = await run<{ numbers: string[]; last: string | null; scanned: number }>(
      db,
      text,
      where.values,
    );
    const { scanned, last } = row!;
    numbers.push(...row!.numbers);
    if (numbers.length >= page.wanted) return { numbers, last: undefined };
    if (walk.goOn(scanned, last)) continue;
    return { numbers, last: scanned < step.size ? undefined : (last ?? undefined) };
  }
}

/**
 * `scanned` is what the step looks at, `fitting` what fits of it. Candidates are from the same
 * snapshot as what is asked of them: those of planes of one status need not be asked for it.
 */
function searchText(search: TaskSearch, where: Where, step: Step, fitting: string): string {
  const { text, left, hasStatus } = candidatesOf(search, where, step);
  if (!hasStatus) where.status(search.statuses);
  for (const condition of left) where.condition(condition);
  if (search.lanes) {
    where.add(`t.lane_id = any(${where.bind(search.lanes, "integer[]")})`);
  }
  return `with scanned as materialized (${text}),
    fitting as (select ${fitting} from scanned t ${where.joins} ${where.text})`;
}

function findText(search: TaskSearch, where: Where, step: Step, wanted: number): string {
  const head = searchText(search, where, step, "t.id");
  const limit = where.bind(wanted, "integer");
  return `${head}
    select array(select f.id::text from fitting f order by f.id desc limit ${limit}) as numbers,
           (select min(n.id)::text from scanned n) as last,
           (select count(*)::integer from scanned) as scanned`;
}

/**
 * How many tasks fit, by status. Counting ends at `limit` of a status, and with the budget.
 * @throws {InvalidFilter}
 */
export async function countTasks(
  db: Db,
  filter: TaskFilter,
  limit = 10_000,
  budget: SearchBudget = {},
): Promise<TaskCounts> {
  checkFilter(filter);
  const search = await prepareSearch(db, filter);
  const counts = new Map<TaskStatus, number>();
  if (isHopeless(search)) return capped(search, counts, limit, true);
  if (search.conditions.length === 0) {
    const rows = await run<{ status: TaskStatus; tasks: string }>(
      db,
      "select status, tasks from absurd.count_tasks($1, $2)",
      [search.lanes ?? null, limit],
    );
    for (const row of rows) counts.set(row.status, Number(row.tasks));
    return capped(search, counts, limit, true);
  }
  const walk = new Walk(null, COUNT_STEP, { candidatesMax: 10 * limit, ...budget });
  while (true) {
    const { size } = walk.step;
    const where = new Where();
    const text = countText(search, where, walk.step);
    const [row] = await run<{
      counts: Partial<Record<TaskStatus, number>> | null;
      last: string | null;
      scanned: number;
    }>(db, text, where.values);
    for (const status of TASK_STATUSES) {
      counts.set(status, (counts.get(status) ?? 0) + (row!.counts?.[status] ?? 0));
    }
    const isFull = search.statuses.every((status) => (counts.get(status) ?? 0) >= limit);
    if (!isFull && walk.goOn(row!.scanned, row!.last)) continue;
    return capped(search, counts, limit, row!.scanned < size);
  }
}

function countText(search: TaskSearch, where: Where, step: Step): string {
  where.join("outcome", "lease");
  return `${searchText(search, where, step, `${STATUS} as status`)}
    select (select jsonb_object_agg(f.status, f.tasks) from (
              select c.status, count(*) as tasks from fitting c group by 1) f) as counts,
           (select min(n.id)::text from scanned n) as last,
           (select count(*)::integer from scanned) as scanned`;
}

function capped(
  search: TaskSearch,
  counts: ReadonlyMap<TaskStatus, number>,
  limit: number,
  isWhole: boolean,
): TaskCounts {
  const counted = TASK_STATUSES.map((status) => [
    status,
    search.statuses.includes(status) ? (counts.get(status) ?? 0) : 0,
  ]);
  return {
    counts: Object.fromEntries(
      counted.map(([status, tasks]) => [status, Math.min(Number(tasks), limit)]),
    ) as Record<TaskStatus, number>,
    atLeast: search.statuses.filter((status) => !isWhole || (counts.get(status) ?? 0) > limit),
  };
}
