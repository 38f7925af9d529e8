/** `absurd limits`: concurrency keys, locks and rates; who is in, who waits, how many may. */
import type { LimitKind, LimitUser, LimitView } from "@contimg/absurd";
import { Command, InvalidArgumentError, Option } from "commander";

import { print } from "../output.ts";
import { parseRate } from "./demand-flags.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { formatTime } from "./task-text.ts";

const HELP = `
Examples:
  absurd limits list
  absurd limits show ms/2026-03-01 --kind lock
  absurd limits set disk 4
  absurd limits set api 10/60
  absurd limits set disk spawns
  absurd limits remove disk

A key or a rate that is set here is no longer changed by spawns; "spawns" gives it back to them.`;

export function limitsCommand(): Command {
  const command = new Command("limits")
    .description("concurrency keys, locks and rates")
    .addHelpText("after", HELP);
  command.addCommand(
    absurdCommand("list", "every limit with how many are in and how many wait").action(list),
    { isDefault: true },
  );
  command.addCommand(
    absurdCommand("show", "who is in at one limit, and who waits")
      .argument("<name>")
      .addOption(kindOption())
      .action(show),
  );
  command.addCommand(
    actCommand("set", "set a key's limit or a rate, whatever spawns say")
      .argument("<name>")
      .argument("<limit>", "a count, count/seconds, or spawns", parseLimit)
      .action(set),
  );
  command.addCommand(
    actCommand("remove", "remove a limit and let in who waits for it alone")
      .argument("<name>")
      .addOption(kindOption())
      .action(remove),
  );
  return command;
}

interface Limit {
  readonly limit: number | null;
  readonly periodSeconds?: number;
}

function parseLimit(text: string): Limit {
  if (text === "spawns") return { limit: null };
  if (text.includes("/")) {
    const { count, periodSeconds } = parseRate(text);
    return { limit: count, periodSeconds };
  }
  if (/^\d{1,9}$/.test(text)) return { limit: Number(text) };
  throw new InvalidArgumentError("Expected a whole number, count/seconds, or spawns.");
}

function kindOption(): Option {
  return new Option("--kind <kind>", "what it is").choices(["key", "lock", "rate"]).default("key");
}

function list(flags: AbsurdFlags): Promise<void> {
  const text = (limits: readonly LimitView[]) => limits.map(formatLimit).join("\n");
  return printList(flags, "limits", (client) => client.limits.list(), text);
}

function formatLimit(limit: LimitView): string {
  const period = limit.periodSeconds === null ? "" : ` in ${limit.periodSeconds} s`;
  const most = limit.limit === null ? "" : ` of ${limit.limit}${period}`;
  const pinned = limit.isPinned ? ", set by hand" : "";
  return `${limit.kind} ${limit.name}: ${limit.inUse}${most} in, ${limit.waiting} wait${pinned}`;
}

async function show(name: string, flags: AbsurdFlags & { kind: LimitKind }): Promise<void> {
  const users = await withClient(flags, (client) => client.limits.show(name, flags.kind));
  print(flags.json ?? false, users, () =>
    [
      ...users.holders.map((each) => `holds  ${formatUser(each)}`),
      ...users.waiters.map((each) => `waits  ${formatUser(each)}`),
    ].join("\n"),
  );
}

function formatUser(user: LimitUser): string {
  const claimed =
    user.workerName === null ? "" : `  ${user.workerName} since ${formatTime(user.claimedAt)}`;
  return `${user.taskId}  ${user.taskName}  ${user.mode}${claimed}`;
}

async function set(name: string, asked: Limit, flags: ReasonFlags): Promise<void> {
  const deed = { action: "setLimit", target: name, detail: asked } as const;
  await act(flags, deed, (client) => client.limits.set(name, asked.limit, asked.periodSeconds));
  print(flags.json ?? false, { name, ...asked }, () => `set ${name}`);
}

async function remove(name: string, flags: ReasonFlags & { kind: LimitKind }): Promise<void> {
  const deed = { action: "removeLimit", target: `${flags.kind}/${name}` } as const;
  await act(flags, deed, (client) => client.limits.remove(name, flags.kind));
  print(flags.json ?? false, { removed: name }, () => `removed ${name}`);
}
