/**
 * Does what is decided about a group: its state, its id for good, and its chain, in one
 * transaction. So a chain is spawned exactly once for each set of contents of a group.
 */
import type { AbsurdClient } from "@contimg/absurd";
import type pg from "pg";
import { z } from "zod";

import { type ChainOptions, spawnChain } from "../chains.ts";
import { subbandCode } from "../groups/subband-file.ts";
import { inTransaction } from "../products/transaction.ts";
import type { ChainOf, ReadyGroup } from "./chain-of.ts";
import { type Decision, decideGroup, type GroupFacts, type GroupState } from "./decide-group.ts";
import type { IngestPolicy } from "./policy.ts";

export interface SettleOptions {
  readonly pool: pg.Pool;
  readonly client: AbsurdClient;
  readonly queue: string;
  readonly policy: IngestPolicy;
  readonly chainOf: ChainOf;
}

export interface SpawnedGroup {
  readonly groupId: string;
  readonly revision: number;
  readonly chain: string;
  readonly workflowId: string;
  readonly missing: readonly number[];
  readonly reason: string;
}

export interface SettledGroup {
  readonly decision: Decision;
  readonly spawned: SpawnedGroup | null;
}

/** @returns undefined when another process has settled the group meanwhile */
export async function settleGroup(
  groupId: string,
  options: SettleOptions,
): Promise<SettledGroup | undefined> {
  return inTransaction(options.pool, async (transaction) => {
    await transaction.query("select contimg.lock_ingest()");
    const known = await readGroup(transaction, groupId);
    if (known === undefined) return undefined;
    const decision = decideGroup(known.facts, options.policy, known.nowUnixMs);
    const state = nextState(decision, known.state);
    const dueAt = decision.action === "wait" ? decision.untilUnixMs : null;
    await transaction.query("select contimg.decide_group($1, $2, $3, $4)", [
      ...[groupId, state, decision.reason],
      dueAt === null ? null : new Date(dueAt),
    ]);
    if (decision.action !== "run") return { decision, spawned: null };
    const spawned = await spawnRun(transaction, known, decision, options);
    return { decision, spawned };
  });
}

/** Waiting and resting change nothing of what a group is; a straggler takes a refusal back. */
function nextState(decision: Decision, state: GroupState): GroupState {
  if (decision.action === "run") return decision.state;
  if (decision.action === "refuse") return "refused";
  return state;
}

interface KnownGroup {
  readonly groupId: string;
  readonly state: GroupState;
  readonly nowUnixMs: number;
  readonly facts: GroupFacts;
  readonly members: readonly FactFile[];
}

/** As row_to_json writes a row of contimg.subband_files. */
const factFileSchema = z.object({
  path: z.string(),
  subband: z.int(),
  state: z.string(),
  reason: z.string().nullable(),
  is_pending: z.boolean(),
  content_digest: z.string().nullable(),
  start_mjd: z.number().nullable(),
  end_mjd: z.number().nullable(),
  declination_rad: z.number().nullable(),
  seen_at: z.coerce.date(),
  changed_at: z.coerce.date(),
});
type FactFile = z.infer<typeof factFileSchema>;

const memberSchema = z.object({ subband: z.int(), digest: z.string() });

async function readGroup(
  transaction: pg.PoolClient,
  groupId: string,
): Promise<KnownGroup | undefined> {
  const { rows } = await transaction.query<{
    state: GroupState;
    is_due: boolean;
    now: Date;
    files: unknown;
    last_revision: number | null;
    last_members: unknown;
  }>("select * from contimg.group_facts($1)", [groupId]);
  const row = rows[0];
  if (row?.is_due !== true) return undefined;
  const files = z.array(factFileSchema).parse(row.files);
  const members = files.filter((file) => file.state === "whole");
  const lastRun =
    row.last_revision === null
      ? null
      : { revision: row.last_revision, members: z.array(memberSchema).parse(row.last_members) };
  const nowUnixMs = row.now.getTime();
  return {
    groupId,
    state: row.state,
    nowUnixMs,
    members,
    facts: {
      members: members.map(toMember),
      pendingCount: files.filter((file) => file.is_pending).length,
      quarantined: files
        .filter((file) => file.state === "quarantined")
        .map((file) => `${subbandCode(file.subband)} (${file.reason ?? "no reason"})`),
      firstSeenUnixMs: Math.min(nowUnixMs, ...files.map((file) => file.seen_at.getTime())),
      lastChangeUnixMs: Math.max(...files.map((file) => file.changed_at.getTime())),
      lastRun,
    },
  };
}

function toMember(file: FactFile): { subband: number; digest: string } {
  return { subband: file.subband, digest: file.content_digest ?? "" };
}

async function spawnRun(
  transaction: pg.PoolClient,
  known: KnownGroup,
  decision: Decision & { action: "run" },
  options: SettleOptions,
): Promise<SpawnedGroup> {
  const { groupId, members } = known;
  const { missing, revision, reason } = decision;
  const group = readyGroup(known, decision);
  const { chain, params = {}, ...rest } = await options.chainOf(group);
  if (revision > 0) {
    const why = `superseded by revision ${revision}: ${reason}`;
    await transaction.query("select contimg.cancel_group_runs($1, $2)", [groupId, why]);
  }
  const { workflowId } = await spawnChain(options.client, chain, groupId, {
    ...rest,
    on: transaction,
    queue: options.queue,
    params: withInputs(params, group, options.policy),
    ...(revision > 0 && { revision: `r${revision}` }),
  });
  await transaction.query("select contimg.record_run($1, $2, $3, $4, $5, $6)", [
    ...[groupId, revision, chain, workflowId, JSON.stringify(members.map(toMember)), reason],
  ]);
  return { groupId, revision, chain, workflowId, missing, reason };
}

function readyGroup(known: KnownGroup, decision: Decision & { action: "run" }): ReadyGroup {
  const { groupId, members } = known;
  const told = <Value>(values: readonly (Value | null)[]): Value[] =>
    values.filter((value) => value !== null);
  return {
    groupId,
    revision: decision.revision,
    missing: decision.missing,
    inputPaths: members.map((member) => member.path),
    startMjd: Math.min(...told(members.map((member) => member.start_mjd))),
    endMjd: Math.max(...told(members.map((member) => member.end_mjd))),
    declinationRad: told(members.map((member) => member.declination_rad))[0] ?? null,
  };
}

/** The conversion is given exactly the files that were chosen, not what it would find itself. */
function withInputs(
  params: NonNullable<ChainOptions["params"]>,
  group: ReadyGroup,
  policy: IngestPolicy,
): NonNullable<ChainOptions["params"]> {
  const convert = {
    ...params["convert-uvh5-to-ms"],
    input_paths: [...group.inputPaths],
    expected_subbands: policy.expected_subbands,
    ...(group.missing.length > 0 && { missing_subbands: "flag" }),
  };
  return { ...params, "convert-uvh5-to-ms": convert };
}
