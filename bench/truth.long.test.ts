import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { describe, test } from "vitest";
import { z } from "zod";

const BENCH = resolve(import.meta.dirname, "truth.ts");
const BENCH_MS_MAX = 1_200_000;

const figureSchema = z.object({ figure: z.string(), value: z.number(), isMet: z.boolean() });

const canRun = isCasacoreAvailable() && isHdf5Available();

describe.skipIf(!canRun)("two seeded tiles (need casacore-dev, libhdf5-dev, wsclean)", () => {
  test(
    "meet every figure of the truth",
    () => {
      const end = spawnSync(process.execPath, [BENCH, "--tiles", "2", "--json"], {
        encoding: "utf8",
      });

      const figures = end.stdout
        .trim()
        .split("\n")
        .flatMap((line) => figureSchema.safeParse(JSON.parse(line)).data ?? []);
      assert.ok(figures.length >= 7, end.stderr);
      assert.deepEqual(
        figures.filter(({ isMet }) => !isMet),
        [],
        end.stdout,
      );
      assert.equal(end.status, 0, end.stderr);
    },
    BENCH_MS_MAX,
  );
});
