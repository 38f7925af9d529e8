/**
 * A folder, a database and a clock for tests of ingest. Files are stand-ins of a line; what they
 * hold is read by a probe of its own. Every ingester is a fresh one: what it knows is in the
 * database.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import type { AbsurdClient } from "@contimg/absurd";
import type { FreshDatabase } from "@contimg/testkit";
import pg from "pg";
import { afterEach, beforeEach } from "vitest";

import { subbandCode } from "../../groups/subband-file.ts";
import { pipelineDatabase } from "../../testing/pipeline-database.ts";
import type { Load } from "../back-pressure.ts";
import { always, type ChainOf } from "../chain-of.ts";
import { Ingester, type LookReport } from "../ingester.ts";
import { ingestPolicySchema } from "../policy.ts";
import type { Probe } from "../probe-file.ts";
import { clientOf, probeStandIn, QUEUE } from "./stand-ins.ts";

/** Each test has observations of its own, so that it meets no task of another. */
const ERA_MS = 30 * 86_400_000;
let startUnixMs = Date.parse("2026-01-25T22:26:05Z");
const FREE: Load = { freeBytes: 1e12, diskBytes: 2e12, taskCount: 0 };

export interface LookOptions {
  /** Seconds after the start of the first observation. */
  readonly at?: number;
  readonly policy?: Record<string, unknown>;
  /** One after the other, the last for good; default: an idle machine with an empty disk. */
  readonly loads?: readonly Partial<Load>[];
  readonly chainOf?: ChainOf;
  readonly probe?: Probe;
}

export interface IngestBed {
  /** Inside tests. */
  readonly folder: string;
  readonly pool: pg.Pool;
  readonly client: AbsurdClient;
  readonly database: FreshDatabase;
  /** Writes a stand-in, quiet for long, as the telescope does: under another name, then renamed. */
  deliver(secondsAfterStart: number, subband: number, text?: string): string;
  /** Sixteen of them, or those that are named. */
  deliverGroup(secondsAfterStart: number, subbands?: readonly number[]): string[];
  /** A fresh ingester looks once. */
  look(options?: LookOptions): Promise<LookReport>;
  files(): Promise<{ name: string; group_id: string; state: string; reason: string | null }[]>;
  groups(): Promise<{ group_id: string; state: string; reason: string | null }[]>;
  runs(): Promise<{ group_id: string; revision: number; workflow_id: string }[]>;
}

export const ALL_SUBBANDS: readonly number[] = Array.from({ length: 16 }, (_, index) => index);

/** Registers its own set-up and tear-down; use it at the top of a test file. */
export function ingestBed(): IngestBed {
  const database = pipelineDatabase();
  let folder = "";
  let pool: pg.Pool | undefined;
  let client: AbsurdClient | undefined;
  let writtenUnixMs = startUnixMs - 1e9;
  beforeEach(async () => {
    startUnixMs += ERA_MS;
    folder = join(mkdtempSync(join(tmpdir(), "ingest-")), "incoming");
    mkdirSync(folder);
    pool ??= database.pool();
    client ??= clientOf(pool);
    await pool.query("truncate contimg.groups, contimg.ingest_folders cascade");
  });
  afterEach(() => {
    rmSync(join(folder, ".."), { recursive: true });
  });
  const deliver: IngestBed["deliver"] = (secondsAfterStart, subband, text = "whole") => {
    const path = join(folder, fileName(secondsAfterStart, subband));
    const unfinished = path.replace(".hdf5", "_incomplete.hdf5");
    writeFileSync(unfinished, text);
    writtenUnixMs += 1000;
    utimesSync(unfinished, new Date(writtenUnixMs), new Date(writtenUnixMs));
    renameSync(unfinished, path);
    return path;
  };
  return {
    get folder() {
      return folder;
    },
    get pool() {
      return pool!;
    },
    get client() {
      return client!;
    },
    database,
    deliver,
    deliverGroup: (secondsAfterStart, subbands = ALL_SUBBANDS) =>
      subbands.map((subband) => deliver(secondsAfterStart, subband)),
    look: (options = {}) => lookOnce(database, folder, options),
    files: async () => (await pool!.query<NamedFile>(FILES)).rows.map(shorten),
    groups: async () => (await pool!.query<GroupRow>(GROUPS)).rows,
    runs: async () => (await pool!.query<RunRow>(RUNS)).rows,
  };
}

const FILES = `select path as name, group_id, state, reason
  from contimg.subband_files order by path`;
const GROUPS = "select group_id, state, reason from contimg.groups order by group_id";
const RUNS = `select group_id, revision, workflow_id
  from contimg.group_runs order by group_id, revision`;

type NamedFile = Awaited<ReturnType<IngestBed["files"]>>[number];
type GroupRow = Awaited<ReturnType<IngestBed["groups"]>>[number];
type RunRow = Awaited<ReturnType<IngestBed["runs"]>>[number];

function shorten(row: NamedFile): NamedFile {
  return { ...row, name: basename(row.name) };
}

/** A pool whose connections think it is then; to be ended. */
export function poolAt(database: FreshDatabase, secondsAfterStart: number): pg.Pool {
  const now = new Date(startUnixMs + 1000 * secondsAfterStart).toISOString();
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 2,
    options: `-c absurd.fake_now=${now} -c synchronous_commit=off`,
  });
  // Its last socket may outlive it, and hear that the database is dropped.
  pool.on("error", () => undefined);
  return pool;
}

async function lookOnce(
  database: FreshDatabase,
  folder: string,
  options: LookOptions,
): Promise<LookReport> {
  const pool = poolAt(database, options.at ?? 0);
  const client = clientOf(pool);
  const loads = [...(options.loads ?? [{}])];
  try {
    const ingester = new Ingester({
      ...{ pool, client, folder, queue: QUEUE, dataRoot: folder },
      policy: ingestPolicySchema.parse(options.policy ?? {}),
      chainOf: options.chainOf ?? always("target"),
      probe: options.probe ?? probeStandIn,
      measure: () => {
        const load = loads.length > 1 ? loads.shift() : loads[0];
        return Promise.resolve({ ...FREE, ...load });
      },
    });
    return await ingester.look();
  } finally {
    await client.close();
    await pool.end();
  }
}

export function fileName(secondsAfterStart: number, subband: number): string {
  return `${stampAt(secondsAfterStart)}_${subbandCode(subband)}.hdf5`;
}

export function stampAt(secondsAfterStart: number): string {
  return new Date(startUnixMs + 1000 * secondsAfterStart).toISOString().slice(0, 19);
}
