/**
 * Removes a temporary folder when nobody uses it any more, whatever ends who does.
 *
 * A small process waits at the end of a pipe. Its other end is held by the starter (the thread that
 * called) and by those it hands the pipe to; the kernel closes it with the last of them.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { resolve } from "node:path";
import type { Writable } from "node:stream";

/** Again, when a process that dies at this moment has just made a file. */
const SWEEP = `cat > /dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && exit 0; sleep 0.2; done
exit 1`;

const sweepers = new Map<string, FolderSweeper>();

export class FolderSweeper {
  readonly #folder: string;
  readonly #process: ChildProcessByStdio<Writable, null, null>;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#process = spawn("sh", ["-c", SWEEP, "sh", folder], {
      // Out of reach of what ends the starter's group, such as the terminal's ^C.
      detached: true,
      cwd: "/",
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#process.on("error", () => undefined);
    this.#process.unref();
    // A pipe is a socket: it must not keep a starter alive that has nothing else to do.
    if (this.#process.stdin instanceof Socket) this.#process.stdin.unref();
  }

  /** The same for the same folder, until it is swept. */
  static of(folder: string): FolderSweeper {
    const sweeper = sweepers.get(folder) ?? new FolderSweeper(folder);
    sweepers.set(folder, sweeper);
    return sweeper;
  }

  /** Of a folder that this thread has somebody wait for. */
  static find(folder: string): FolderSweeper | undefined {
    return sweepers.get(folder);
  }

  /** To be handed to processes that use the folder. */
  get pipe(): Writable {
    return this.#process.stdin;
  }

  /** Lets go; the folder is gone when this resolves, unless others have the pipe. */
  async sweep(): Promise<void> {
    sweepers.delete(this.#folder);
    const child = this.#process;
    const ended = child.exitCode === null && child.signalCode === null && once(child, "exit");
    child.ref();
    child.stdin.end();
    await ended;
    if (child.exitCode !== 0)
      throw new Error(`temporary folder ${this.#folder} could not be removed`);
  }
}

/** @throws {Error} for a folder that would take other things along, or leave the data behind */
export function sweepableFolder(
  temporaryFolder: string | undefined,
  dataFolder: string,
): string | undefined {
  if (temporaryFolder === undefined) return undefined;
  const folder = resolve(temporaryFolder);
  if (folder === "/" || !`${dataFolder}/`.startsWith(`${folder}/`)) {
    throw new Error(
      `temporaryFolder is ${folder}, expected ${dataFolder}, which is the data folder, ` +
        "or a folder that it is in",
    );
  }
  return folder;
}
