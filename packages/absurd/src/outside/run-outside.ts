/**
 * Runs one process of a task under limits, in a process group of its own.
 *
 * What always holds: when the promise settles, the process and all it started are gone, also after
 * an abort that they do not heed; when this process dies by any means, they go, too (setpriv's
 * parent-death signal, and the guard of process-guard.ts). Memory held for their output is bounded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { TaskError } from "../errors.ts";
import {
  type ProcessIdentity,
  listTree,
  readIdentity,
  residentMib,
  signalAll,
} from "../process-tree.ts";
import { joinCommand, openRunGroup, type RunGroup } from "./control-group.ts";
import { findProgram, limitedCommand, type ProcessLimits } from "./limits.ts";
import { nextRunMark, RUN_MARK } from "./process-guard.ts";

export interface OutsideCommand {
  readonly command: readonly [program: string, ...args: string[]];
  readonly cwd?: string | undefined;
  /** Besides the worker's environment, of which the database's address is withheld. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ProcessLimits;
  readonly killGraceSeconds: number;
  readonly signal: AbortSignal;
  /** True: a channel for messages. Aborting is then `onAbort`'s business until the grace is over. */
  readonly isIpc?: boolean;
  /** Called once the process runs. */
  readonly onStart: (child: ChildProcess) => void;
  readonly onAbort?: (reason: unknown) => void;
}

export interface OutsideEnd {
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** It, or what it started, took more memory than it may, or than the machine has. */
  readonly isOutOfMemory: boolean;
}

const WITHHELD_VARIABLES = ["ABSURD_DATABASE_URL", "PGPASSWORD"];
const SAMPLE_MS = 250;
const LOOK_MS = 20;
const KILL_ROUNDS_MAX = 250;
/** Something outside our reach may hold the pipes open; what it prints is nobody's. */
const PIPE_MS_MAX = 2_000;
const BYTES_PER_MIB = 1_048_576;

/** @throws {TaskError} CannotStart, LimitsUnavailable, or CannotStop for a process that stays */
export async function runOutside(options: OutsideCommand): Promise<OutsideEnd> {
  options.signal.throwIfAborted();
  const oomKillsBefore = oomKillCount();
  const { child, tree, group } = await start(options);
  const isExact = group?.controllers.has("memory") ?? false;
  const watch = watchMemory(child.pid!, isExact ? undefined : options.limits.memoryBytes, tree);
  const stop = stopOnAbort(options, tree);
  try {
    options.onStart(child);
    const [exitCode, killedBy] = await exitOf(child);
    await stop.untilGraceIsOver();
    await killAll(tree, group, options.command[0]);
    await closed(child);
    const isKernels = killedBy === "SIGKILL" && oomKillCount() > oomKillsBefore;
    const isFull = group?.isOutOfMemory() ?? false;
    return { exitCode, killedBy, isOutOfMemory: isFull || watch.isExceeded() || isKernels };
  } finally {
    watch.end();
    stop.end();
    group?.remove();
  }
}

type Tree = () => ProcessIdentity[];

interface Started {
  readonly child: ChildProcess;
  readonly tree: Tree;
  readonly group: RunGroup | undefined;
}

async function start(options: OutsideCommand): Promise<Started> {
  const [program, ...args] = options.command;
  const path = findProgram(program, options.cwd);
  if (path === undefined) throw cannotStart(program, "no such executable file");
  const mark = { variable: RUN_MARK, value: nextRunMark() };
  const group = openRunGroup(mark.value, options.limits);
  const limited = limitedCommand([path, ...args], limitsLeft(options.limits, group));
  const [file, ...rest] = group ? joinCommand(group.path, limited) : limited;
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of WITHHELD_VARIABLES) Reflect.deleteProperty(env, name);
  Object.assign(env, options.env, { [mark.variable]: mark.value });
  const child = spawn(file!, rest, {
    detached: true,
    cwd: options.cwd,
    env,
    stdio: ["pipe", "pipe", "pipe", ...(options.isIpc ? (["ipc"] as const) : [])],
    ...(options.isIpc ? { serialization: "advanced" as const } : {}),
  });
  child.stdin?.on("error", () => {
    // It ended before it read all of it; how it ended tells.
  });
  if (child.pid === undefined) {
    const [error] = (await once(child, "error")) as [Error];
    group?.remove();
    throw cannotStart(program, error.message, error);
  }
  child.on("error", () => {
    // A message that came too late; how the process ended tells.
  });
  const { pid } = child;
  return { child, group, tree: () => withGroup(listTree(pid, mark), group) };
}

/** What the group does not limit. */
function limitsLeft(limits: ProcessLimits, group: RunGroup | undefined): ProcessLimits {
  if (!group?.controllers.has("pids")) return limits;
  const left = { ...limits };
  Reflect.deleteProperty(left, "processes");
  return left;
}

/** Also those that left everything by which a tree is known, but not the group. */
function withGroup(tree: ProcessIdentity[], group: RunGroup | undefined): ProcessIdentity[] {
  const known = new Set(tree.map((each) => each.pid));
  const others = (group?.pids() ?? []).filter((pid) => !known.has(pid)).map(readIdentity);
  return [...tree, ...others.filter((each) => each !== undefined)];
}

function cannotStart(program: string, why: string, cause?: Error): TaskError {
  return new TaskError(
    "fatal",
    `cannot start ${program}: ${why}`,
    { tag: "CannotStart", fields: { command: program } },
    { cause },
  );
}

async function exitOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return [child.exitCode, child.signalCode];
  }
  return (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
}

/** SIGTERM to all of it at the abort, SIGKILL when the grace is over. */
function stopOnAbort(options: OutsideCommand, tree: Tree) {
  let graceEndMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    const graceMs = options.killGraceSeconds * 1000;
    graceEndMs = performance.now() + graceMs;
    if (options.onAbort) options.onAbort(options.signal.reason);
    else signalAll(tree(), "SIGTERM");
    timer = setTimeout(() => {
      signalAll(tree(), "SIGKILL");
    }, graceMs);
  };
  options.signal.addEventListener("abort", onAbort, { once: true });
  return {
    /** After an abort, what the process started has the same grace as itself. */
    async untilGraceIsOver(): Promise<void> {
      while (graceEndMs !== undefined && performance.now() < graceEndMs && tree().length > 0) {
        await pause(LOOK_MS);
      }
    },
    end(): void {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
    },
  };
}

/** What is left of the tree, until nothing is: processes may start others meanwhile. */
async function killAll(tree: Tree, group: RunGroup | undefined, program: string): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
    const left = tree();
    if (left.length === 0) return;
    signalAll(left, "SIGKILL");
    group?.kill();
    await pause(LOOK_MS);
  }
  const pids = tree().map((each) => each.pid);
  if (pids.length === 0) return;
  throw new TaskError("fatal", `processes of ${program} do not end by SIGKILL`, {
    tag: "CannotStop",
    fields: { pids },
  });
}

async function closed(child: ChildProcess): Promise<void> {
  const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null);
  const areClosed = Promise.all(
    pipes.filter((pipe) => !pipe.closed).map((pipe) => once(pipe, "close")),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, PIPE_MS_MAX);
  });
  await Promise.race([areClosed, late]);
  clearTimeout(timer);
  for (const pipe of pipes) pipe.destroy();
}

function watchMemory(pid: number, memoryBytes: number | undefined, tree: Tree) {
  let isExceeded = false;
  if (memoryBytes === undefined) return { isExceeded: () => false, end: () => undefined };
  const timer = setInterval(() => {
    const family = listTree(pid).filter((each) => each.pid !== pid);
    if (residentMib(pid, family) * BYTES_PER_MIB <= memoryBytes) return;
    isExceeded = true;
    signalAll(tree(), "SIGKILL");
  }, SAMPLE_MS);
  return {
    isExceeded: () => isExceeded,
    end: () => {
      clearInterval(timer);
    },
  };
}

/** How often the kernel has killed in our control group for want of memory; 0 where it hides it. */
function oomKillCount(): number {
  try {
    const [, path = "/"] = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
    const events = readFileSync(`/sys/fs/cgroup${path}/memory.events`, "utf8");
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
