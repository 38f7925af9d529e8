/** What `absurd serve` and `contimg up` take from the environment for the server; flags win. */
import { type Command, Option } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";

/** Each variable with its meaning; `absurd --help` prints it. */
export const SERVE_ENVIRONMENT = {
  ABSURD_API_HOST: "address that serve listens on (default: 127.0.0.1)",
  ABSURD_API_PORT: "port that serve listens on (default: 8000)",
  ABSURD_API_BASE_PATH: "path below which serve is seen, such as /ops (default: none)",
  ABSURD_API_AUTH: "tokens: who shows none is nobody; none: this machine only (default)",
  ABSURD_API_TOKEN_FILE: "file with an admin's token, made when absent; means auth tokens",
  ABSURD_API_ORIGINS: "pages of other servers that may call, with commas between",
  ABSURD_API_TRUST_PROXY: "true: believe the X-Forwarded-* headers of a proxy in front",
} as const;

const PORT_MAX = 65_535;

const schema = z.object({
  ABSURD_API_HOST: z.string().min(1).default("127.0.0.1"),
  ABSURD_API_PORT: z.coerce.number().int().min(0).max(PORT_MAX).default(8000),
  ABSURD_API_BASE_PATH: z.string().default(""),
  ABSURD_API_AUTH: z.enum(["none", "tokens"]).optional(),
  ABSURD_API_TOKEN_FILE: z.string().min(1).optional(),
  ABSURD_API_ORIGINS: z
    .string()
    .default("")
    .transform((text) => text.split(",").filter((each) => each.trim() !== ""))
    .pipe(z.array(z.url().transform((text) => new URL(text).origin))),
  ABSURD_API_TRUST_PROXY: z.stringbool().default(false),
});

export interface ServeFlags {
  readonly host?: string;
  readonly port?: number;
  readonly basePath?: string;
  readonly auth?: string;
  readonly tokenFile?: string;
  readonly printToken?: boolean;
  readonly origin?: readonly string[];
  readonly trustProxy?: boolean;
  readonly verbose?: boolean;
}

export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly basePath: string;
  readonly auth: "none" | "tokens";
  readonly tokenFile: string | undefined;
  readonly origins: readonly string[];
  readonly trustProxy: boolean;
}

export function withServeOptions(command: Command): Command {
  return command
    .option("--host <address>", "default: 127.0.0.1 [ABSURD_API_HOST]")
    .option(
      "--port <port>",
      "default: 8000; 0: any that is free [ABSURD_API_PORT]",
      wholeNumberIn(0, PORT_MAX),
    )
    .option("--base-path <path>", "below which it is seen, such as /ops [ABSURD_API_BASE_PATH]")
    .addOption(
      new Option("--auth <how>", "who may call [ABSURD_API_AUTH]").choices(["none", "tokens"]),
    )
    .option("--token-file <path>", "admin's token, made when absent [ABSURD_API_TOKEN_FILE]")
    .option("--print-token", "make a new admin's token and print it; means --auth tokens")
    .option("--origin <url...>", "page of another server that may call [ABSURD_API_ORIGINS]")
    .option("--trust-proxy", "believe X-Forwarded-* headers [ABSURD_API_TRUST_PROXY]")
    .option("--verbose", "log every request");
}

/** @throws {UsageError} naming the variable, its value and what is expected */
export function readServeSettings(
  flags: ServeFlags,
  environment: NodeJS.ProcessEnv,
): ServeSettings {
  const parsed = schema.safeParse({
    ...environment,
    ...(flags.host === undefined ? {} : { ABSURD_API_HOST: flags.host }),
    ...(flags.port === undefined ? {} : { ABSURD_API_PORT: flags.port }),
    ...(flags.basePath === undefined ? {} : { ABSURD_API_BASE_PATH: flags.basePath }),
    ...(flags.auth === undefined ? {} : { ABSURD_API_AUTH: flags.auth }),
    ...(flags.tokenFile === undefined ? {} : { ABSURD_API_TOKEN_FILE: flags.tokenFile }),
    ...(flags.origin === undefined ? {} : { ABSURD_API_ORIGINS: flags.origin.join(",") }),
    ...(flags.trustProxy === undefined ? {} : { ABSURD_API_TRUST_PROXY: "true" }),
  });
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new UsageError(`setting ${issues.join("; ")}`);
  }
  const values = parsed.data;
  const hasToken = values.ABSURD_API_TOKEN_FILE !== undefined || flags.printToken === true;
  if (hasToken && values.ABSURD_API_AUTH === "none") {
    throw new UsageError("a token is of no use with --auth none: leave one of the two out");
  }
  return {
    host: values.ABSURD_API_HOST,
    port: values.ABSURD_API_PORT,
    basePath: values.ABSURD_API_BASE_PATH,
    auth: values.ABSURD_API_AUTH ?? (hasToken ? "tokens" : "none"),
    tokenFile: values.ABSURD_API_TOKEN_FILE,
    origins: values.ABSURD_API_ORIGINS,
    trustProxy: values.ABSURD_API_TRUST_PROXY,
  };
}
