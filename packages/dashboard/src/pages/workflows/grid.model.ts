/** The last runs of a workflow name as columns, its nodes as rows. */
import type { WorkflowNode, WorkflowSummary } from "@contimg/contract";

export interface Run {
  readonly workflow: WorkflowSummary;
  readonly nodes: readonly WorkflowNode[];
}

export interface Grid {
  /** Oldest first, so that the latest is at the right, where the eye ends. */
  readonly runs: readonly Run[];
  readonly rows: readonly GridRow[];
}

export interface GridRow {
  readonly node: string;
  /** One for each run; undefined where the run has no such node. */
  readonly cells: readonly (WorkflowNode | undefined)[];
  readonly failures: number;
  /** Median of the runs in which it completed, in seconds. */
  readonly usualSeconds: number | undefined;
}

/** Rows in the order of the latest run, then those that only older ones have. */
export function gridOf(newestFirst: readonly Run[]): Grid {
  const runs = newestFirst.toReversed();
  const byRun = runs.map((run) => new Map(run.nodes.map((node) => [node.node, node])));
  const names = new Set(newestFirst.flatMap((run) => run.nodes.map((node) => node.node)));
  const rows = [...names].map((node): GridRow => {
    const cells = byRun.map((nodes) => nodes.get(node));
    return {
      node,
      cells,
      failures: cells.filter((cell) => cell?.status === "failed").length,
      usualSeconds: median(
        cells.flatMap((cell) =>
          cell?.status === "completed" && cell.execution_time_sec !== null
            ? [cell.execution_time_sec]
            : [],
        ),
      ),
    };
  });
  return { runs, rows };
}

/** How tall a cell's bar is, 0 to 1: a run of twice the usual time fills it. */
export function barShare(cell: WorkflowNode, usualSeconds: number | undefined): number {
  if (cell.execution_time_sec === null || !usualSeconds) return 0;
  return Math.min(1, cell.execution_time_sec / usualSeconds / 2);
}

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
