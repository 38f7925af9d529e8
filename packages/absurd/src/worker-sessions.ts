/** The two connections on which a worker takes its turns, and what is under way on them. */
import { WorkerSession } from "./worker-session.ts";

const SESSION_COUNT = 2;

export class WorkerSessions {
  readonly first: WorkerSession;
  readonly #all: readonly WorkerSession[];
  readonly #idle: WorkerSession[];
  readonly #turns = new Set<Promise<void>>();
  /** Tasks asked for in turns under way. */
  claimingCount = 0;

  constructor(connectionString: string, queryMsMax: number) {
    this.#all = Array.from(
      { length: SESSION_COUNT },
      () => new WorkerSession(connectionString, queryMsMax),
    );
    this.#idle = [...this.#all];
    this.first = this.#all[0]!;
  }

  get turnCount(): number {
    return this.#turns.size;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  /** Takes a turn on an idle session; `turn` handles its own errors. */
  start(claimCount: number, turn: (session: WorkerSession) => Promise<void>): void {
    // The first serves alone while load is low: the second is not even connected then.
    const session = this.#idle.sort((a, b) => this.#all.indexOf(b) - this.#all.indexOf(a)).pop()!;
    this.claimingCount += claimCount;
    const done = turn(session).finally(() => {
      this.claimingCount -= claimCount;
      this.#idle.push(session);
      this.#turns.delete(done);
    });
    this.#turns.add(done);
  }

  /** Resolves when no turn is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#turns);
  }

  disconnect(): void {
    for (const session of this.#all) session.disconnect();
  }
}
