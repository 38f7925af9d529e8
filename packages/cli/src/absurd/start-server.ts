/** Starts API and dashboard for a command: settings, the first token, what is printed. */
import { chmod, readFile, writeFile } from "node:fs/promises";

import {
  AccessStore,
  isBuilt,
  migrateApi,
  type Server,
  type ServerOptions,
  startServer,
} from "@contimg/api";
import { BUILD_FOLDER } from "@contimg/dashboard";

import { UsageError } from "../failure.ts";
import { openPool } from "../pool.ts";
import { readServeSettings, type ServeFlags } from "./serve-settings.ts";

export interface Started {
  readonly server: Server;
  /** For a person: where it is, and what to know. */
  readonly lines: readonly string[];
}

/** What a program says of its own errors. */
export type FailureHelp = Pick<ServerOptions, "hints" | "runbookFolder">;

const SECRET_LENGTH_MIN = 32;

export async function startApi(
  databaseUrl: string,
  flags: ServeFlags,
  isEnabled: boolean,
  help: FailureHelp = {},
): Promise<Started> {
  const { tokenFile, ...settings } = readServeSettings(flags, process.env);
  const lines: string[] = [];
  if (tokenFile !== undefined || flags.printToken) {
    lines.push(...(await prepareTokens(databaseUrl, tokenFile, flags.printToken ?? false)));
  }
  const hasPages = isBuilt(BUILD_FOLDER);
  const server = await startServer({
    ...settings,
    ...help,
    connectionString: databaseUrl,
    isEnabled,
    dashboardFolder: hasPages ? BUILD_FOLDER : undefined,
    logger: {
      level: flags.verbose ? "info" : "warn",
      stream: process.stderr,
      redact: ["req.headers.authorization", "req.headers.cookie"],
    },
  });
  const what = hasPages
    ? `dashboard ${server.url}/`
    : "no dashboard: it is not built (scripts/build-dashboard.sh builds it)";
  return { server, lines: [what, `API       ${server.url}/absurd/docs`, ...lines] };
}

/** The secret itself is printed only when that was asked for. */
async function prepareTokens(
  databaseUrl: string,
  tokenFile: string | undefined,
  isPrinted: boolean,
): Promise<string[]> {
  const pool = openPool({ databaseUrl, applicationName: "absurd", max: 1 });
  try {
    await migrateApi(pool);
    const store = new AccessStore(pool);
    const lines: string[] = [];
    if (tokenFile !== undefined) lines.push(await keepToken(store, tokenFile));
    if (isPrinted) {
      const name = `printed ${new Date().toISOString()}`;
      const { secret } = await store.createToken({
        name,
        role: "admin",
        createdBy: "absurd serve",
      });
      lines.push(`token     ${secret}`);
    }
    return lines;
  } finally {
    await pool.end();
  }
}

async function keepToken(store: AccessStore, path: string): Promise<string> {
  const known = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (known === undefined) {
    const { secret } = await store.createToken({
      name: `file ${path} ${new Date().toISOString()}`,
      role: "admin",
      createdBy: "absurd serve",
    });
    await writeFile(path, `${secret}\n`, { mode: 0o600, flag: "wx" });
    return `token     in ${path}, new`;
  }
  const secret = known.trim();
  if (secret.length < SECRET_LENGTH_MIN) {
    throw new UsageError(
      `${path} has ${secret.length} characters, expected a token of ${SECRET_LENGTH_MIN} or more; ` +
        "remove the file to have one made",
    );
  }
  await chmod(path, 0o600);
  await store.ensureToken(`file ${path}`, "admin", secret);
  return `token     in ${path}`;
}

/** Resolves at the first SIGINT or SIGTERM. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      resolve();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}
