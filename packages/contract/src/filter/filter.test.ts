/** The filter grammar: what text means, where a fault is, and what may come next. */
import assert from "node:assert/strict";

import * as fc from "fast-check";
import { describe, test } from "vitest";

import { completeTaskFilter } from "./complete.ts";
import type { ConditionOp, TaskCondition } from "./condition.ts";
import { OPS_OF_KIND, TASK_FIELDS } from "./fields.ts";
import { formatTaskFilter } from "./format.ts";
import { taskFilterHelp } from "./help.ts";
import { parseTaskFilter } from "./parse.ts";

const NOW = new Date("2026-01-25T08:30:00Z");
const ID = "019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f";

function conditionsOf(text: string): readonly TaskCondition[] {
  const { conditions, faults } = parseTaskFilter(text, NOW);
  assert.deepEqual(faults, undefined);
  return conditions;
}

function condition(
  field: TaskCondition["field"],
  op: ConditionOp,
  ...values: TaskCondition["values"]
): TaskCondition {
  return { field, op, values, not: false };
}

describe("a filter", () => {
  const MEANINGS: readonly (readonly [string, readonly TaskCondition[]])[] = [
    ["", []],
    ["  \n ", []],
    ["status:failed", [condition("status", "is", "failed")]],
    [
      " status:failed,cancelled  name:imaging ",
      [condition("status", "is", "failed", "cancelled"), condition("name", "is", "imaging")],
    ],
    ["-tag:test", [{ ...condition("tag", "is", "test"), not: true }]],
    ["name:imag*", [condition("name", "prefix", "imag")]],
    ["name:imag*,cal*", [condition("name", "prefix", "imag", "cal")]],
    ["-worker:*", [{ ...condition("worker", "prefix", ""), not: true }]],
    ["workflow:*", [condition("workflow", "prefix", "")]],
    [`parent:${ID.slice(0, 9).toUpperCase()}*`, [condition("parent", "prefix", ID.slice(0, 9))]],
    [ID, [condition("id", "is", ID)]],
    [`"${ID}"`, [condition("text", "contains", ID)]],
    ["param.night>=2026-01-25", [{ ...condition("param", "gte", "2026-01-25"), path: ["night"] }]],
    ["message:~timeout", [condition("message", "contains", "timeout")]],
    [
      'message:~"no such file, \\"a\\\\b\\""',
      [condition("message", "contains", 'no such file, "a\\b"')],
    ],
    ['name:"a b"*', [condition("name", "prefix", "a b")]],
    ['name:"a*"', [condition("name", "is", "a*")]],
    ["message:~2*x*", [condition("message", "contains", "2*x*")]],
    ["age>2h", [condition("age", "gt", 7200)]],
    ["wait<1h30m", [condition("wait", "lt", 5400)]],
    ["run>=30s", [condition("run", "gte", 30)]],
    ["run<=500ms", [condition("run", "lte", 0.5)]],
    ["attempt>=2", [condition("attempt", "gte", 2)]],
    ["priority<-5", [condition("priority", "lt", -5)]],
    ["priority:0,1", [condition("priority", "is", 0, 1)]],
    ["created>2026-01-25T03:00Z", [condition("created", "gt", new Date("2026-01-25T03:00:00Z"))]],
    ["created>2026-01-25T03:00", [condition("created", "gt", new Date("2026-01-25T03:00:00Z"))]],
    [
      "created>=2026-01-25T03:00:01.5-08:00",
      [condition("created", "gte", new Date("2026-01-25T11:00:01.500Z"))],
    ],
    ["started<2026-01-25", [condition("started", "lt", new Date("2026-01-25T00:00:00Z"))]],
    ["ended>today", [condition("ended", "gt", new Date("2026-01-25T00:00:00Z"))]],
    ["ended>=yesterday", [condition("ended", "gte", new Date("2026-01-24T00:00:00Z"))]],
    ["ended>-12h", [condition("ended", "gt", new Date("2026-01-24T20:30:00Z"))]],
    ["param.tile.dec:16.2", [{ ...condition("param", "is", 16.2), path: ["tile", "dec"] }]],
    ['param.id:"17"', [{ ...condition("param", "is", "17"), path: ["id"] }]],
    ["param.id:017", [{ ...condition("param", "is", "017"), path: ["id"] }]],
    ['param."a.b".0>3', [{ ...condition("param", "gt", 3), path: ["a.b", "0"] }]],
    [
      "param.group_id:2026-01-25T08:08:54",
      [{ ...condition("param", "is", "2026-01-25T08:08:54"), path: ["group_id"] }],
    ],
    [`id:${ID.toUpperCase()}`, [condition("id", "is", ID)]],
    ["timeout", [condition("text", "contains", "timeout")]],
    ["-timeout", [{ ...condition("text", "contains", "timeout"), not: true }]],
    ["2026-01-25T08:08:54", [condition("text", "contains", "2026-01-25T08:08:54")]],
    [
      '"status:failed" a=b',
      [condition("text", "contains", "status:failed"), condition("text", "contains", "a=b")],
    ],
  ];

  test.each(MEANINGS)("%s is read as its conditions", (text, conditions) => {
    assert.deepEqual(conditionsOf(text), conditions);
  });

  const FAULTS: readonly (readonly [string, string, RegExp])[] = [
    ["stauts:failed", "stauts", /no field "stauts"; did you mean status:\?/],
    ["zzzzzz:1", "zzzzzz", /no field "zzzzzz"; to look for the text itself, put it in quotes/],
    ["status:faild", "faild", /expected one of pending, .*; did you mean failed\?, for status/],
    ["name:x status:failed,open", "open", /expected one of pending/],
    ["status:", "status:", /expected a value, such as status:failed/],
    ["status:failed,", "status:failed,", /expected a value/],
    ["status=failed", "=", /expected : in place of =/],
    ["status>failed", ">", /expected : after status/],
    ["status:f*", "f*", /status takes no \*/],
    ["age:2h", ":", /expected <, <=, > or >= after age, such as age>2h/],
    ["age>2", "2", /expected a duration with its unit/],
    ["age>2h3", "2h3", /expected a duration with its unit/],
    ["created>soon", "soon", /expected an instant such as/],
    ["created>2026-02-30", "2026-02-30", /expected an instant/],
    ["created>2026-01-25T25:00Z", "2026-01-25T25:00Z", /expected an instant/],
    ["created>-2", "-2", /expected an instant/],
    ["attempt>=two", "two", /expected a whole number/],
    ["attempt:1.5", "1.5", /expected a whole number/],
    ["id:17", "17", /expected a UUID/],
    ["parent:*", "*", /expected a UUID, .* or its beginning/],
    ["param:3", "param", /expected the member's path, such as param\.tile\.dec/],
    ["param.a>x*y", "x*y", /the \* at the end only/],
    ["name.x:3", "name.x", /name has no members/],
    ["name:a*b", "a*b", /the \* at the end only/],
    ["name:a*,b", "b", /at the end of every value/],
    ["imag*", "imag*", /leave the \* away/],
    ["a,,b", "a,,b", /a word beside the comma/],
    ['message:"no', '"no', /expected " at the end/],
    ['message:"no"such', "such", /a space or a comma after the closing "/],
    ["name:x -", "-", /expected a term after -/],
  ];

  test.each(FAULTS)("%s has a fault at %s", (text, place, message) => {
    const { faults } = parseTaskFilter(text, NOW);
    assert.equal(faults?.length, 1, JSON.stringify(faults));
    const [fault] = faults;
    assert.match(fault!.message, message);
    assert.equal(text.slice(fault!.start, fault!.end), place);
    assert.equal(fault!.field, "q");
  });

  test("all faults are told, in their order", () => {
    const { faults } = parseTaskFilter('stat:1 age>2 "open', NOW);
    assert.deepEqual(
      faults?.map(({ start, end }) => [start, end]),
      [
        [0, 4],
        [11, 12],
        [13, 18],
      ],
    );
  });

  test("any text is read or has faults within it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const { conditions, faults } = parseTaskFilter(text, NOW);
        for (const { start, end } of faults ?? []) {
          assert.ok(start < end && end <= text.length, `${start}-${end} of ${text.length}`);
        }
        assert.equal(conditions === undefined, (faults?.length ?? 0) > 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("conditions are the same after they were written and read", () => {
    fc.assert(
      fc.property(fc.array(anyCondition(), { maxLength: 5 }), (conditions) => {
        assert.deepEqual(conditionsOf(formatTaskFilter(conditions)), conditions);
      }),
      { numRuns: 2000 },
    );
  });

  test("a value is not read as a part of the sign before it", () => {
    for (const value of ["=", "=3", "~", "~x", ":", "<", ">="]) {
      for (const op of ["is", "lt", "gt", "lte"] as const) {
        const conditions = [
          { field: "param", path: ["a"], op, values: [value], not: false },
        ] as const;
        assert.deepEqual(conditionsOf(formatTaskFilter(conditions)), conditions);
      }
    }
  });

  test("is written as a person would write it", () => {
    for (const text of [
      "status:failed,cancelled name:imaging age>2h -tag:test",
      "wait<90m created>=2026-01-25T03:00:00.000Z param.tile.dec:16.2",
      'message:~"no such file" name:imag* timeout -worker:*',
    ]) {
      assert.equal(formatTaskFilter(conditionsOf(text)), text);
    }
  });
});

function anyCondition(): fc.Arbitrary<TaskCondition> {
  const fields = TASK_FIELDS.map((spec) =>
    fc.constantFrom(...OPS_OF_KIND[spec.kind]).chain((op) =>
      fc.record(
        {
          field: fc.constant(spec.field),
          ...(spec.kind === "param"
            ? { path: fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }) }
            : {}),
          op: fc.constant(op),
          values: fc.array(anyValue(spec, op), { minLength: 1, maxLength: 3 }),
          not: fc.boolean(),
        },
        { noNullPrototype: true },
      ),
    ),
  );
  const words = fc.record(
    {
      field: fc.constant("text" as const),
      op: fc.constant("contains" as const),
      values: fc.array(anyText(), { minLength: 1, maxLength: 3 }),
      not: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  return fc.oneof(...fields, words);
}

function anyText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: fc.constantFrom(...Array.from('ab:~<>=-,*"\\ .17\n')) }),
    fc.string({ unit: "grapheme" }),
  );
}

function anyValue(
  { kind }: (typeof TASK_FIELDS)[number],
  op: ConditionOp,
): fc.Arbitrary<string | number | Date> {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0);
  switch (kind) {
    case "text":
      return anyText();
    case "id":
      return op === "prefix" ? fc.uuid().map((id) => id.slice(0, 9)) : fc.uuid();
    case "choice":
      return fc.constantFrom("failed", "pending");
    case "integer":
      return fc.integer();
    case "seconds":
      return fc.oneof(fc.nat(), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
    case "instant":
      return fc.date({
        min: new Date("0001-01-01T00:00:00Z"),
        max: new Date("9999-12-31T23:59:59Z"),
        noInvalidDate: true,
      });
    case "param":
      if (op === "prefix" || op === "contains") return anyText();
      return fc.oneof(number, anyText());
  }
}

describe("a completion", () => {
  const known = {
    names: ["imaging", "imaging-deep", "calibration-solve", "de-image"],
    queues: ["default", "night shift"],
    tags: ["night-17"],
  };

  /** `|` is the cursor. */
  function complete(marked: string): { results: string[]; descriptions: string[] } {
    const cursor = marked.indexOf("|");
    const text = marked.replace("|", "");
    const { start, end, suggestions } = completeTaskFilter(text, cursor, known);
    return {
      results: suggestions.map((each) => text.slice(0, start) + each.text + text.slice(end)),
      descriptions: suggestions.map((each) => each.description),
    };
  }

  test.each([
    ["st|", ["status:", "started>"]],
    ["name:imaging -st|", ["name:imaging -status:", "name:imaging -started>"]],
    ["stat|us:failed", ["status:failed"]],
    ["status:f|", ["status:failed"]],
    ["status:failed,can|", ["status:failed,cancelled"]],
    ["status:fa| name:x", ["status:failed name:x"]],
    ["name:im|", ["name:imaging", "name:imaging-deep", "name:de-image"]],
    [
      "name:im|aging tag:x",
      ["name:imaging tag:x", "name:imaging-deep tag:x", "name:de-image tag:x"],
    ],
    ["queue:n|", ['queue:"night shift"']],
    ['queue:"nig|', ['queue:"night shift"']],
    ['queue:"nig|ht"', ['queue:"night shift"']],
    ["calib|", ["name:calibration-solve"]],
    ["fail|", ["status:failed"]],
    ["param.x:|", []],
    ["zzz|", []],
  ])("of %s", (marked, results) => {
    assert.deepEqual(complete(marked).results, results);
  });

  test("of nothing offers every field, with what it means", () => {
    const { results, descriptions } = complete("status:failed |");
    assert.ok(results.includes("status:failed age>"));
    assert.equal(results.length, Math.min(TASK_FIELDS.length, 20));
    assert.match(descriptions[0]!, /where the task stands, such as status:failed/);
  });

  test("replaces a range that the cursor is in, wherever it is", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('st:,-" *ag>2h')) }),
        fc.nat(),
        (text, at) => {
          const cursor = at % (text.length + 1);
          const { start, end } = completeTaskFilter(text, cursor, known);
          assert.ok(0 <= start && start <= cursor && cursor <= end && end <= text.length);
        },
      ),
    );
  });
});

describe("the help", () => {
  test("has examples that can be read", () => {
    const rows = taskFilterHelp();
    for (const { example } of rows) conditionsOf(example);
    assert.ok(rows.length > TASK_FIELDS.length);
    const age = rows.find((row) => row.example === "age>2h");
    assert.deepEqual(age, {
      example: "age>2h",
      meaning: "time since it was spawned",
      signs: "<, <=, > or >=",
    });
  });
});
