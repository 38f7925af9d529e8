/**
 * Whose rights a PostgreSQL server gets: PostgreSQL refuses to run as root, so under root it runs
 * as the user postgres, which is made when the machine has none.
 */
import { execFile, spawn } from "node:child_process";
import { chown, readFile, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { promisify } from "node:util";

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Undefined numbers: our own rights. */
export interface ServerUser extends Owner {
  /** A folder on the way is closed to the user, who gets the right to pass: CAP_DAC_READ_SEARCH. */
  readonly needsPassage?: boolean;
}

const NAME = "postgres";
/** Nothing of ours leaks in; the path is for setpriv. */
const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
const execute = promisify(execFile);

/** @param paths what the server must reach, such as its data and its binaries below /root */
export async function serverUser(paths: readonly string[]): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const user = (await findUser()) ?? (await createUser());
  const closed = await Promise.all(paths.map((path) => isClosedTo(user, path)));
  return { ...user, needsPassage: closed.includes(true) };
}

async function findUser(): Promise<Required<Owner> | undefined> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n");
  const fields = lines.find((line) => line.startsWith(`${NAME}:`))?.split(":");
  return fields ? { uid: Number(fields[2]), gid: Number(fields[3]) } : undefined;
}

async function createUser(): Promise<Required<Owner>> {
  await execute("useradd", ["--system", "--user-group", "--no-create-home", NAME]);
  const user = await findUser();
  if (!user) throw new Error(`useradd made no user ${NAME}`);
  return user;
}

/** Whether a parent folder of the path does not let the user through. */
async function isClosedTo(user: Required<Owner>, path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const facts = await stat(folder).catch(() => undefined);
    const owned = facts?.uid === user.uid && (facts.mode & 0o100) !== 0;
    const grouped = facts?.gid === user.gid && (facts.mode & 0o010) !== 0;
    if (facts && !owned && !grouped && (facts.mode & 0o001) === 0) return true;
    if (folder === dirname(folder)) return false;
  }
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly owner: Owner;
}

/**
 * Node can change the user of a child but not its capabilities, so passage goes through setpriv,
 * which every Debian has (util-linux). setpriv becomes the program: the pid is the program's.
 */
function commandAs(user: ServerUser, program: string, args: readonly string[]): Command {
  const { uid, gid } = user;
  if (uid === undefined || gid === undefined) return { program, args, owner: {} };
  if (!user.needsPassage) return { program, args, owner: { uid, gid } };
  const passage = "+dac_read_search";
  const rights = ["--reuid", String(uid), "--regid", String(gid), "--clear-groups"];
  // access(2), which initdb asks, forgets the capability unless the fixup is off.
  const fixup = ["--securebits", "+no_setuid_fixup"];
  const capabilities = ["--inh-caps", passage, "--ambient-caps", passage, ...fixup];
  return {
    program: "setpriv",
    args: [...rights, ...capabilities, "--", program, ...args],
    owner: {},
  };
}

/** Gives a folder and all in it to the user. */
export async function chownTree(folder: string, user: ServerUser): Promise<void> {
  if (user.uid === undefined || user.gid === undefined) return;
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await chown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
}

export async function runAs(
  user: ServerUser,
  program: string,
  args: readonly string[],
): Promise<void> {
  const command = commandAs(user, program, args);
  await execute(command.program, [...command.args], {
    ...command.owner,
    cwd: "/",
    env: ENVIRONMENT,
  });
}

/**
 * Starts a program that gets SIGINT from the kernel when we end, by whatever means; output is
 * appended to an open file. It and its children keep `held` open. Returns its pid.
 */
export function spawnAs(
  user: ServerUser,
  program: string,
  args: readonly string[],
  outputFd: number,
  held?: Writable,
): Promise<number> {
  // Innermost: a change of rights would take the kernel's promise back.
  const command = commandAs(user, "setpriv", ["--pdeathsig", "INT", "--", program, ...args]);
  const child = spawn(command.program, [...command.args], {
    ...command.owner,
    cwd: "/",
    env: ENVIRONMENT,
    detached: true,
    stdio: ["ignore", outputFd, outputFd, held ?? "ignore"],
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.unref();
      if (child.pid === undefined) reject(new Error(`${program} started without a pid`));
      else resolve(child.pid);
    });
  });
}
