/** Control groups of what tasks start: how they are made and, where they can be, that they hold. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, describe, test } from "vitest";

import { until } from "@contimg/testkit";

import {
  type ControlGroups,
  controlGroups,
  describeEnforcement,
  groupFiles,
  joinCommand,
  ownGroup,
} from "./outside/control-group.ts";
import { runOutside } from "./outside/run-outside.ts";
import { isAlive, readIdentity } from "./process-tree.ts";

const MIB = 2 ** 20;
const RUN_OUTSIDE = fileURLToPath(new URL("./outside/run-outside.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "absurd-group-"));
const found = controlGroups();

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the group of this process", () => {
  const MOUNTS = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/my\\040groups cgroup2 rw 0 0\n";

  test("is where cgroup v2 is mounted, below it as the kernel says", () => {
    assert.equal(
      ownGroup("0::/system.slice/absurd.service\n", MOUNTS),
      "/sys/fs/my groups/system.slice/absurd.service",
    );
    assert.equal(ownGroup("4:memory:/x\n0::/\n", MOUNTS), "/sys/fs/my groups/");
  });

  test("is unknown with cgroup v1 alone, and when it lies outside the container", () => {
    assert.equal(ownGroup("4:memory:/x\n", MOUNTS), undefined);
    assert.equal(ownGroup("0::/a\n", "proc /proc proc rw 0 0\n"), undefined);
    assert.equal(ownGroup("0::/../b\n", MOUNTS), undefined);
  });
});

describe("the group of a run", () => {
  test("has the limits that its controllers can hold, and no others", () => {
    const limits = { memoryBytes: 1.5, processes: 7, cpuSeconds: 3 };
    assert.deepEqual(groupFiles(limits, new Set(["memory", "pids"])), [
      ["memory.max", "2"],
      ["memory.swap.max", "0"],
      ["memory.oom.group", "1"],
      ["pids.max", "7"],
    ]);
    assert.deepEqual(groupFiles(limits, new Set(["pids"])), [["pids.max", "7"]]);
    assert.deepEqual(groupFiles({}, new Set(["memory", "pids"])), []);
  });

  test("is entered by the process that becomes the command, whatever its arguments", () => {
    const [file, ...args] = joinCommand(folder, [
      "/bin/sh",
      "-c",
      'echo $$ "$1"',
      "sh",
      "a 'b\" $c",
    ]);
    const said = execFileSync(file!, args, { encoding: "utf8" });
    const entered = readFileSync(join(folder, "cgroup.procs"), "utf8").trim();
    assert.equal(said, `${entered} a 'b" $c\n`);
  });
});

test("what limits rest on is said in one line", () => {
  const group = "/sys/fs/cgroup/a";
  const say = (controllers: ControlGroups["controllers"]): string =>
    describeEnforcement({ folder: group, controllers });
  assert.match(
    say(new Set(["memory", "pids"])),
    /^memory, processes, the kill by control groups in \/sys\/fs\/cgroup\/a; processor time/,
  );
  assert.match(say(new Set()), /^the kill by control groups in .*; memory by a look four times/);
  assert.match(
    describeEnforcement({ folder: undefined, reason: "cgroup v2 is not mounted" }),
    /^memory by a look .* no control groups: cgroup v2 is not mounted$/,
  );
});

const canGroup = found.folder !== undefined;
const canLimit = (controller: "memory" | "pids"): boolean =>
  found.folder !== undefined && found.controllers.has(controller);

describe("where groups can be made (a cgroup v2 that this user may write)", () => {
  /** Leaves its session, its group, its parent and its environment. */
  const ESCAPE = `sed -n s/^0:://p /proc/self/cgroup >"$1.group"; env -i setsid sh -c 'sleep 1000 & echo $! >"$0"' "$1"`;

  test.skipIf(!canGroup)("what escapes everything else ends with the run", async () => {
    const note = join(folder, "escaped");
    await run(["/bin/sh", "-c", ESCAPE, "sh", note]);
    const escaped = readIdentity(Number(readFileSync(note, "utf8")));
    assert.ok(!(escaped && isAlive(escaped)), "it still runs");
    assert.match(groupOf(note), /absurd\.run\./);
    assert.ok(!existsSync(groupOf(note)), "its group is still there");
  });

  test.skipIf(!canGroup)("what escapes ends with the worker, killed with -9", async () => {
    const note = join(folder, "orphan");
    const script = `${ESCAPE}; echo up; sleep 1000`;
    const worker = spawn(
      process.execPath,
      ["--input-type=module", "--eval", WORKER, RUN_OUTSIDE, script, note],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await once(worker.stdout, "data");
      const escaped = readIdentity(Number(readFileSync(note, "utf8")));
      assert.ok(escaped && isAlive(escaped));
      worker.kill("SIGKILL");
      await until(() => !isAlive(escaped), { what: "what escaped is gone" });
      await until(() => !existsSync(groupOf(note)), { what: "its group is gone" });
    } finally {
      worker.kill("SIGKILL");
    }
  });

  test.skipIf(!canLimit("memory"))("memory is exact for the whole run (memory)", async () => {
    const end = await run(
      ["python3", "-c", "x = bytearray(100000000)\nfor i in range(0, len(x), 4096): x[i] = 1"],
      { memoryBytes: 50 * MIB },
    );
    assert.deepEqual([end.isOutOfMemory, end.killedBy], [true, "SIGKILL"]);
  });

  test.skipIf(!canLimit("pids"))("so many processes can be started (pids)", async () => {
    const end = await run(["/bin/sh", "-c", "sleep 9 & sleep 9 & sleep 9 & exit 0"], {
      processes: 2,
    });
    assert.notEqual(end.exitCode, 0);
  });
});

const WORKER = `
  const [, runOutsidePath, script, note] = process.argv;
  const { runOutside } = await import(runOutsidePath);
  await runOutside({
    command: ["/bin/sh", "-c", script, "sh", note], env: {}, limits: {}, killGraceSeconds: 1,
    signal: new AbortController().signal,
    onStart: (child) => child.stdout.pipe(process.stdout),
  });
`;

function run(command: [string, ...string[]], limits = {}): ReturnType<typeof runOutside> {
  return runOutside({
    command,
    env: {},
    limits,
    killGraceSeconds: 1,
    signal: new AbortController().signal,
    onStart: (child) => {
      child.stdout?.resume();
      child.stderr?.resume();
    },
  });
}

/** The group in which the script ran that noted it beside `note`. */
function groupOf(note: string): string {
  const path = readFileSync(`${note}.group`, "utf8").trim();
  return ownGroup(`0::${path}\n`, readFileSync("/proc/self/mounts", "utf8"))!;
}
