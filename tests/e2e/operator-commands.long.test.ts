/** Every command of the everyday jobs, run as it stands there against a system with the symptom. */
import assert from "node:assert/strict";

import { freshDatabase } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { OperatorBed } from "./operator/bed.ts";
import { type Command, readJobs, type Way, WAYS } from "./operator/page.ts";
import { SCENES } from "./operator/scenes.ts";

const JOBS = readJobs();
const LOOK_MS = 60_000;
/** What changes nothing can be asked again until the change has come. */
const READS = [
  /^absurd (tasks|task|explain|stats|limits) ?/,
  /^absurd (workers|queues)$/,
  /^absurd (dlq (list|groups)|workflows (list|show)|schedules show)/,
  /^curl -sG? (?!.*(--json|-X))/,
];

test("the page and the scenes name the same ten jobs", () => {
  assert.equal(JOBS.length, 10);
  assert.deepEqual(JOBS.map((job) => job.title).sort(), Object.keys(SCENES).sort());
});

describe.each(JOBS)("$title", ({ title, commands }) => {
  describe.each(WAYS)("%s", (way) => {
    const database = freshDatabase();
    let bed: OperatorBed;

    beforeAll(async () => {
      bed = await OperatorBed.start(database.url, database.pool());
    });
    afterAll(() => bed.close());

    test("does what the page says", { timeout: 300_000 }, async () => {
      const scene = await SCENES[title]!(bed);
      const environment = await environmentOf(bed, way);
      for (const [index, block] of commands[way].entries()) {
        if (index > 0) await scene.meanwhile!();
        for (const command of block) await run(bed, filled(command, scene.values), environment);
      }
      await scene.check();
    });
  });
});

async function environmentOf(bed: OperatorBed, way: Way): Promise<Record<string, string>> {
  return way === "HTTP" ? { ABSURD: `${(await bed.serve()).url}/absurd` } : {};
}

/** With what the page's words in capitals stand for. */
function filled({ text, claim }: Command, values: Readonly<Record<string, string>>): Command {
  const fill = (of: string): string =>
    of.replaceAll(/\b[A-Z]{4,}\b/g, (word) => (word in values ? values[word]! : word));
  return { text: fill(text), claim: fill(claim) };
}

/** @throws {AssertionError} when it fails, or never prints what the page claims */
async function run(
  bed: OperatorBed,
  { text, claim }: Command,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const end = performance.now() + (READS.some((read) => read.test(text)) ? LOOK_MS : 0);
  for (;;) {
    const { output, exitCode } = await bed.shell(text, environment);
    if (exitCode === 0 && output.includes(claim)) return;
    if (performance.now() > end) {
      assert.fail(`${text}\nended with ${exitCode}; expected "${claim}" in:\n${output}`);
    }
  }
}
