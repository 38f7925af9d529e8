/** Retry rules by error class and by error tag, as a program writes them and as SQL reads them. */
import { z } from "zod";

import type { Json } from "./task.ts";

export interface RepairRule {
  /** A registered task name. Its params get failedTaskId, failedTaskName, attempt, error, too. */
  readonly task: string;
  readonly params?: Readonly<Record<string, Json>>;
  /** Repairs in a row after which the task is dead. Default 3. */
  readonly maxRepairs?: number;
}

/** What a rule leaves out is taken from the more general one. */
export interface RetryRule {
  /** Retries after errors of this rule, counted on their own; else they count as all others do. */
  readonly maxRetries?: number;
  /** Wait after the first failure. Default 2. */
  readonly backoffSeconds?: number;
  /** By which the wait grows with each further one. Default 2. */
  readonly factor?: number;
  /** Default 300. */
  readonly backoffSecondsMax?: number;
  /** The part of the wait that is random, 0 to 1. Default 0.5. */
  readonly jitter?: number;
  /** For recoverable errors and for tags: the task that mends it before the next attempt. */
  readonly repair?: RepairRule;
}

export interface RetryPolicy {
  readonly default?: RetryRule;
  readonly retryable?: RetryRule;
  readonly recoverable?: RetryRule;
  readonly timeout?: RetryRule;
  readonly byTag?: Readonly<Record<string, RetryRule>>;
}

const seconds = z.number().min(0).max(1e9);

const ruleSchema = z.strictObject({
  maxRetries: z.int().min(0).max(1_000_000).optional(),
  backoffSeconds: seconds.optional(),
  factor: z.number().min(1).max(100).optional(),
  backoffSecondsMax: seconds.optional(),
  jitter: z.number().min(0).max(1).optional(),
});

const repairableSchema = ruleSchema.extend({
  repair: z
    .strictObject({
      task: z.string().min(1),
      params: z.record(z.string(), z.json()).optional(),
      maxRepairs: z.int().min(1).max(1_000_000).optional(),
    })
    .optional(),
});

export const retryPolicySchema = z.strictObject({
  default: ruleSchema.optional(),
  retryable: ruleSchema.optional(),
  recoverable: repairableSchema.optional(),
  timeout: ruleSchema.optional(),
  byTag: z.record(z.string().min(1), repairableSchema).optional(),
});

/** The policy for absurd.retry_rule. maxRetries of the default is the task's own and left out. */
export function wireRetry(policy: RetryPolicy): object {
  return {
    default: policy.default && { ...wireRule(policy.default), max_retries: undefined },
    retryable: wireRule(policy.retryable),
    recoverable: wireRule(policy.recoverable),
    timeout: wireRule(policy.timeout),
    by_tag:
      policy.byTag &&
      Object.fromEntries(
        Object.entries(policy.byTag).map(([tag, rule]) => [tag, wireRule(rule)] as const),
      ),
  };
}

function wireRule(rule: RetryRule | undefined): object | undefined {
  return (
    rule && {
      max_retries: rule.maxRetries,
      backoff_seconds: rule.backoffSeconds,
      factor: rule.factor,
      backoff_seconds_max: rule.backoffSecondsMax,
      jitter: rule.jitter,
      repair: rule.repair && {
        task: rule.repair.task,
        params: rule.repair.params,
        max_repairs: rule.repair.maxRepairs,
      },
    }
  );
}
