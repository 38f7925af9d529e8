/**
 * Whose rights a PostgreSQL server gets: PostgreSQL refuses to run as root, so under root it runs as
 * the user postgres, which is made when the machine has none.
 */
import { execFile, spawn } from "node:child_process";
import { chown, readFile, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** Undefined numbers: our own rights. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

const NAME = "postgres";
const execute = promisify(execFile);

/**
 * @param paths what the server must reach; each existing parent folder must let it through
 * @throws {Error} naming the folder that does not
 */
export async function serverUser(paths: readonly string[]): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const user = (await findUser()) ?? (await createUser());
  for (const path of paths) await assertReachable(path, user);
  return user;
}

async function findUser(): Promise<Required<ServerUser> | undefined> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n");
  const fields = lines.find((line) => line.startsWith(`${NAME}:`))?.split(":");
  return fields ? { uid: Number(fields[2]), gid: Number(fields[3]) } : undefined;
}

async function createUser(): Promise<Required<ServerUser>> {
  await execute("useradd", ["--system", "--user-group", "--no-create-home", NAME]);
  const user = await findUser();
  if (!user) throw new Error(`useradd made no user ${NAME}`);
  return user;
}

async function assertReachable(path: string, user: Required<ServerUser>): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const facts = await stat(folder).catch(() => undefined);
    const owned = facts?.uid === user.uid && (facts.mode & 0o100) !== 0;
    const grouped = facts?.gid === user.gid && (facts.mode & 0o010) !== 0;
    if (facts && !owned && !grouped && (facts.mode & 0o001) === 0) {
      throw new Error(
        `folder ${folder} does not let user ${NAME} through, under which PostgreSQL runs when ` +
          `started by root; run "chmod o+x ${folder}", choose another folder, or do not run as root`,
      );
    }
    if (folder === dirname(folder)) return;
  }
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
  await execute(program, [...args], { ...user, cwd: "/", env: { LC_ALL: "C", TZ: "UTC" } });
}

/** Starts a program that outlives us, output appended to an open file. Returns its pid. */
export function spawnAs(
  user: ServerUser,
  program: string,
  args: readonly string[],
  outputFd: number,
): Promise<number> {
  const child = spawn(program, [...args], {
    ...user,
    cwd: "/",
    env: { LC_ALL: "C", TZ: "UTC" },
    detached: true,
    stdio: ["ignore", outputFd, outputFd],
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
