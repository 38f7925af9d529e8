/** Runs what the flags ask for and shows, or keeps, what was measured; see flags.ts. */
import { mkdirSync } from "node:fs";

import { BenchServer } from "./bench-server.ts";
import type { PeerName } from "./engine.ts";
import { readFlags } from "./flags.ts";
import { Lab } from "./lab.ts";
import { installPeers } from "./peers/install-peers.ts";
import { describeMachine, saveResults } from "./results.ts";
import { type Line, runWork } from "./run-work.ts";
import type { Work } from "./work.ts";

const flags = readFlags();
const { works, rounds, pinSeconds, profileFolder } = flags;
if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });

await main();

async function main(): Promise<void> {
  const installed = installPeers(
    flags.peers.filter((peer) => isUsed(peer)),
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
      const measured = await runWork(lab, work, {
        scale: flags.isQuick ? "quick" : "full",
        size: flags.size,
        rounds,
        peers,
        pinSeconds,
        say,
      });
      lines.push(...measured);
      await lab.dropTemplates();
      if (flags.isJson) for (const line of measured) console.log(JSON.stringify(line));
    }
    if (!flags.isJson) printTable(lines);
    if (flags.isFull) say(`results: ${saveResults(lines, machine, new Date())}`);
  } finally {
    await lab.close();
  }
}

function peersOf(work: Work): readonly PeerName[] {
  const peers = work.peers.filter((peer) => flags.peers.includes(peer));
  return flags.isQuick ? peers.slice(0, 1) : peers;
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

function say(text: string): void {
  console.error(`bench: ${text}`);
}
