/** What the benchmark was asked for on its command line; ends the process when that is nonsense. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { ENGINE_NAMES, OURS, type PeerName } from "./engine.ts";
import type { Work } from "./work.ts";
import { WORKS } from "./works/index.ts";

const ROUNDS = { full: 5, quick: 2 };
const PIN_SECONDS = { full: 60, quick: 8 };
const PEERS = ENGINE_NAMES.filter((name): name is PeerName => name !== OURS);

const HELP = `The paired queue benchmark: Absurd beside its peers on one durable PostgreSQL.

  npm run -s bench:queue -- [options]

Every engine is measured once a round, in a fresh database, so that what disturbs the machine
disturbs all of them. Full runs, without --peers, --tasks and --quick, are kept in bench/results.

  --works A,B         of ${WORKS.map(({ key }) => key).join(", ")}
  --peers A,B         of ${PEERS.join(", ")}; none: ours alone
  --rounds N          default ${ROUNDS.full}
  --tasks N           instead of each work's own size
  --pin-seconds S     how long claim-pinned holds its snapshot; default ${PIN_SECONDS.full}
  --quick             small sizes and the strongest peer only: about three minutes
  --json              one line a measured quantity on standard output
  --profile DIR       with --peers none: its processes leave CPU profiles there

  ABSURD_DATABASE_URL a server to use instead of one of its own`;

const OPTIONS = {
  help: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  works: { type: "string" },
  peers: { type: "string" },
  rounds: { type: "string" },
  tasks: { type: "string" },
  "pin-seconds": { type: "string" },
  profile: { type: "string" },
} as const;

export interface Flags {
  readonly works: readonly Work[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly pinSeconds: number;
  /** Undefined: each work's own. */
  readonly size: number | undefined;
  readonly isQuick: boolean;
  readonly isJson: boolean;
  /** All works' own sizes beside all peers: worth keeping. */
  readonly isFull: boolean;
  readonly profileFolder: string | undefined;
}

export function readFlags(): Flags {
  const given = parse();
  if (given.help) {
    console.log(HELP);
    process.exit(0);
  }
  const scale = given.quick ? "quick" : "full";
  const size = positive("tasks", given.tasks);
  return {
    works: pick("works", given.works, WORKS, (work) => work.key),
    peers: given.peers === "none" ? [] : pick("peers", given.peers, PEERS, (name) => name),
    rounds: positive("rounds", given.rounds) ?? ROUNDS[scale],
    pinSeconds: positive("pin-seconds", given["pin-seconds"]) ?? PIN_SECONDS[scale],
    size,
    isQuick: given.quick,
    isJson: given.json,
    isFull: !given.quick && given.peers === undefined && size === undefined,
    profileFolder: given.profile === undefined ? undefined : resolve(given.profile),
  };
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse(`${(error as Error).message}; --help lists the options`);
  }
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
