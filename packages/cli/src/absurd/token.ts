/** `absurd token`: who may use the API, from a terminal. */
import { AccessStore, migrateApi } from "@contimg/api";
import { type Role, ROLES } from "@contimg/contract";
import { Command, Option } from "commander";

import { UsageError } from "../failure.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { type AbsurdFlags, absurdCommand, withPool } from "./settings.ts";

interface CreateFlags extends AbsurdFlags {
  readonly role: Role;
  readonly days?: number;
}

export function tokenCommand(): Command {
  const command = new Command("token").description("tokens for the API: create, list, revoke");
  command.addCommand(
    absurdCommand("create", "make a token and print its secret, once")
      .argument("<name>", "whose it is; the audit log shows it")
      .addOption(
        new Option("--role <role>", "what it may do").choices([...ROLES]).default("operator"),
      )
      .option("--days <number>", "after which it expires (default: never)", numberIn(0.01, 3660))
      .action(create),
  );
  command.addCommand(absurdCommand("list", "the tokens, without their secrets").action(list));
  command.addCommand(
    absurdCommand("revoke", "end a token and its sessions").argument("<name>").action(revoke),
  );
  return command;
}

async function create(name: string, flags: CreateFlags): Promise<void> {
  const made = await withStore(flags, (store) =>
    store.createToken({ name, role: flags.role, expiresInDays: flags.days, createdBy: "cli" }),
  );
  print(flags.json ?? false, made, () => made.secret);
}

async function list(flags: AbsurdFlags): Promise<void> {
  const tokens = await withStore(flags, (store) => store.listTokens());
  print(flags.json ?? false, { tokens }, () =>
    formatTable(
      ["name", "role", "created", "expires", "last used"],
      tokens.map((each) => [
        each.name,
        each.role,
        each.createdAt.toISOString(),
        each.expiresAt?.toISOString() ?? "never",
        each.lastUsedAt?.toISOString() ?? "never",
      ]),
    ),
  );
}

async function revoke(name: string, flags: AbsurdFlags): Promise<void> {
  await withStore(flags, async (store) => {
    const found = (await store.listTokens()).find((each) => each.name === name);
    if (!found) throw new UsageError(`no token "${name}"; see: absurd token list`);
    await store.revokeToken(found.tokenId);
  });
  print(flags.json ?? false, { revoked: name }, () => `revoked ${name}`);
}

function withStore<Result>(
  flags: AbsurdFlags,
  work: (store: AccessStore) => Promise<Result>,
): Promise<Result> {
  return withPool(flags, async (pool) => {
    await migrateApi(pool);
    return work(new AccessStore(pool));
  });
}
