/** `absurd token`: who may use the API, from a terminal. */
import { AccessStore, ensureApi } from "@contimg/api";
import { type Role, ROLES } from "@contimg/contract";
import { Command, Option } from "commander";

import { UsageError } from "../failure.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withPool } from "./settings.ts";

interface CreateFlags extends ReasonFlags {
  readonly role: Role;
  readonly days?: number;
}

export function tokenCommand(): Command {
  const command = new Command("token").description("tokens for the API: create, list, revoke");
  command.addCommand(
    actCommand("create", "make a token and print its secret, once")
      .argument("<name>", "whose it is; the audit log shows it")
      .addOption(
        new Option("--role <role>", "what it may do").choices([...ROLES]).default("operator"),
      )
      .option("--days <number>", "after which it expires (default: never)", numberIn(0.01, 3660))
      .action(create),
  );
  command.addCommand(absurdCommand("list", "the tokens, without their secrets").action(list));
  command.addCommand(
    actCommand("revoke", "end a token and its sessions").argument("<name>").action(revoke),
  );
  return command;
}

async function create(name: string, flags: CreateFlags): Promise<void> {
  const asked = { name, role: flags.role, expiresInDays: flags.days };
  const target = ({ tokenId }: { readonly tokenId: string }) => tokenId;
  const made = await act(flags, { action: "createToken", target, detail: asked }, (_, pool) =>
    new AccessStore(pool).createToken({ ...asked, createdBy: "cli" }),
  );
  print(flags.json ?? false, made, () => made.secret);
}

async function list(flags: AbsurdFlags): Promise<void> {
  const tokens = await listTokens(flags);
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

async function revoke(name: string, flags: ReasonFlags): Promise<void> {
  const token = (await listTokens(flags)).find((each) => each.name === name);
  if (!token) throw new UsageError(`no token "${name}"; see: absurd token list`);
  const deed = { action: "deleteToken", target: token.tokenId, detail: { name } } as const;
  await act(flags, deed, (_, pool) => new AccessStore(pool).revokeToken(token.tokenId));
  print(flags.json ?? false, { revoked: name }, () => `revoked ${name}`);
}

function listTokens(flags: AbsurdFlags) {
  return withPool(flags, async (pool) => {
    await ensureApi(pool);
    return new AccessStore(pool).listTokens();
  });
}
