/**
 * Conditions on tasks in SQL: fixed fragments, with every value bound. A fragment reads the columns
 * of `t` (absurd.task) and of the joins that it names, which are written only when they are needed.
 */
import {
  type FieldKind,
  type TaskCondition,
  type TaskField,
  isUuid,
  kindOf,
} from "./task-filter.ts";
import { taskNumber } from "./task-id.ts";
import { TASK_STATUSES, type TaskStatus } from "./task-view.ts";

/** Each task is looked up in the other planes by its key: a hash of a whole plane costs more. */
const JOINS = {
  outcome: `left join lateral (select o.kind, o.claim_no, o.worker_id, o.claimed_at, o.finished_at,
      o.error from absurd.outcome o where o.task_id = t.id offset 0) o on true`,
  lease: `left join lateral (select s.task_id, s.claim_no, s.worker_id, s.claimed_at
      from absurd.lease s where s.task_id = t.id offset 0) s on true`,
  attempt: `left join lateral (select max(x.claim_no) as claim_no,
        max(x.claim_no) filter (where absurd.is_new_start(x)) as start_no
      from absurd.credit x where x.task_id = t.id offset 0) c on true
    left join lateral (select x.claim_no, x.error from absurd.attempt x
      where x.task_id = t.id and x.claim_no > coalesce(c.start_no, 0)
      order by x.claim_no desc limit 1) a on true`,
  lane: `join absurd.lane l on l.lane_id = t.lane_id join absurd.kind k on k.kind_id = l.kind_id`,
} as const;
export type Join = keyof typeof JOINS;
const JOIN_ORDER: readonly Join[] = ["lane", "outcome", "lease", "attempt"];

/** What is compared, and what it is read from. */
const EXPRESSIONS: Readonly<
  Record<Exclude<TaskField, "status" | "text" | "param">, readonly [string, readonly Join[]]>
> = {
  id: ["t.id", []],
  queue: ["l.queue", ["lane"]],
  name: ["k.name", ["lane"]],
  priority: ["l.priority::float8", ["lane"]],
  tag: ["t.tags", []],
  worker: [
    `(select w.name from absurd.worker w where w.worker_id = coalesce(o.worker_id, s.worker_id))`,
    ["outcome", "lease"],
  ],
  workflow: ["(select w.name from absurd.workflow w where w.id = t.workflow_id)", []],
  parent: ["t.parent_id", []],
  correlation: ["t.correlation_id", []],
  key: ["t.idempotency_key", []],
  error: ["coalesce(o.error, a.error) ->> 'tag'", ["outcome", "attempt"]],
  class: ["coalesce(o.error, a.error) ->> 'class'", ["outcome", "attempt"]],
  message: ["coalesce(o.error, a.error) ->> 'message'", ["outcome", "attempt"]],
  attempt: [
    "coalesce(o.claim_no, s.claim_no, greatest(a.claim_no, c.claim_no), 0)::float8",
    ["outcome", "lease", "attempt"],
  ],
  age: [`extract(epoch from absurd.clock() - ${created()})::float8`, []],
  wait: [
    `extract(epoch from coalesce(o.claimed_at, s.claimed_at,
       case when o.kind is null then absurd.clock() end) - ${created()})::float8`,
    ["outcome", "lease"],
  ],
  run: [
    `extract(epoch from coalesce(o.finished_at, absurd.clock())
       - coalesce(o.claimed_at, s.claimed_at))::float8`,
    ["outcome", "lease"],
  ],
  created: [created(), []],
  started: ["coalesce(o.claimed_at, s.claimed_at)", ["outcome", "lease"]],
  ended: ["o.finished_at", ["outcome"]],
};

function created(): string {
  return "coalesce(t.created_at, absurd.number_at(t.id))";
}

/** Where free text is looked for, besides the task's name. */
const TEXTS: readonly string[] = [
  "k.name",
  "t.correlation_id",
  "t.idempotency_key",
  "array_to_string(t.tags, ' ')",
  "t.params::text",
  "coalesce(o.error, a.error) ->> 'tag'",
  "coalesce(o.error, a.error) ->> 'message'",
];

const OPERATORS = { is: "=", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;

/** Collects the conditions of one statement and their values. */
export class Where {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];
  readonly #joins = new Set<Join>();

  /** The placeholder of a value. */
  bind(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  /** A fixed condition. */
  add(text: string): void {
    this.#conditions.push(text);
  }

  join(...joins: readonly Join[]): void {
    for (const each of joins) this.#joins.add(each);
  }

  get text(): string {
    return this.#conditions.length === 0 ? "" : `where ${this.#conditions.join("\n and ")}`;
  }

  get joins(): string {
    return JOIN_ORDER.filter((each) => this.#joins.has(each))
      .map((each) => JOINS[each])
      .join("\n");
  }

  condition(condition: TaskCondition): void {
    const text = this.#fits(condition);
    this.add(condition.not ? `(${text}) is not true` : `(${text})`);
  }

  /** Only these statuses fit. */
  status(statuses: readonly TaskStatus[]): void {
    if (statuses.length === TASK_STATUSES.length) return;
    // Where both or neither fit, they need not be told apart.
    const splits = statuses.includes("pending") !== statuses.includes("retrying");
    this.join("outcome", "lease");
    this.add(`${splits ? STATUS : STATUS_UNSPLIT} = any(${this.bind(statuses, "text[]")})`);
  }

  #fits(condition: TaskCondition): string {
    const { field, op, values } = condition;
    if (field === "status") throw new TypeError("statuses are asked together, by status()");
    if (field === "text") {
      this.join("lane", "outcome", "attempt");
      const parts = this.bind(values, "text[]");
      return TEXTS.map((each) => textFits(each, "contains", parts)).join(" or ");
    }
    if (field === "param") return this.#paramFits(condition);
    const [expression, joins] = EXPRESSIONS[field];
    this.join(...joins);
    if (field === "workflow") return this.#workflowFits(expression, condition);
    if (field === "tag") return this.#tagFits(condition);
    const kind: FieldKind = kindOf(field);
    if (kind === "task") return this.#taskFits(expression, condition);
    if (kind === "text") return textFits(expression, op, this.bind(values, "text[]"));
    const type = kind === "number" ? "float8[]" : "timestamptz[]";
    return `${expression} ${OPERATORS[op as keyof typeof OPERATORS]} any(${this.bind(values, type)})`;
  }

  #tagFits({ op, values }: TaskCondition): string {
    const bound = this.bind(values, "text[]");
    if (op === "is") return `t.tags && ${bound}`;
    return `exists (select from unnest(t.tags) g where ${textFits("g", op, bound)})`;
  }

  #workflowFits(expression: string, { op, values }: TaskCondition): string {
    const ids = op === "is" ? values.filter(isUuid) : [];
    const names = op === "is" ? values.filter((value) => !isUuid(value)) : values;
    return [
      ...(ids.length > 0 ? [`t.workflow_id = any(${this.bind(ids, "uuid[]")})`] : []),
      ...(names.length > 0 ? [textFits(expression, op, this.bind(names, "text[]"))] : []),
    ].join(" or ");
  }

  #taskFits(expression: string, { op, values }: TaskCondition): string {
    if (op === "is") {
      const numbers = values.map((value) => taskNumber(String(value))).filter(isNumber);
      return `${expression} = any(${this.bind(numbers.map(String), "bigint[]")})`;
    }
    const parts = this.bind(
      values.map((value) => String(value).toLowerCase()),
      "text[]",
    );
    return textFits(`absurd.task_uuid(${expression})::text`, op, parts);
  }

  #paramFits({ path, op, values }: TaskCondition): string {
    const at = this.bind(path, "text[]");
    const text = `(t.params #>> ${at})`;
    if (op === "prefix" || op === "contains") {
      return textFits(text, op, this.bind(values.map(String), "text[]"));
    }
    const operator = OPERATORS[op];
    const numbers = values.filter((value) => typeof value === "number");
    const texts =
      op === "is" ? values.map(String) : values.filter((value) => typeof value === "string");
    const parts: string[] = [];
    if (numbers.length > 0) {
      parts.push(`case when json_typeof(t.params #> ${at}) = 'number'
        then ${text}::float8 ${operator} any(${this.bind(numbers, "float8[]")}) end`);
    }
    if (texts.length > 0) {
      parts.push(`${text} collate "C" ${operator} any(${this.bind(texts, "text[]")})`);
    }
    if (op === "is") {
      parts.push(`case when json_typeof(t.params #> ${at}) = 'array' then exists (
        select from json_array_elements_text(t.params #> ${at}) e
         where e = any(${this.bind(values.map(String), "text[]")})) end`);
    }
    return parts.map((each) => `coalesce(${each}, false)`).join(" or ");
  }
}

function isNumber(value: bigint | undefined): value is bigint {
  return value !== undefined;
}

function textFits(expression: string, op: TaskCondition["op"], bound: string): string {
  if (op === "is") return `${expression} = any(${bound})`;
  const test =
    op === "prefix"
      ? `starts_with(${expression}, v)`
      : `strpos(lower(${expression}), lower(v)) > 0`;
  return `exists (select from unnest(${bound}) v where ${test})`;
}

/** Looked up only for tasks that nobody holds and that have not ended. */
const IS_RETRYING = `exists (select from absurd.attempt x where x.task_id = t.id and x.claim_no > coalesce(
  (select max(n.claim_no) from absurd.credit n where n.task_id = t.id and absurd.is_new_start(n)), 0))`;

/** The status of `t`, from `o` and `s`, as the view absurd.tasks has it. */
export const STATUS = `case when o.kind = 'c' then 'completed' when o.kind = 'd' then 'failed'
  when o.kind = 'x' then 'cancelled' when s.task_id is not null then 'claimed'
  when ${IS_RETRYING} then 'retrying' else 'pending' end`;
const STATUS_UNSPLIT = STATUS.replace(`when ${IS_RETRYING} then 'retrying' `, "");
