/** Failures, their groups and dead letters: see the contract's failure.ts. */
import {
  type AbsurdClient,
  type DeadLetter,
  type DeadLetterFilter,
  type ErrorGroup,
  UnknownErrorGroup,
} from "@contimg/absurd";
import type {
  DeadLetter as WireDeadLetter,
  deadLetterFilter,
  FAILURE_ROUTES,
  FailureGroup,
} from "@contimg/contract";
import type { z } from "zod";

import { type FailureHints, hintOf } from "../failure-hints.ts";
import type { HandlersOf } from "../handler.ts";
import { timeCursor } from "./cursor.ts";
import { dateOf, given, wireError, wireInstant } from "./wire-values.ts";

export interface FailureHandlersDeps {
  readonly client: AbsurdClient;
  readonly hints: FailureHints;
  /** Below which address the runbooks are served, with a slash at its end. */
  readonly runbookBase: string;
}

export function failureHandlers({
  client,
  ...help
}: FailureHandlersDeps): HandlersOf<typeof FAILURE_ROUTES> {
  const { deadLetters } = client;
  return {
    async listFailureGroups({ query: { state } }) {
      const groups = await deadLetters.groups();
      return {
        groups: groups
          .filter((each) => state === undefined || each.state === state)
          .map((each) => wireGroup(each, help)),
      };
    },
    async updateFailureGroup({ params: { fingerprint }, body }) {
      await deadLetters.setGroup(fingerprint, given(body));
      const group = (await deadLetters.groups()).find((each) => each.fingerprint === fingerprint);
      if (!group) throw new UnknownErrorGroup(`no group of failures ${fingerprint}`);
      return wireGroup(group, help);
    },
    async listDeadLetters({ query: { limit, cursor, ...filter } }) {
      const from = timeCursor(cursor);
      const page = await deadLetters.page(
        deadLetterFilterOf(filter),
        given({ limit, cursor: from }),
      );
      return {
        dead_letters: page.deadLetters.map(wireDeadLetter),
        next_cursor: page.cursor ?? null,
      };
    },
    async replayDeadLetters({ query: { dry_run: dryRun }, body }) {
      const ids = await deadLetters.replay(deadLetterFilterOf(body.filter), {
        dryRun,
        limit: body.limit,
        resetAttempts: body.reset_attempts,
        ...given({ paramsPatch: body.params_patch }),
      });
      return { task_ids: ids, count: ids.length };
    },
    async discardDeadLetters({ query: { dry_run: dryRun }, body }) {
      const { limit, reason } = body;
      const ids = await deadLetters.discard(deadLetterFilterOf(body.filter), {
        dryRun,
        limit,
        reason,
      });
      return { task_ids: ids, count: ids.length };
    },
  };
}

function deadLetterFilterOf(wire: z.output<typeof deadLetterFilter>): DeadLetterFilter {
  return {
    taskIds: wire.task_ids,
    queue: wire.queue_name,
    taskName: wire.task_name,
    tag: wire.error_tag,
    errorClass: wire.error_class,
    fingerprint: wire.fingerprint,
    correlationId: wire.correlation_id,
    failedFrom: dateOf(wire.failed_from),
    failedTo: dateOf(wire.failed_to),
  };
}

export function wireDeadLetter(letter: DeadLetter): WireDeadLetter {
  return {
    task_id: letter.taskId,
    queue_name: letter.queue,
    task_name: letter.taskName,
    params: letter.params,
    attempt: letter.attempt,
    error: wireError(letter.error),
    fingerprint: letter.fingerprint,
    created_at: wireInstant(letter.createdAt),
    failed_at: wireInstant(letter.failedAt),
    correlation_id: letter.correlationId,
    tags: [...letter.tags],
  };
}

function wireGroup(
  group: ErrorGroup,
  { hints, runbookBase }: Omit<FailureHandlersDeps, "client">,
): FailureGroup {
  const { hint, runbook } = hintOf(hints, group.tag);
  return {
    fingerprint: group.fingerprint,
    task_name: group.taskName,
    error_tag: group.tag,
    error_class: group.errorClass,
    message: group.message,
    count: group.count,
    first_at: wireInstant(group.firstAt),
    last_at: wireInstant(group.lastAt),
    example: group.example && {
      task_id: group.example.taskId,
      message: group.example.message,
    },
    state: group.state,
    assignee: group.assignee,
    note: group.note,
    hint,
    runbook_url: runbook === null ? null : `${runbookBase}${runbook}`,
  };
}
