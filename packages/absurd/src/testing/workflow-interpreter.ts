/** What conditions, policies and reruns of a workflow mean, said without a database. */
export type Status =
  "waiting" | "ready" | "claimed" | "completed" | "failed" | "cancelled" | "skipped";
export interface Edge {
  readonly on: number;
  readonly when: "success" | "failure" | "always" | "matches";
}
/** One edge, or several of which any will do. */
export interface Requirement {
  readonly edges: readonly Edge[];
  readonly otherwise: "cancel" | "skip" | "continue";
}

/** What should happen, computed from scratch at each step: no counters, no locks. */
export class Model {
  readonly status: Status[];
  readonly #needs: readonly (readonly Requirement[])[];
  readonly #value: number[] = [];
  /** Cancelled by a person, not because of a parent. */
  readonly #byHand = new Set<number>();

  constructor(needs: readonly (readonly Requirement[])[]) {
    this.#needs = needs;
    this.status = needs.map(() => "waiting");
    this.#settle(this.#all());
  }

  end(nodes: readonly number[], status: Status, values: readonly number[] = []): void {
    nodes.forEach((node, i) => {
      this.status[node] = status;
      this.#value[node] = values[i] ?? Number.NaN;
      if (status === "cancelled") this.#byHand.add(node);
    });
    this.#settle(this.#childrenOf(nodes));
  }

  part(from: number | undefined, withDescendants: boolean): number[] {
    const isBad = (node: number): boolean => /failed|cancelled/.test(this.status[node]!);
    if (from === undefined) return this.#all().filter(isBad);
    return withDescendants ? this.#closure([from], () => true) : [from];
  }

  rerun(part: readonly number[]): void {
    const ended = part.filter((node) => this.isEnded(node));
    const family = this.#closure(
      ended,
      (node) => /cancelled|skipped/.test(this.status[node]!) && !this.#byHand.has(node),
    );
    for (const node of family) {
      this.status[node] = "waiting";
      this.#byHand.delete(node);
    }
    this.#settle([...family, ...this.#childrenOf(family)]);
  }

  isEnded(node: number): boolean {
    return /completed|failed|cancelled|skipped/.test(this.status[node]!);
  }

  /** Level by level, as everything that ended at once is seen at once. */
  #settle(touched: readonly number[]): void {
    const waiting = [...new Set(touched)].filter((node) => this.status[node] === "waiting");
    const verdicts = waiting.map((node) => this.#verdict(node));
    waiting.forEach((node, i) => (this.status[node] = verdicts[i]!));
    const ended = waiting.filter((node) => this.isEnded(node));
    if (ended.length > 0) this.#settle(this.#childrenOf(ended));
  }

  #verdict(node: number): Status {
    const states = this.#needs[node]!.map((need) => this.#stateOf(need));
    if (states.includes("cancelled")) return "cancelled";
    if (states.includes("skipped")) return "skipped";
    return states.includes("waiting") ? "waiting" : "ready";
  }

  #stateOf({ edges, otherwise }: Requirement): "met" | "waiting" | "cancelled" | "skipped" {
    const states = edges.map(({ on, when }) => {
      const parent = this.status[on]!;
      if (!this.isEnded(on)) return "waiting";
      if (otherwise === "continue" || when === "always") return "met";
      if (when === "success" && parent === "completed") return "met";
      if (when === "failure" && /failed|cancelled/.test(parent)) return "met";
      if (when === "matches" && parent === "completed" && this.#value[on]! < 5) return "met";
      return otherwise === "skip" || parent === "skipped" ? "skipped" : "cancelled";
    });
    for (const state of ["met", "waiting", "cancelled"] as const) {
      if (states.includes(state)) return state;
    }
    return "skipped";
  }

  #all(): number[] {
    return this.status.map((_, node) => node);
  }

  #childrenOf(parents: readonly number[]): number[] {
    const isOfThem = (need: Requirement): boolean =>
      need.edges.some((edge) => parents.includes(edge.on));
    return this.#all().filter((node) => this.#needs[node]!.some(isOfThem));
  }

  #closure(roots: readonly number[], passes: (node: number) => boolean): number[] {
    const found = new Set(roots);
    for (const node of found) {
      for (const child of this.#childrenOf([node])) if (passes(child)) found.add(child);
    }
    return [...found];
  }
}
