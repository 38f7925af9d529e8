/** Says where a recorded history and the database it left break the promises. */
import { conditions } from "./checker-conditions.ts";
import { limits } from "./checker-limits.ts";
import { type Effect, type FinalState, type FinalTask, type HistoryEvent, of } from "./record.ts";

/** Every violation in words; empty when the history is as promised. */
export function violations(events: readonly HistoryEvent[], final: FinalState): string[] {
  return [
    ...spawns(events, final),
    ...keys(events, final),
    ...starts(events),
    ...effects(events, final),
    ...ends(events, final),
    ...cancellations(events, final),
    ...joins(final),
    ...conditions(events, final),
    ...limits(events, final),
    ...schedules(final),
    ...leftovers(final),
  ];
}

/** What was acknowledged is there, what was withdrawn is not, nothing is there twice. */
function spawns(events: readonly HistoryEvent[], final: FinalState): string[] {
  const byId = new Map(final.tasks.map((task) => [task.taskId, task]));
  const byToken = Map.groupBy(final.tasks, (task) => task.token);
  const asked = new Set(of(events, "asked").map((event) => event.token));
  return [
    ...of(events, "acknowledged").flatMap((event) => {
      const task = byId.get(event.taskId);
      if (!task) return [`lost: task ${event.taskId} was acknowledged and is not there`];
      const isOwn = task.token === event.token;
      if (event.created && !isOwn) return [`task ${event.taskId} is not what was asked`];
      return [];
    }),
    ...of(events, "spooled")
      .filter((event) => !byToken.has(event.token))
      .map((event) => `lost: ${event.token} was spooled and there is no task for it`),
    ...of(events, "withdrawn")
      .filter((event) => byToken.has(event.token))
      .map((event) => `${event.token} was withdrawn and there is a task for it`),
    ...[...byToken].flatMap(([token, tasks]) => [
      ...(tasks.length > 1 ? [`${token} was spawned ${tasks.length} times`] : []),
      ...(asked.has(token) || tasks[0]!.isScheduled ? [] : [`nobody asked for ${token}`]),
    ]),
  ];
}

/** A key names one task. */
function keys(events: readonly HistoryEvent[], final: FinalState): string[] {
  const keyed = final.tasks.filter((task) => task.key !== null);
  const told = of(events, "acknowledged").filter((event) => event.key !== undefined);
  const ofKey = Map.groupBy(
    [
      ...keyed.map((task) => [task.key!, task.taskId] as const),
      ...told.map((event) => [event.key!, event.taskId] as const),
    ],
    ([key]) => key,
  );
  return [...ofKey].flatMap(([key, pairs]) => {
    const ids = new Set(pairs.map(([, taskId]) => taskId));
    return ids.size > 1 ? [`key ${key} names ${ids.size} tasks`] : [];
  });
}

/** One claim, one run of the handler. */
function starts(events: readonly HistoryEvent[]): string[] {
  const byClaim = Map.groupBy(of(events, "started"), (event) => `${event.taskId}/${event.claim}`);
  return [...byClaim]
    .filter(([, runs]) => runs.length > 1)
    .map(([claim, runs]) => `claim ${claim} ran ${runs.length} times`);
}

/** Fences: acknowledged effects stay, refused ones are not there, an older claim never follows. */
function effects(events: readonly HistoryEvent[], final: FinalState): string[] {
  const byNonce = new Map(final.effects.map((effect) => [effect.nonce, effect]));
  const inOrder = final.effects.toSorted((a, b) => a.seq - b.seq);
  const newest = new Map<string, Effect>();
  const stale: string[] = [];
  for (const effect of inOrder) {
    const before = newest.get(effect.taskId);
    if (before && before.claim > effect.claim) {
      stale.push(
        `stale: an effect of claim ${effect.claim} of ${effect.taskId} was accepted after one of ` +
          `claim ${before.claim}`,
      );
    } else newest.set(effect.taskId, effect);
  }
  return [
    ...stale,
    ...of(events, "effect")
      .filter((event) => !byNonce.has(event.nonce))
      .map((event) => `lost: effect ${event.nonce} was acknowledged and is not there`),
    ...of(events, "refused")
      .filter((event) => byNonce.has(event.nonce))
      .map((event) => `stale: effect ${event.nonce} was refused and is there`),
  ];
}

/** Each task ends once, for a reason, within its attempts; its effect is there as often as due. */
function ends(events: readonly HistoryEvent[], final: FinalState): string[] {
  const asked = new Set(of(events, "cancel asked").map((event) => event.taskId));
  const done = Map.groupBy(
    final.effects.filter((effect) => effect.what === "done"),
    (effect) => effect.taskId,
  );
  return final.tasks.flatMap((task) => [
    ...task.places.map((place) => `task ${task.taskId} is still in ${place}`),
    ...(task.outcomes.length === 1
      ? endOf(task, done.get(task.taskId) ?? [], asked)
      : [`task ${task.taskId} has ${task.outcomes.length} outcomes`]),
  ]);
}

function endOf(task: FinalTask, done: readonly Effect[], asked: ReadonlySet<string>): string[] {
  const { kind, claim, tag, lastClass } = task.outcomes[0]!;
  const name = `task ${task.taskId}`;
  const used = claim - task.credits;
  const wrong: string[] = [];
  if (used > task.attemptsMax) wrong.push(`${name} had ${used} of ${task.attemptsMax} attempts`);
  if (kind === "c" && !done.some((effect) => effect.claim === claim)) {
    wrong.push(`${name} completed by claim ${claim}, which had no effect`);
  }
  if (task.isAtomic && done.length > (kind === "c" ? 1 : 0)) {
    wrong.push(`double: ${name} (${kind}) has ${done.length} effects that end it`);
  }
  if (kind === "d" && used < task.attemptsMax && !/^(fatal|validation)$/.test(lastClass ?? "")) {
    wrong.push(`${name} is dead after ${used} of ${task.attemptsMax} attempts`);
  }
  if (kind === "x" && !/^(DependencyFailed|Skipped)$/.test(tag ?? "") && !asked.has(task.taskId)) {
    wrong.push(`${name} was cancelled (${tag}) and nobody asked`);
  }
  return wrong;
}

/** Nothing is claimed that was told to be cancelled, unless it was given a new start. */
function cancellations(events: readonly HistoryEvent[], final: FinalState): string[] {
  const retried = new Set(of(events, "retry asked").map((event) => event.taskId));
  const told = new Map(of(events, "cancel told").map((event) => [event.taskId, event.at]));
  return final.leases
    .filter(({ taskId, claimedAt }) => claimedAt > (told.get(taskId) ?? Infinity))
    .filter(({ taskId }) => !retried.has(taskId))
    .map(({ taskId, claim }) => `claim ${taskId}/${claim} came after its cancellation`);
}

/** A join runs when all its parents completed, and comes to one completion. */
function joins(final: FinalState): string[] {
  const byId = new Map(final.tasks.map((task) => [task.taskId, task]));
  const ofTask = Map.groupBy(final.effects, (effect) => effect.taskId);
  return final.tasks
    .filter((task) => task.parents.length > 0)
    .flatMap((task) => {
      const own = ofTask.get(task.taskId) ?? [];
      const firstSeq = Math.min(...own.map((effect) => effect.seq));
      const early = task.parents.filter((parent) => {
        const end = (ofTask.get(parent) ?? []).filter((effect) => effect.what === "done");
        return own.length > 0 && !end.some((effect) => effect.seq < firstSeq);
      });
      const unmet = task.parents.filter((parent) => kindOf(byId, parent) !== "c");
      const hasCompleted = task.outcomes.some((outcome) => outcome.kind === "c");
      const firings = own.filter((effect) => effect.what === "done").length;
      return [
        ...early.map((parent) => `join ${task.taskId} began before ${parent} was done`),
        ...(hasCompleted ? unmet : []).map((it) => `join ${task.taskId} completed without ${it}`),
        ...(task.isAtomic && firings > 1 ? [`join ${task.taskId} fired ${firings} times`] : []),
      ];
    });
}

/** Each instant was decided, and has its one task if that is what was decided. */
function schedules(final: FinalState): string[] {
  return final.fires.flatMap((fire, index) => {
    const name = `the instant ${fire.fireAt} of ${fire.schedule}`;
    const before = final.fires[index - 1];
    const gapMs = before && Date.parse(fire.fireAt) - Date.parse(before.fireAt);
    const isGap = before?.schedule === fire.schedule && gapMs !== fire.everySeconds * 1000;
    const due = fire.state === "spawned" ? 1 : 0;
    const isRight = fire.state !== "none" && fire.taskCount === due;
    return [
      ...(isRight ? [] : [`${name} is ${fire.state} and has ${fire.taskCount} tasks`]),
      ...(isGap ? [`${name} comes ${gapMs} ms after the one before it`] : []),
    ];
  });
}

function leftovers(final: FinalState): string[] {
  const names = Object.keys(final.counted);
  return [
    ...Object.entries(final.remains)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} rows are left in ${what}`),
    ...names
      .filter((name) => final.counted[name] !== final.stated[name])
      .map(
        (name) => `statistics say ${final.stated[name]} ${name}, there are ${final.counted[name]}`,
      ),
  ];
}

function kindOf(byId: ReadonlyMap<string, FinalTask>, taskId: string): string | undefined {
  return byId.get(taskId)?.outcomes[0]?.kind;
}
