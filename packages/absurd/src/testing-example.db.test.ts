/** The example of docs/testing.md is a test file that passes as it stands there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { describe, test } from "vitest";

const PAGE = readFileSync(new URL("../docs/testing.md", import.meta.url), "utf8");

describe("the testing guide", () => {
  test("shows a test file that passes as it stands", async () => {
    const example = /```ts\n(.*?)```/s.exec(PAGE)?.[1];
    assert.ok(example, "the page has no example");

    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module-typescript", "--test-reporter=tap", "-e", example],
      { cwd: import.meta.dirname, env: { ...process.env, NODE_TEST_CONTEXT: "" } },
    );

    assert.match(stdout, /# pass 4\n# fail 0/);
  });
});
