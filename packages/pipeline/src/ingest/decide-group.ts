/**
 * What to do with a group now: wait, run it, run it again, give it up. Pure: it sees what is known
 * of the group, the policy and the time.
 */
import { subbandCode } from "../groups/subband-file.ts";
import type { IngestPolicy } from "./policy.ts";

export interface GroupFacts {
  /** Of the whole files, by ascending subband. */
  readonly members: readonly { readonly subband: number; readonly digest: string }[];
  /** Files of which nobody knows yet what is in them. */
  readonly pendingCount: number;
  /** Each with its reason, for the group's own. */
  readonly quarantined: readonly string[];
  readonly firstSeenUnixMs: number;
  /** When the last of its files came or changed. */
  readonly lastChangeUnixMs: number;
  readonly lastRun: { readonly revision: number; readonly members: GroupFacts["members"] } | null;
}

export type GroupState = "collecting" | "complete" | "partial" | "refused";

export type Decision =
  | { readonly action: "wait"; readonly untilUnixMs: number | null; readonly reason: string }
  | {
      readonly action: "run";
      readonly state: "complete" | "partial";
      readonly missing: readonly number[];
      readonly revision: number;
      readonly reason: string;
    }
  | { readonly action: "refuse"; readonly reason: string }
  /** All is done; the group stays as it is until its files change. Null: as its last run says. */
  | { readonly action: "rest"; readonly reason: string | null };

export type DecisionPolicy = Pick<
  IngestPolicy,
  "expected_subbands" | "wait_seconds" | "min_subbands" | "give_up_seconds" | "reruns_max"
>;

export function decideGroup(
  facts: GroupFacts,
  policy: DecisionPolicy,
  nowUnixMs: number,
): Decision {
  if (facts.lastRun !== null) return decideAgain(facts, facts.lastRun, policy, nowUnixMs);
  const missing = missingOf(facts, policy);
  if (missing.length === 0) {
    return { action: "run", state: "complete", missing, revision: 0, reason: "all subbands" };
  }
  const said = describeMissing(facts, missing, policy);
  const wait = waitForQuiet(facts, policy, nowUnixMs, said);
  if (wait !== undefined) return wait;
  if (facts.members.length >= policy.min_subbands) {
    const reason = `${said}; nothing more came for ${policy.wait_seconds} s`;
    return { action: "run", state: "partial", missing, revision: 0, reason };
  }
  const giveUpUnixMs = facts.firstSeenUnixMs + 1000 * policy.give_up_seconds;
  const wanted = `${said}; at least ${policy.min_subbands} are needed`;
  if (nowUnixMs < giveUpUnixMs) {
    return { action: "wait", untilUnixMs: giveUpUnixMs, reason: wanted };
  }
  const reason = `${wanted}; given up ${policy.give_up_seconds} s after its first file`;
  return { action: "refuse", reason };
}

function decideAgain(
  facts: GroupFacts,
  lastRun: NonNullable<GroupFacts["lastRun"]>,
  policy: DecisionPolicy,
  nowUnixMs: number,
): Decision {
  const changes = compare(lastRun.members, facts.members);
  const missing = missingOf(facts, policy);
  const said = missing.length === 0 ? null : describeMissing(facts, missing, policy);
  if (changes.lost.length > 0) {
    const lost = `${codes(changes.lost)} of the last run are no longer there`;
    return { action: "rest", reason: `${lost}; not run again` };
  }
  const news = [
    ...(changes.added.length > 0 ? [`${codes(changes.added)} came late`] : []),
    ...(changes.replaced.length > 0 ? [`${codes(changes.replaced)} replaced`] : []),
  ].join(", ");
  if (news === "") return { action: "rest", reason: said };
  if (lastRun.revision >= policy.reruns_max) {
    return { action: "rest", reason: `${news}; not run again after ${lastRun.revision} reruns` };
  }
  const isWhole = missing.length === 0 && changes.replaced.length === 0;
  const wait = isWhole ? undefined : waitForQuiet(facts, policy, nowUnixMs, news);
  if (wait !== undefined) return wait;
  return {
    action: "run",
    state: missing.length === 0 ? "complete" : "partial",
    missing,
    revision: lastRun.revision + 1,
    reason: said === null ? news : `${news}; ${said}`,
  };
}

function compare(
  before: GroupFacts["members"],
  now: GroupFacts["members"],
): { added: number[]; replaced: number[]; lost: number[] } {
  const digests = new Map(before.map(({ subband, digest }) => [subband, digest]));
  const present = new Set(now.map(({ subband }) => subband));
  const isKnown = ({ subband }: { subband: number }): boolean => digests.has(subband);
  return {
    added: now.filter((member) => !isKnown(member)).map(({ subband }) => subband),
    replaced: now
      .filter((member) => isKnown(member) && digests.get(member.subband) !== member.digest)
      .map(({ subband }) => subband),
    lost: [...digests.keys()].filter((subband) => !present.has(subband)),
  };
}

/** While files come, more may; a file that is being looked into says itself when that is over. */
function waitForQuiet(
  facts: GroupFacts,
  policy: DecisionPolicy,
  nowUnixMs: number,
  reason: string,
): Decision | undefined {
  const quietUnixMs = facts.lastChangeUnixMs + 1000 * policy.wait_seconds;
  if (nowUnixMs < quietUnixMs) return { action: "wait", untilUnixMs: quietUnixMs, reason };
  return facts.pendingCount > 0 ? { action: "wait", untilUnixMs: null, reason } : undefined;
}

function missingOf(facts: GroupFacts, policy: DecisionPolicy): number[] {
  const present = new Set(facts.members.map(({ subband }) => subband));
  const all = Array.from({ length: policy.expected_subbands }, (_, subband) => subband);
  return all.filter((subband) => !present.has(subband));
}

function describeMissing(
  facts: GroupFacts,
  missing: readonly number[],
  policy: DecisionPolicy,
): string {
  const { members, quarantined } = facts;
  const bad = quarantined.length === 0 ? "" : `; quarantined: ${quarantined.join(", ")}`;
  const count = `${members.length} of ${policy.expected_subbands} subbands`;
  return `${count}, missing ${codes(missing)}${bad}`;
}

function codes(subbands: readonly number[]): string {
  return subbands.map(subbandCode).join(", ");
}
