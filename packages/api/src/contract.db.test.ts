/**
 * Every route from both sides: a real app over a real database with a real worker, called by the
 * contract's client, which parses each answer; so does the app.
 */
import assert from "node:assert/strict";

import { ApiProblem, EVERY_ROUTE, type Route, type RouteName, ROUTES } from "@contimg/contract";
import { afterAll, describe, test } from "vitest";

import type { RouteCase } from "./testing/contract-cases.ts";
import { contractStage } from "./testing/contract-stage.ts";
import { BULK_CASES, FAILURE_CASES, HEALTH_CASES } from "./testing/failure-cases.ts";
import { LIMIT_CASES, QUEUE_CASES, WORKER_CASES } from "./testing/queue-cases.ts";
import { SCHEDULE_CASES } from "./testing/schedule-cases.ts";
import { TASK_CASES } from "./testing/task-cases.ts";
import { TEMPLATE_CASES, WORKFLOW_CASES } from "./testing/workflow-cases.ts";

const { stage } = contractStage();

const CASES = {
  ...TASK_CASES,
  ...BULK_CASES,
  ...QUEUE_CASES,
  ...WORKER_CASES,
  ...SCHEDULE_CASES,
  ...WORKFLOW_CASES,
  ...TEMPLATE_CASES,
  ...FAILURE_CASES,
  ...LIMIT_CASES,
  ...HEALTH_CASES,
};

/** Tested where they are served: session, tokens, audit and views; metrics; live. */
const ELSEWHERE = ["access", "live"];
const TEXT_ROUTES = ["getMetrics", "getPrometheus"];

for (const [name, { problems, ...route }] of Object.entries(CASES) as [
  RouteName,
  RouteCase<RouteName>,
][]) {
  describe(name, () => {
    test("answers what the contract says", async () => {
      await route.answers(stage());
      assert.ok(stage().seen.has(name), `${name} was not called`);
    });

    for (const [code, provoke] of Object.entries(problems)) {
      test(`answers ${code}`, async () => {
        await assert.rejects(
          (provoke as (on: ReturnType<typeof stage>) => Promise<unknown>)(stage()),
          (error) => {
            assert.ok(error instanceof ApiProblem, String(error));
            assert.equal(error.problem.code, code, error.message);
            return true;
          },
        );
        assert.ok(stage().seen.get(name)?.has(code), `${code} did not come from ${name}`);
      });
    }
  });
}

test("every route is tested, with every problem that it lists", () => {
  const untested = Object.entries(ROUTES as Record<string, Route>)
    .filter(([name, { tag }]) => !ELSEWHERE.includes(tag) && !TEXT_ROUTES.includes(name))
    .flatMap(([name, { problems = [] }]) => {
      const found = (CASES as Record<string, { problems: object } | undefined>)[name];
      if (!found) return [name];
      return problems
        .filter((code) => !Object.hasOwn(found.problems, code))
        .map((code) => `${name} ${code}`);
    });
  assert.deepEqual(untested, []);
});

afterAll(() => {
  const promised: readonly string[] = EVERY_ROUTE;
  for (const [name, codes] of stage().seen) {
    const own: readonly string[] = (ROUTES[name] as Route).problems ?? [];
    const stray = [...codes].filter((code) => !own.includes(code) && !promised.includes(code));
    assert.deepEqual(stray, [], `${name} answered what it does not list`);
  }
});
