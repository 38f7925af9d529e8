/**
 * The paired queue benchmark: Absurd beside its peers on one durable PostgreSQL.
 *
 *   npm run -s bench:queue -- [--json] [--works drain1,spawn32] [--peers graphile-worker,dbos]
 *                             [--rounds N] [--tasks N] [--pin-seconds S] [--quick] [--profile DIR]
 *
 * Every engine is measured once a round, in a fresh database, so that what disturbs the machine
 * disturbs all of them. Full runs, without --peers, --tasks and --quick, are kept in bench/results.
 *
 *   --peers none        ours alone; with --profile DIR its processes leave CPU profiles there
 *   --tasks N           instead of each work's own size
 *   --quick             small sizes and the strongest peer only: about three minutes
 *   ABSURD_DATABASE_URL a server to use instead of one of its own
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { BenchServer } from "./bench-server.ts";
import { ENGINE_NAMES, OURS, type PeerName } from "./engine.ts";
import { Lab } from "./lab.ts";
import { installPeers } from "./peers/install-peers.ts";
import { describeMachine, saveResults } from "./results.ts";
import { type Line, runWork } from "./run-work.ts";
import type { Work } from "./work.ts";
import { WORKS } from "./works/index.ts";

const ROUNDS = { full: 5, quick: 2 };
const PIN_SECONDS = { full: 60, quick: 8 };
const PEERS = ENGINE_NAMES.filter((name): name is PeerName => name !== OURS);

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    works: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string" },
    tasks: { type: "string" },
    "pin-seconds": { type: "string" },
    profile: { type: "string" },
  },
});
const scale = flags.quick ? "quick" : "full";
const works = pick("works", flags.works, WORKS, (work) => work.key);
const wanted = flags.peers === "none" ? [] : pick("peers", flags.peers, PEERS, (name) => name);
const rounds = positive("rounds", flags.rounds) ?? ROUNDS[scale];
const pinSeconds = positive("pin-seconds", flags["pin-seconds"]) ?? PIN_SECONDS[scale];
const size = positive("tasks", flags.tasks);
const profileFolder = flags.profile === undefined ? undefined : resolve(flags.profile);
if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });

await main();

async function main(): Promise<void> {
  const installed = installPeers(
    wanted.filter((peer) => isUsed(peer)),
    say,
  );
  const server = await BenchServer.start(process.env["ABSURD_DATABASE_URL"]);
  // Child processes end with their channel to this one.
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => void server.stop().finally(() => process.exit(130)));
  }
  const lab = new Lab(server, profileFolder);
  try {
    const machine = describeMachine(await server.settings(), installed);
    say(`PostgreSQL process ${server.pid ?? "elsewhere"}: ${JSON.stringify(machine.settings)}`);
    const lines: Line[] = [];
    for (const work of works) {
      const peers = peersOf(work).filter((peer) => installed.has(peer));
      const measured = await runWork(lab, work, { scale, size, rounds, peers, pinSeconds, say });
      lines.push(...measured);
      await lab.dropTemplates();
      if (flags.json) for (const line of measured) console.log(JSON.stringify(line));
    }
    if (!flags.json) printTable(lines);
    const isFull = !flags.quick && flags.peers === undefined && size === undefined;
    if (isFull) say(`results: ${saveResults(lines, machine, new Date())}`);
  } finally {
    await lab.close();
  }
}

function peersOf(work: Work): readonly PeerName[] {
  const peers = work.peers.filter((peer) => wanted.includes(peer));
  return flags.quick ? peers.slice(0, 1) : peers;
}

function isUsed(peer: PeerName): boolean {
  return works.some((work) => peersOf(work).includes(peer));
}

function printTable(lines: readonly Line[]): void {
  console.table(
    lines.map(({ work, ours, unit, bestPeer, peer, ratio, target, isMet, note }) => ({
      work,
      ours,
      unit,
      bestPeer,
      peer,
      ratio,
      target,
      met: note ?? isMet ?? "not compared",
    })),
  );
}

function pick<T>(
  flag: string,
  text: string | undefined,
  all: readonly T[],
  nameOf: (each: T) => string,
): T[] {
  if (text === undefined) return [...all];
  return text.split(",").map((name) => {
    const found = all.find((each) => nameOf(each) === name);
    if (found !== undefined) return found;
    return refuse(`--${flag} ${name}: expected some of ${all.map(nameOf).join(",")}`);
  });
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  return number > 0 ? number : refuse(`--${flag} ${text}: expected a number above 0`);
}

function refuse(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function say(text: string): void {
  console.error(`bench: ${text}`);
}
