/**
 * The engine's protocol in small: claim, lease, fence, park and dependency, with workers that stop,
 * are declared dead while they still run or lose answers, and servers that forget what was not
 * flushed.
 *
 * Two tasks pass one gate of limit 1 and a third waits for the first. Each step is one transaction.
 * The flaws are ways to build it wrong; each must be caught.
 */
import type { Model } from "./checker.ts";

export type Flaw =
  | "a fence without claim number"
  | "a fence without epoch"
  | "a completion that does not look at its row count"
  | "a release that wakes nobody"
  | "grants that survive their task"
  | "edges that are not counted again"
  | "leases that nobody was told of stay";

type Plane = "unborn" | "waiting" | "parked" | "ready" | "lease" | "completed" | "dead";

interface Task {
  readonly plane: Plane;
  readonly claimNo: number;
  /** While in lease. */
  readonly worker: number;
  readonly epoch: number;
  /** Unmet edges, while waiting. */
  readonly need: number;
  readonly hasGrant: boolean;
  /** Accepted completions: what the fence is for. */
  readonly acceptedCount: number;
  /** Writes accepted from an attempt that no longer was the newest. */
  readonly hasStaleWrite: boolean;
}

/** A handler somewhere, alive or a ghost: what it believes to hold. */
interface Attempt {
  readonly task: number;
  readonly claimNo: number;
  readonly worker: number;
  readonly epoch: number;
}

export interface State {
  readonly tasks: readonly Task[];
  /** The epoch of each worker in the database; 0 when it is not registered. */
  readonly epochs: readonly number[];
  readonly nextEpoch: number;
  readonly attempts: readonly Attempt[];
  /** A parent ended whose transaction had not seen the edge: to be counted again. */
  readonly lateEdge: boolean;
  /** The claim that a crash may still take back, with async commit. */
  readonly unflushed: number;
  readonly crashesLeft: number;
}

const WORKERS = [0, 1];
const CLAIMS_MAX = 2;
/** Two workers, and one of them comes back once. */
const EPOCH_MAX = 3;
const GATED = new Set([0, 1]);
const PARENT = 0;
const CHILD = 2;

const NEW: Task = {
  plane: "unborn",
  claimNo: 0,
  worker: -1,
  epoch: 0,
  need: 0,
  hasGrant: false,
  acceptedCount: 0,
  hasStaleWrite: false,
};

const INITIAL: State = {
  tasks: [
    { ...NEW, plane: "parked" },
    { ...NEW, plane: "parked" },
    { ...NEW, plane: "unborn" },
  ],
  epochs: [1, 2],
  nextEpoch: 3,
  attempts: [],
  lateEdge: false,
  unflushed: -1,
  crashesLeft: 1,
};

/** @param flaw leave out one of the things that make it right */
export function protocol(flaw?: Flaw): Model<State> {
  return {
    initial: grantNext(INITIAL),
    violation,
    isFinal: ({ tasks }) => tasks.every(({ plane }) => plane === "completed" || plane === "dead"),
    *steps(state) {
      yield* spawnChild(state);
      for (const worker of WORKERS) {
        yield* claims(state, worker);
        yield* deaths(state, worker, flaw);
      }
      for (const attempt of state.attempts) yield* ends(state, attempt, flaw);
      yield* timeouts(state, flaw);
      yield* giveBacks(state, flaw);
      yield* audits(state, flaw);
      yield* crashes(state, flaw);
    },
  };
}

function violation({ tasks }: State): string | undefined {
  const grantCount = tasks.filter((task) => task.hasGrant).length;
  if (grantCount > 1) return "the gate is granted twice";
  for (const [index, task] of tasks.entries()) {
    const isRunnable = task.plane === "ready" || task.plane === "lease";
    if (GATED.has(index) && isRunnable && !task.hasGrant) return `task ${index} runs without grant`;
    if (task.acceptedCount > 1) return `task ${index} completed twice`;
    if (task.hasStaleWrite) return `a stale attempt wrote for task ${index}`;
    if (task.need < 0) return `task ${index} was released twice`;
  }
  const child = tasks[CHILD]!;
  const isReleased =
    child.plane !== "unborn" && child.plane !== "waiting" && child.plane !== "dead";
  if (isReleased && tasks[PARENT]!.plane !== "completed") return "the child ran before its parent";
  return undefined;
}

/** The edge may be written beside a completion of the parent that does not see it. */
function* spawnChild(state: State): Generator<readonly [string, State]> {
  if (state.tasks[CHILD]!.plane !== "unborn") return;
  const parent = state.tasks[PARENT]!.plane;
  if (parent === "dead") {
    yield ["the child is refused", withTask(state, CHILD, { plane: "dead" })];
  } else if (parent === "completed") {
    yield ["spawn the child", withTask(state, CHILD, { plane: "ready" })];
    // Its snapshot is older than the parent's end.
    const waits = withTask(state, CHILD, { plane: "waiting", need: 1 });
    yield ["spawn the child, late", { ...waits, lateEdge: true }];
  } else yield ["spawn the child", withTask(state, CHILD, { plane: "waiting", need: 1 })];
}

function* claims(state: State, worker: number): Generator<readonly [string, State]> {
  const epoch = state.epochs[worker]!;
  if (epoch === 0) return;
  for (const [index, task] of state.tasks.entries()) {
    if (task.plane !== "ready" || task.claimNo >= CLAIMS_MAX) continue;
    const claimNo = task.claimNo + 1;
    const leased = {
      ...withTask(state, index, { plane: "lease", claimNo, worker, epoch }),
      unflushed: index,
    };
    const attempt = { task: index, claimNo, worker, epoch };
    yield [`worker ${worker} claims ${index}`, withAttempt(leased, attempt)];
    // One of them is enough, and keeps the model small.
    if (worker === 0) yield [`worker 0 claims ${index}, the answer is lost`, leased];
  }
}

/** A worker is silent too long, rightly or not; what it runs goes on as a ghost. */
function* deaths(
  state: State,
  worker: number,
  flaw: Flaw | undefined,
): Generator<readonly [string, State]> {
  const epoch = state.epochs[worker]!;
  const held = state.tasks.flatMap((task, index) =>
    task.plane === "lease" && task.worker === worker && task.epoch === epoch ? [index] : [],
  );
  if (epoch === 0) {
    // Epochs are bounded to keep the model small.
    if (state.nextEpoch > EPOCH_MAX) return;
    const epochs = state.epochs.with(worker, state.nextEpoch);
    const { nextEpoch } = state;
    yield [`worker ${worker} registers`, { ...state, epochs, nextEpoch: nextEpoch + 1 }];
    return;
  }
  // Somebody has to be left.
  if (held.length === 0 || state.nextEpoch > EPOCH_MAX) return;
  const epochs = state.epochs.with(worker, 0);
  const recovered = held.reduce<State>((next, index) => putBack(next, index, flaw), {
    ...state,
    epochs,
  });
  yield [`worker ${worker} is declared dead`, recovered];
}

/** A lease is taken from a worker that lives and goes on: it may claim the same task again. */
function* timeouts(state: State, flaw: Flaw | undefined): Generator<readonly [string, State]> {
  const { plane } = state.tasks[PARENT]!;
  if (plane === "lease") yield ["the parent times out", putBack(state, PARENT, flaw)];
}

/** An attempt completes its task, or writes something else under its fence. */
function* ends(
  state: State,
  attempt: Attempt,
  flaw: Flaw | undefined,
): Generator<readonly [string, State]> {
  const who = `attempt ${attempt.claimNo} of ${attempt.task} on worker ${attempt.worker}`;
  const task = state.tasks[attempt.task]!;
  const over = { ...state, attempts: state.attempts.filter((each) => each !== attempt) };
  const isNewest = task.plane === "lease" && task.claimNo === attempt.claimNo;
  const isHolder = isNewest && task.worker === attempt.worker && task.epoch === attempt.epoch;
  if (!holdsFence(task, attempt, flaw)) {
    const isBlind = flaw === "a completion that does not look at its row count";
    if (isBlind && task.plane === "completed")
      yield [`${who} completes`, complete(over, attempt.task)];
    else yield [`${who} is refused`, over];
    return;
  }
  yield [
    `${who} completes`,
    complete(
      isHolder ? over : withTask(over, attempt.task, { hasStaleWrite: true }),
      attempt.task,
      flaw,
    ),
  ];
  if (!isHolder) yield [`${who} writes`, withTask(state, attempt.task, { hasStaleWrite: true })];
  yield [`${who} fails`, putBack(over, attempt.task, flaw)];
}

function holdsFence(task: Task, attempt: Attempt, flaw: Flaw | undefined): boolean {
  return (
    task.plane === "lease" &&
    (task.claimNo === attempt.claimNo || flaw === "a fence without claim number") &&
    task.worker === attempt.worker &&
    (task.epoch === attempt.epoch || flaw === "a fence without epoch")
  );
}

function complete(state: State, index: number, flaw?: Flaw): State {
  const acceptedCount = state.tasks[index]!.acceptedCount + 1;
  const hasGrant = flaw === "grants that survive their task" && state.tasks[index]!.hasGrant;
  let next = withTask(state, index, { plane: "completed", acceptedCount, hasGrant });
  const child = next.tasks[CHILD]!;
  if (index === PARENT && (child.plane === "waiting" || acceptedCount > 1)) {
    const need = child.need - 1;
    next = withTask(next, CHILD, { need, plane: need === 0 ? "ready" : child.plane });
  }
  return flaw === "a release that wakes nobody" ? next : grantNext(next);
}

/** A try that did not succeed: another one through the gate, or the end. */
function putBack(state: State, index: number, flaw: Flaw | undefined): State {
  const { claimNo } = state.tasks[index]!;
  const isOver = claimNo >= CLAIMS_MAX;
  const plane = isOver ? "dead" : GATED.has(index) ? "parked" : "ready";
  const hasGrant =
    isOver && flaw === "grants that survive their task" ? state.tasks[index]!.hasGrant : false;
  let next = withTask(state, index, { plane, hasGrant });
  const { plane: childPlane } = next.tasks[CHILD]!;
  if (isOver && index === PARENT && childPlane === "waiting") {
    next = withTask(next, CHILD, { plane: "dead" });
  }
  return flaw === "a release that wakes nobody" ? next : grantNext(next);
}

/** Hands the gate to the first that waits for it, when it is free. */
function grantNext(state: State): State {
  if (state.tasks.some((task) => task.hasGrant)) return state;
  const index = state.tasks.findIndex((task) => task.plane === "parked");
  return index < 0 ? state : withTask(state, index, { plane: "ready", hasGrant: true });
}

/** After a lost answer the worker asks what it holds; what it does not know goes back. */
function* giveBacks(state: State, flaw: Flaw | undefined): Generator<readonly [string, State]> {
  if (flaw === "leases that nobody was told of stay") return;
  for (const [index, task] of state.tasks.entries()) {
    const isKnown = state.attempts.some(
      (each) => each.task === index && each.claimNo === task.claimNo && each.epoch === task.epoch,
    );
    if (task.plane !== "lease" || isKnown || state.epochs[task.worker] !== task.epoch) continue;
    yield [`worker ${task.worker} gives ${index} back`, putBack(state, index, flaw)];
  }
}

function* audits(state: State, flaw: Flaw | undefined): Generator<readonly [string, State]> {
  if (!state.lateEdge || flaw === "edges that are not counted again") return;
  const counted = withTask(state, CHILD, { need: 0, plane: "ready" });
  yield ["the late edge is counted", { ...counted, lateEdge: false }];
}

/**
 * The server stops; a claim whose commit was not flushed is gone with it, and its number will be
 * given out again. Its worker begins anew under another epoch, and what else it held is put back.
 */
function* crashes(state: State, flaw: Flaw | undefined): Generator<readonly [string, State]> {
  const task = state.tasks[state.unflushed];
  if (state.crashesLeft === 0 || task?.plane !== "lease" || state.nextEpoch > EPOCH_MAX) return;
  // As with lost answers.
  if (task.worker === 0 || task.epoch !== state.epochs[task.worker]) return;
  const forgotten = withTask(state, state.unflushed, { plane: "ready", claimNo: task.claimNo - 1 });
  const epochs = state.epochs.with(task.worker, state.nextEpoch);
  const back = forgotten.tasks.reduce<State>(
    (next: State, { plane, worker }: Task, index: number) =>
      plane === "lease" && worker === task.worker ? putBack(next, index, flaw) : next,
    { ...forgotten, epochs, nextEpoch: state.nextEpoch + 1, crashesLeft: 0, unflushed: -1 },
  );
  yield ["the server forgets a claim", back];
}

function withTask(state: State, index: number, change: Partial<Task>): State {
  return { ...state, tasks: state.tasks.with(index, { ...state.tasks[index]!, ...change }) };
}

function withAttempt(state: State, attempt: Attempt): State {
  const attempts = [...state.attempts, attempt].sort((a, b) => order(a) - order(b));
  return { ...state, attempts };
}

/** One order for the same set, so that it is one state. */
function order({ task, claimNo, worker, epoch }: Attempt): number {
  return ((task * 10 + claimNo) * 10 + worker) * 10 + epoch;
}
