/** Instants of schedules against a walk that asks the platform at every minute or second. */
import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { InvalidSchedule } from "./errors.ts";
import {
  type DueSchedule,
  type ScheduleSpec,
  instantsAfter,
  planFirings,
  specFromWire,
  specToWire,
} from "./schedule-instants.ts";
import { instantOf } from "./wall-clock.ts";

/** Transitions of 2026 (and a quiet day of a zone without any), UTC. */
const DAYS: readonly (readonly [timeZone: string, around: string])[] = [
  ["America/New_York", "2026-03-08T07:00:00Z"],
  ["America/New_York", "2026-11-01T06:00:00Z"],
  ["Europe/Berlin", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  ["Asia/Kathmandu", "2026-06-01T00:00:00Z"],
  ["UTC", "2026-03-08T07:00:00Z"],
];

interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number>;
}

/** `*`, a step, a range or a list, with the values it stands for. */
function field(min: number, max: number): fc.Arbitrary<Field> {
  const all = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const value = fc.integer({ min, max });
  return fc.oneof(
    fc.constant({ text: "*", values: new Set(all) }),
    fc.integer({ min: 2, max: Math.max(2, Math.floor(max / 2)) }).map((step) => ({
      text: `*/${step}`,
      values: new Set(all.filter((each) => (each - min) % step === 0)),
    })),
    fc.tuple(value, value).map(([a, b]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      return {
        text: `${low}-${high}`,
        values: new Set(all.filter((each) => each >= low && each <= high)),
      };
    }),
    fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((values) => ({
      text: values.join(","),
      values: new Set(values),
    })),
  );
}

interface Wall {
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the wall shows, as if it were UTC; read independently of the code under test. */
function faceAt(instantMs: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("sv-SE", {
      timeZone,
      dateStyle: "short",
      timeStyle: "medium",
    });
    formats.set(timeZone, format);
  }
  return Date.parse(`${format.format(instantMs).replace(" ", "T")}Z`);
}

function wallOf(faceMs: number): Wall {
  const face = new Date(faceMs);
  return {
    second: face.getUTCSeconds(),
    minute: face.getUTCMinutes(),
    hour: face.getUTCHours(),
  };
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** Every instant of the range by the rule, found by walking. */
function walk(matches: (wall: Wall) => boolean, timeZone: string, range: Range): string[] {
  const found = new Set<number>();
  let latest = -Infinity;
  // From earlier on, so that what the wall showed before a fold is known.
  for (let at = range.fromMs - 7_200_000; at < range.toMs; at += range.stepMs) {
    const face = faceAt(at, timeZone);
    // Shown before: the second pass of a fold.
    if (face <= latest) continue;
    // What the wall skipped since the step before comes now.
    const first = latest === -Infinity ? face : latest + range.stepMs;
    for (let each = first; each <= face; each += range.stepMs) {
      if (matches(wallOf(each))) found.add(at);
    }
    latest = face;
  }
  return [...found].filter((at) => at >= range.fromMs).map((at) => new Date(at).toISOString());
}

function take(spec: ScheduleSpec, fromMs: number, toMs: number): string[] {
  const instants: string[] = [];
  for (const instant of instantsAfter(spec, new Date(fromMs - 1))) {
    if (instant.getTime() >= toMs) break;
    instants.push(instant.toISOString());
  }
  return instants;
}

describe("a cron schedule", () => {
  test("has the instants of a walk over every minute around transitions", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...DAYS),
        field(0, 59),
        field(0, 23),
        fc.integer({ min: -600, max: 600 }),
        ([timeZone, around], minute, hour, startMinutes) => {
          const fromMs = Date.parse(around) + startMinutes * 60_000;
          const toMs = fromMs + 26 * 3_600_000;
          const expected = walk(
            (wall) =>
              minute.values.has(wall.minute) && hour.values.has(wall.hour) && wall.second === 0,
            timeZone,
            { fromMs, toMs, stepMs: 60_000 },
          );
          const spec = { cron: `${minute.text} ${hour.text} * * *`, timeZone };
          assert.deepEqual(take(spec, fromMs, toMs), expected, `${spec.cron} in ${timeZone}`);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  test("has the instants of a walk over every second around transitions", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...DAYS),
        field(0, 59),
        field(0, 59),
        ([timeZone, around], second, minute) => {
          const fromMs = Date.parse(around) - 1_200_000;
          const toMs = fromMs + 7_200_000;
          const expected = walk(
            (wall) => second.values.has(wall.second) && minute.values.has(wall.minute),
            timeZone,
            { fromMs, toMs, stepMs: 1_000 },
          );
          const spec = { cron: `${second.text} ${minute.text} * * * *`, timeZone };
          assert.deepEqual(take(spec, fromMs, toMs), expected, `${spec.cron} in ${timeZone}`);
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);

  test("in a gap fires once, at the first instant after it", () => {
    const spec = { cron: "*/10 2 8 3 *", timeZone: "America/New_York" };
    const [first, second] = instantsAfter(spec, new Date("2026-03-01T00:00:00Z"));
    assert.equal(first!.toISOString(), "2026-03-08T07:00:00.000Z");
    assert.equal(second!.toISOString(), "2027-03-08T07:00:00.000Z");
  });

  test("in a fold fires once, at the first of the two", () => {
    const spec = { cron: "30 1 * * *", timeZone: "America/New_York" };
    const instants = take(spec, Date.parse("2026-11-01T00:00Z"), Date.parse("2026-11-03T00:00Z"));
    assert.deepEqual(instants, ["2026-11-01T05:30:00.000Z", "2026-11-02T06:30:00.000Z"]);
  });

  test("reads a day that a zone skipped whole", () => {
    const wall = new Date("2011-12-30T12:00:00Z");
    assert.equal(instantOf(wall, "Pacific/Apia").toISOString(), "2011-12-30T10:00:00.000Z");
  });

  test("is refused with what is wrong with it", () => {
    const cases: readonly [ScheduleSpec, RegExp][] = [
      [{ cron: "61 * * * *" }, /cron is "61 \* \* \* \*": /],
      [{ cron: "* * * *" }, /expected five fields, or six/],
      [{ cron: "2026-01-01T00:00:00" }, /expected five fields/],
      [{ cron: "0 0 30 2 *" }, /which never comes/],
      [{ cron: "0 0 * * *", timeZone: "Mars/Olympus" }, /time zone is "Mars\/Olympus"/],
      [{ everySeconds: 0 }, /spec is/],
    ];
    for (const [spec, message] of cases) {
      assert.throws(
        () => specToWire(spec),
        (error) => error instanceof InvalidSchedule && message.test(error.message),
        JSON.stringify(spec),
      );
    }
    assert.deepEqual(specFromWire(specToWire({ cron: "@daily" })), {
      cron: "@daily",
      timeZone: "UTC",
    });
  });
});

describe("an interval schedule", () => {
  test("counts from its anchor, before and after it", () => {
    const spec = { everySeconds: 90, anchor: new Date("2026-03-01T00:00:30Z") };
    assert.deepEqual(
      take(spec, Date.parse("2026-02-28T23:58:00Z"), Date.parse("2026-03-01T00:02:00Z")),
      ["2026-02-28T23:59:00.000Z", "2026-03-01T00:00:30.000Z"],
    );
  });
});

describe("a plan", () => {
  const base: DueSchedule = {
    spec: { everySeconds: 60 },
    catchUp: "all",
    catchUpSeconds: 180,
    startsAt: null,
    endsAt: null,
    consideredAt: new Date("2026-03-01T12:00:00Z"),
  };
  const at = (text: string): Date => new Date(`2026-03-01T${text}Z`);

  test("fires nothing before the next instant is due", () => {
    const plan = planFirings(base, at("12:00:59"));
    assert.deepEqual([plan.instants, plan.dueAt], [[], at("12:01:00")]);
  });

  test("fires what is inside the window and gives up what is older", () => {
    const plan = planFirings(base, at("12:10:30"));
    assert.deepEqual(plan.instants, [at("12:08:00"), at("12:09:00"), at("12:10:00")]);
    assert.deepEqual(plan.missed, { from: at("12:01:00"), before: at("12:08:00") });
    assert.deepEqual([plan.consideredAt, plan.dueAt], [at("12:10:30"), at("12:11:00")]);
  });

  test("fires the last alone when that is asked for", () => {
    const plan = planFirings({ ...base, catchUp: "last" }, at("12:10:30"));
    assert.deepEqual(plan.instants, [at("12:10:00")]);
    assert.deepEqual(plan.missed, { from: at("12:01:00"), before: at("12:10:00") });
  });

  test("keeps to the bounds and ends with them", () => {
    const bounded = { ...base, startsAt: at("12:02:00"), endsAt: at("12:03:00") };
    const plan = planFirings({ ...bounded, catchUpSeconds: 3600 }, at("12:10:30"));
    assert.deepEqual(plan.instants, [at("12:02:00"), at("12:03:00")]);
    assert.equal(plan.dueAt, undefined);
  });

  test("takes a long outage in parts that leave out and repeat nothing", () => {
    const spec = { everySeconds: 1 };
    let schedule = { ...base, spec, catchUpSeconds: 3600 };
    const fired: Date[] = [];
    for (let round = 0; round < 10; round++) {
      const plan = planFirings(schedule, at("12:15:00"));
      fired.push(...plan.instants);
      if (plan.dueAt! > at("12:15:00")) break;
      schedule = { ...schedule, consideredAt: plan.consideredAt };
    }
    assert.equal(fired.length, 900);
    assert.equal(new Set(fired.map(Number)).size, 900);
  });
});
