import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { STAGES } from "../stages.ts";
import { withSiteStages } from "./site-config.ts";

describe("a file of site stages", () => {
  test("puts an executable in a stage's place and leaves the others alone", () => {
    const stages = withSiteStages(STAGES, {
      stages: { "calibration-solve": { executable: { command: "sh" } } },
    });

    assert.equal(stages.length, STAGES.length);
    const replaced = stages.filter(({ site }) => site !== undefined);
    assert.deepEqual(
      replaced.map(({ stage }) => stage.name),
      ["calibration-solve"],
    );
    assert.deepEqual(replaced[0]?.stage.packages, ["casacore-dev", "casacore-data"]);
  });

  test("sends our own code to a cluster, whose packages are its own", () => {
    const [imaging] = withSiteStages(STAGES, { stages: { imaging: { slurm: {} } } }).filter(
      ({ site }) => site !== undefined,
    );

    assert.deepEqual(imaging?.stage.packages, []);
    assert.equal(imaging.site?.slurm?.poll_seconds, 10);
  });

  const wrong: [string, unknown, RegExp][] = [
    ["a stage that is none", { imagin: { slurm: {} } }, /stages\.imagin: no stage is named so/],
    ["neither of the two", { imaging: {} }, /expected executable or slurm/],
    [
      "a program that is not there",
      { "calibration-solve": { executable: { command: "/no/such/program" } } },
      /command: \/no\/such\/program: no such executable file/,
    ],
    [
      "a program that PATH lacks",
      { "calibration-solve": { executable: { command: "no-such-program" } } },
      /no-such-program: not found in PATH/,
    ],
    [
      "a limit that is none",
      { imaging: { executable: { command: "sh", limits: { memory: 3 } } } },
      /limits: .*"memory"/,
    ],
    [
      "an exit code that means success",
      { imaging: { executable: { command: "sh", exit_codes: { 0: "fatal" } } } },
      /exit_codes/,
    ],
    [
      "a time that is none",
      { imaging: { slurm: { time_limit_minutes: 0 } } },
      /time_limit_minutes/,
    ],
  ];
  test.each(wrong)("with %s is refused and says where", (_what, stages, message) => {
    assert.throws(
      () => withSiteStages(STAGES, { stages }),
      (error: unknown) => {
        assert.ok(error instanceof z.ZodError);
        const text = error.issues
          .map(({ path, message: why }) => `${path.join(".")}: ${why}`)
          .join("; ");
        assert.match(text, message);
        return true;
      },
    );
  });
});
