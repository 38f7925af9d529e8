/**
 * The record of full runs: one JSON file a day, and the newest as a table for people. A run of some
 * works replaces their lines in the day's file and leaves the others.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";

import type { PeerName } from "./engine.ts";
import type { Line } from "./run-work.ts";
import { WORKS } from "./works/index.ts";

export const RESULTS_FOLDER = join(import.meta.dirname, "../results");

export interface Machine {
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly loadAverageAtStart: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly peers: Readonly<Record<string, string>>;
}

interface Results {
  readonly date: string;
  readonly machine: Machine;
  readonly lines: readonly (Line & { readonly measuredAt: string })[];
}

export function describeMachine(
  settings: Readonly<Record<string, string>>,
  peers: ReadonlyMap<PeerName, string>,
): Machine {
  return {
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadAverageAtStart: loadavg()[0]!,
    settings,
    peers: Object.fromEntries(peers),
  };
}

/** Where the results are now. */
export function saveResults(lines: readonly Line[], machine: Machine, at: Date): string {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const date = at.toISOString().slice(0, 10);
  const path = join(RESULTS_FOLDER, `queue-${date}.json`);
  // Written by nobody but this function.
  const known = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Results) : undefined;
  const measuredAt = at.toISOString();
  const merged = [
    ...(known?.lines ?? []).filter((old) => !lines.some((line) => line.work === old.work)),
    ...lines.map((line) => ({ ...line, measuredAt })),
  ].sort((a, b) => placeOf(a.work) - placeOf(b.work));
  // A run of some works installed and knows some of the peers only.
  const peers = { ...known?.machine.peers, ...machine.peers };
  const results: Results = { date, machine: { ...machine, peers }, lines: merged };
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(RESULTS_FOLDER, "queue.md"), tableOf(results));
  return path;
}

function placeOf(name: string): number {
  return WORKS.findIndex(({ key }) => name === key || name.startsWith(`${key}.`));
}

function tableOf({ date, machine, lines }: Results): string {
  const { settings } = machine;
  const rows = lines.map(
    (line) =>
      `| ${line.work} | ${show(line.ours)} ${line.unit} | ${show(line.bestPeer)} | ` +
      `${line.peer ?? "–"} | ${show(line.ratio)} | ${line.target} | ${verdictOf(line)} |`,
  );
  const about = WORKS.map(({ key, about }) => `- \`${key}\`: ${about}.`);
  const versions = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`);
  return `# Queue benchmark, ${date}

Written by \`npm run -s bench:queue\`; do not edit.

${machine.cpus} × ${machine.cpuModel}, ${machine.memoryGiB} GiB, Node ${machine.node}, PostgreSQL
${settings["server_version"]} on the same machine (${Object.entries(settings)
    .filter(([name]) => name !== "server_version")
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")}); load average at the start
${machine.loadAverageAtStart.toFixed(1)}. Peers: ${versions.join(", ") || "none"}.

| work | ours | best peer | which | ratio | target | met |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

A ratio is the median over the rounds of ours to the peer's in the same round.

${about.join("\n")}
`;
}

function show(value: number | null): string {
  return value === null ? "–" : value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

function verdictOf(line: Line): string {
  if (line.note !== undefined) return line.note;
  if (line.isMet === null) return "not compared";
  return line.isMet ? "yes" : "**no**";
}
