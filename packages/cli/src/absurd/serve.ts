/** `absurd serve`: API and dashboard until it is told to stop. */
import { startEmbeddedPostgres } from "@contimg/absurd";
import type { Command } from "commander";

import { type AbsurdFlags, absurdCommand, readServerSettings } from "./settings.ts";
import { type ServeFlags, withServeOptions } from "./serve-settings.ts";
import { startApi, untilStopped } from "./start-server.ts";

interface Flags extends AbsurdFlags, ServeFlags {
  readonly postgresFolder: string;
}

const HELP = `
Without a database it starts a PostgreSQL of its own in --postgres-folder, on the loopback address,
which ends with it. On the loopback address everyone of this machine is an admin; any other address
needs tokens: absurd token create.

Examples:
  absurd serve
  absurd serve --host 0.0.0.0 --token-file /etc/absurd/admin.token
  absurd serve --base-path /ops --trust-proxy --auth tokens

The first SIGTERM or Ctrl-C ends streams, lets running requests finish and stops.`;

export function serveCommand(): Command {
  return withServeOptions(absurdCommand("serve", "serve API and dashboard until stopped"))
    .option("--postgres-folder <path>", "of the own PostgreSQL", "absurd-postgres")
    .addHelpText("after", HELP)
    .action(serve);
}

async function serve(flags: Flags): Promise<void> {
  const { databaseUrl, isEnabled } = readServerSettings(flags);
  const own =
    databaseUrl === undefined
      ? await startEmbeddedPostgres({ dataFolder: flags.postgresFolder })
      : undefined;
  try {
    const stopped = untilStopped();
    const { server, lines } = await startApi(databaseUrl ?? own!.url, flags, isEnabled);
    const text = flags.json ? JSON.stringify({ url: server.url }) : lines.join("\n");
    process.stdout.write(`${text}\n`);
    await stopped;
    await server.close();
  } finally {
    await own?.stop();
  }
}
